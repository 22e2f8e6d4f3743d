# SPDX-License-Identifier: Apache-2.0
"""The status as text: one block a subject, plain lines that grep and small terminals can take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bascule.cli import status_tracking
from bascule.cli.status_table import age, table
from bascule.model.service import RealServerView, ServiceId, ServiceView
from bascule.model.status import (
    BfdStatus,
    CheckStatus,
    DirectorStatus,
    InstanceStatus,
    LatenessStatus,
    NotifyStatus,
    PlaneStatus,
    RoleStatus,
    ScriptStatus,
    WitnessStatus,
)


def lines(status: DirectorStatus, now: float) -> Iterator[str]:
    """Every line; `now` is Unix time, from which ages are counted."""
    yield f"bascule {status.version}, up {age(now - status.started)}, configuration {status.generation}"
    yield from (f"  file {name}" for name in status.files)
    yield ""
    yield from table([("ROLE", "PID", "STATE", "SINCE", "RESTARTS", "NOTE"), *(_role(r, now) for r in status.roles)])
    if status.vrrp is not None and status.vrrp.instances:
        yield ""
        head = ("INSTANCE", "STATE", "PRIO", "SINCE", "INTERFACE", "MASTER", "ADDRESSES", "WHY")
        yield from table([head, *(_instance(i, now) for i in status.vrrp.instances)])
        yield from _alarms(status.vrrp.instances, now)
        yield from _held(status.vrrp.instances)
        yield from _refused_packets(status.vrrp.instances)
        yield from _lateness(status.vrrp.lateness)
        yield from (_witness(witness, now) for witness in status.vrrp.witnesses)
        yield from status_tracking.lines(status.vrrp, now)
    if status.vrrp is not None and status.vrrp.bfd:
        yield ""
        yield from table([("BFD", "NEIGHBOUR", "STATE", "DETECTS IN", "WHY"), *map(_session, status.vrrp.bfd)])
    if status.plane is not None:
        yield ""
        yield from _plane(status.plane, status.checks.checks if status.checks else (), now)
    elif status.checks is not None and status.checks.checks:
        yield ""
        yield "Checks (the data plane's role does not answer):"
        yield from (f"  {_name(check)}: {_check(check, now)}" for check in status.checks.checks)
    if status.notify is not None:
        yield ""
        yield from _notify(status.notify, now)
    parts = (status.vrrp, status.plane, status.checks, status.notify)
    notes = [*status.notes, *(note for part in parts if part is not None for note in part.notes)]
    if notes:
        yield ""
        yield "Notes:"
        yield from (f"  - {note}" for note in notes)


def _session(session: BfdStatus) -> tuple[str, ...]:
    detects = "-" if session.detection_time is None else f"{session.detection_time:.3f} s"
    return (session.name, str(session.neighbour), session.state, detects, session.why)


def _role(role: RoleStatus, now: float) -> tuple[str, ...]:
    state = "running" if role.running else "not running"
    if role.running and not role.responsive:
        since = f" since {age(now - role.silent_since)}" if role.silent_since is not None else ""
        state = f"unresponsive{since}"
    pid = "-" if role.pid is None else str(role.pid)
    return (role.role.value, pid, state, age(now - role.since), str(role.restarts), role.note or "")


def _instance(instance: InstanceStatus, now: float) -> tuple[str, ...]:
    return (
        instance.name,
        instance.state.value,
        _priority(instance),
        age(now - instance.since),
        f"{instance.interface}/{instance.vrid}",
        str(instance.master or "nobody"),
        ",".join(map(str, instance.virtual_addresses)),
        instance.reason,
    )


def _alarms(instances: Sequence[InstanceStatus], now: float) -> Iterator[str]:
    for instance in instances:
        for alarm in instance.alarms:
            seen = f"since {age(now - alarm.since)}, last {age(now - alarm.last)} ago"
            yield f"  ALARM {instance.name} {alarm.kind.value} ({seen}): {alarm.why}"


def _witness(witness: WitnessStatus, now: float) -> str:
    answered = "never" if witness.last is None else f"{age(now - witness.last)} ago"
    taking = f" in {witness.round_trip * 1000:.1f} ms" if witness.round_trip is not None else ""
    state = "answers" if witness.answers else "NO ANSWER" if witness.asked else "not asked yet"
    trouble = f": {witness.trouble}" if witness.trouble else ""
    counts = f"{witness.answered} of {witness.asked}"
    return f"  witness {witness.address}: {state} (last {answered}{taking}, {counts}){trouble}"


def _lateness(lateness: LatenessStatus) -> Iterator[str]:
    spans = (("last minute", lateness.last_minute), ("since the start", lateness.since_start))
    said = [
        f"{name} {span.count}, half within {_ms(span.p50)}, 99 % within {_ms(span.p99)}, worst {_ms(span.max)}"
        for name, span in spans
        if span.count
    ]
    if said:
        yield f"  timers late: {'; '.join(said)}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _held(instances: Sequence[InstanceStatus]) -> Iterator[str]:
    for instance in instances:
        if instance.held:
            to = f" to {instance.handed_to}" if instance.handed_to is not None else ""
            yield f"  {instance.name} handed over{to} and keeps back until `bascule failover --release`"


def _priority(instance: InstanceStatus) -> str:
    """The effective priority, and the configured one where that is another."""
    configured = instance.configured_priority
    return str(instance.priority) if configured in (None, instance.priority) else f"{instance.priority} of {configured}"


def _refused_packets(instances: Sequence[InstanceStatus]) -> Iterator[str]:
    for instance in instances:
        if instance.packets_refused:
            counts = ", ".join(f"{count} {reason}" for reason, count in sorted(instance.packets_refused.items()))
            yield f"  {instance.name} refused packets: {counts}"


def _plane(plane: PlaneStatus, checks: Sequence[CheckStatus], now: float) -> Iterator[str]:
    yield f"Data plane {plane.kind}: {'ready' if plane.ready else 'not ready'} ({plane.ready_reason})"
    for attachment in plane.attachments:
        note = f" ({attachment.note})" if attachment.note else ""
        yield f"  on {attachment.interface}, {attachment.mode} mode{note}"
    if plane.counters:
        yield "  packets: " + ", ".join(f"{count} {name}" for name, count in plane.counters.items() if count)
    present = {view.service.id for view in plane.services}
    for view in plane.services:
        yield ""
        yield from _service(view, [c for c in checks if c.target.service == view.service.id], now)
    for check in checks:
        if check.target.service not in present:
            yield f"  not in the table: {_name(check)}: {_check(check, now)}"


def _service(view: ServiceView, checks: Sequence[CheckStatus], now: float) -> Iterator[str]:
    service = view.service
    persistent = f" persistent {service.persistence:g} s" if service.persistence is not None else ""
    foreign = "" if view.ours else " (foreign: not ours, not touched)"
    yield f"Service {service.id} {service.scheduler.value}{persistent}{foreign}"
    rows = [("  SERVER", "WEIGHT", "METHOD", "ACTIVE", "INACTIVE", "CONNECTIONS", "CHECK")]
    rows += [_server(service.id, server, checks, now) for server in view.servers]
    shown = {server.server.id for server in view.servers}
    for check in checks:
        if check.target.server not in shown:
            name = f"  {check.target.server.address}:{check.target.server.port}"
            rows.append((name, "-", "-", "-", "-", "-", _check(check, now)))
    yield from table(rows)


def _server(
    service: ServiceId, view: RealServerView, checks: Sequence[CheckStatus], now: float
) -> tuple[str, str, str, str, str, str, str]:
    server = view.server
    results = [_check(c, now) for c in checks if c.target.service == service and c.target.server == server.id]
    results += [view.trouble] if view.trouble else []
    return (
        f"  {server.address}:{server.port}",
        str(server.weight),
        server.forwarding.value,
        str(view.active),
        str(view.inactive),
        str(view.counters.connections),
        "; ".join(results) or "no check",
    )


def _notify(notify: NotifyStatus, now: float) -> Iterator[str]:
    last = f", last error: {notify.last_error}" if notify.last_error else ""
    yield f"Mail: {notify.mails_sent} sent, {notify.mails_waiting} waiting, {notify.mails_lost} lost{last}"
    if notify.scripts_failed or notify.scripts_skipped:
        yield f"Notify scripts: {notify.scripts_failed} failed, {notify.scripts_skipped} skipped for newer ones"
    yield from (f"Notify script runs: {label}" for label in notify.scripts_running)
    yield from (f"FIFO {fifo.path}: {fifo.written} lines, {fifo.lost} lost" for fifo in notify.fifos)
    if notify.scripts:
        yield from table([("SCRIPT", "STATE", "RUNS", "LAST"), *(_script(script, now) for script in notify.scripts)])


def _script(script: ScriptStatus, now: float) -> tuple[str, str, str, str]:
    state = "-" if script.up is None else "up" if script.up else "DOWN"
    when = f", {age(now - script.at)} ago" if script.at is not None else ""
    running = f"; runs since {age(now - script.running_since)}" if script.running_since is not None else ""
    return (script.name, state, str(script.runs), f"{script.why}{when}{running}")


def _name(check: CheckStatus) -> str:
    return f"{check.target.server.text(check.target.service.protocol)} of {check.target.service}"


def _check(check: CheckStatus, now: float) -> str:
    if check.up is None:
        result = "no result yet"
    else:
        when = f" {age(now - check.at)} ago" if check.at is not None else ""
        result = f"{'up' if check.up else 'DOWN'}{when}: {check.why}"
    return f"{result} (suspended)" if check.suspended else result
