# SPDX-License-Identifier: Apache-2.0
"""Whether a demonstration went as it must: requests, windows, mails and captures in, deviations out. Pure."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence

import msgspec

from bascule.lab.records import Failover, Mail, Passing, Request, Window

SHOWN_MAX = 3
"""Lost requests that a deviation names one by one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch without any change of servers or directors: every client must stay with its server."""

    name: str
    begin: float
    end: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WantedMail:
    """A mail that must have come to one director's relay."""

    director: str
    subject: str
    """As it must end."""
    after: float
    before: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that is judged."""

    requests: tuple[Request, ...]
    windows: tuple[Window, ...]
    spans: tuple[Span, ...]
    failovers: tuple[Failover, ...]
    passing: tuple[Passing, ...]
    mails: tuple[Mail, ...]
    wanted_mails: tuple[WantedMail, ...]
    servers: tuple[str, ...]
    """The names that must answer."""
    receivers: tuple[str, ...]
    """To whom every mail must be addressed."""


def in_windows(
    requests: Iterable[Request], windows: Sequence[Window]
) -> tuple[tuple[Window, ...], tuple[Request, ...]]:
    """The windows with the lost requests counted that touch them, and the lost ones that touch none."""
    counts: collections.Counter[int] = collections.Counter()
    outside = []
    for request in requests:
        if request.server is not None:
            continue
        place = next((i for i, w in enumerate(windows) if request.begin <= w.end and request.end >= w.begin), None)
        if place is None:
            outside.append(request)
        else:
            counts[place] += 1
    counted = tuple(msgspec.structs.replace(window, lost=counts[i]) for i, window in enumerate(windows))
    return counted, tuple(outside)


def unfaithful(requests: Iterable[Request], span: Span) -> dict[str, tuple[Request, Request]]:
    """Client: its last request before its server changed within the span, and the first one after."""
    last: dict[str, Request] = {}
    found: dict[str, tuple[Request, Request]] = {}
    for request in requests:
        if request.server is None or request.begin < span.begin or request.end > span.end:
            continue
        client = str(request.client)
        before = last.setdefault(client, request)
        if before.server != request.server:
            found.setdefault(client, (before, request))
        last[client] = request
    return found


def deviations(evidence: Evidence) -> tuple[str, ...]:
    """What was not as it must be, a line each; empty = all of it was."""
    return (
        *_losses(evidence),
        *_servers(evidence),
        *_persistence(evidence),
        *_passing(evidence.passing),
        *_mails(evidence),
        *_failovers(evidence.failovers),
    )


def _losses(evidence: Evidence) -> Iterable[str]:
    _, outside = in_windows(evidence.requests, evidence.windows)
    if outside:
        shown = "; ".join(f"{r.client} at {r.begin:.3f} s: {r.error}" for r in outside[:SHOWN_MAX])
        more = "; ..." if len(outside) > SHOWN_MAX else ""
        yield f"requests lost outside the windows: {len(outside)} ({shown}{more})"
    if not evidence.requests:
        yield "no request was sent"


def _servers(evidence: Evidence) -> Iterable[str]:
    answered = {request.server for request in evidence.requests}
    for server in evidence.servers:
        if server not in answered:
            yield f"server not used: {server} answered no request"
    for stranger in sorted(name for name in answered if name is not None and name not in evidence.servers):
        yield f"an answer came from a server that is none: {stranger!r}"


def _persistence(evidence: Evidence) -> Iterable[str]:
    for span in evidence.spans:
        for client, (before, after) in unfaithful(evidence.requests, span).items():
            one, other = (f"{request.server} at {request.begin:.3f} s" for request in (before, after))
            yield f"persistence broken while {span.name}: {client} was answered by {one} and by {other}"


def _passing(passing: Iterable[Passing]) -> Iterable[str]:
    for seen in passing:
        if seen.answers:
            yield f"answers passed a director: {seen.answers} frames on the cable of {seen.director}"
        if seen.unseen:
            yield f"the capture on {seen.director} lost {seen.unseen} frames: it proves nothing"
        if not seen.requests:
            yield f"{seen.director} forwarded no request: its capture proves nothing"


def missing_mails(wanted: Iterable[WantedMail], mails: Sequence[Mail]) -> tuple[WantedMail, ...]:
    """The wanted mails that did not come, or not in time."""
    return tuple(want for want in wanted if not any(_fits(want, mail) for mail in mails))


def _fits(want: WantedMail, mail: Mail) -> bool:
    in_time = want.after <= mail.at <= want.before
    return in_time and mail.director == want.director and mail.subject.endswith(want.subject)


def _mails(evidence: Evidence) -> Iterable[str]:
    for want in missing_mails(evidence.wanted_mails, evidence.mails):
        yield f"mail missing: {want.director} sent none from {want.after:.1f} to {want.before:.1f} s: `{want.subject}`"
    for mail in evidence.mails:
        if set(mail.to) != set(evidence.receivers):
            yield f"a mail of {mail.director} went to {', '.join(mail.to)}, not to {', '.join(evidence.receivers)}"


def _failovers(failovers: Iterable[Failover]) -> Iterable[str]:
    for failover in failovers:
        if failover.announced is None:
            yield f"{failover.name}: {failover.taken_by} never announced the VIP"
        elif failover.took is None:
            yield f"{failover.name}: no advert was seen before it"
        elif failover.took > failover.allowed:
            late = "" if failover.lateness is None else f"; its timers ran late by up to {failover.lateness:.3f} s"
            yield (
                f"{failover.name}: {failover.taken_by} owned the VIP {failover.took:.3f} s after the last advert, "
                f"allowed are {failover.allowed:.3f} s{late}"
            )
