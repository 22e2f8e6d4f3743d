# SPDX-License-Identifier: Apache-2.0
"""The plane role: the only writer of tables. Verdicts and addresses in, the desired table reconciled into the plane.

It judges nothing (health.pool does), edits nothing itself (dataplane.reconcile does), and needs no vrrp role.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from bascule.daemon import exits, memfd
from bascule.daemon.bus import BusClosedError
from bascule.daemon.context import RoleContext
from bascule.daemon.log import Log
from bascule.daemon.loop import Loop
from bascule.daemon.roles.plane_presence import Presence
from bascule.daemon.roles.plane_table import Table
from bascule.dataplane.choose import open_plane
from bascule.dataplane.plane import Plane
from bascule.errors import KernelRefusedError
from bascule.health.pool import PoolEvent, suspended_services
from bascule.linux.scheduling import freeze_collector
from bascule.model.base import to_json, unpack
from bascule.model.configuration import Configuration
from bascule.model.messages import (
    Configure,
    Message,
    PredecessorAsks,
    PredecessorKnown,
    Ready,
    Refused,
    Role,
    ServerChanged,
    Started,
    StatusReply,
    StatusRequest,
    Stop,
    StopMode,
    SuspendChecks,
    Verdict,
    VerdictsWanted,
)
from bascule.model.service import ServiceId
from bascule.model.status import PlaneStatus

RECHECK = 2.0
"""Seconds between reconciliations without a cause: a hand change stands no longer than this."""

RECHECK_SHARE = 0.02
"""At most this share of a processor goes into them, however large the table."""

ORPHAN_GRACE = 1.0
"""Seconds between the supervisor's end and the table's: what the supervisor would have waited after vrrp's."""

LAST_WORDS = 1.0
"""Seconds to get waiting events out at the end."""

Opener = Callable[[Configuration, Path], Plane]


def run(context: RoleContext, opener: Opener = open_plane) -> int:
    """Serve until told to end. Raises KernelRefusedError when the plane cannot be had at all."""
    return _PlaneRole(context, opener(context.configuration, context.run_dir)).run()


class _PlaneRole:
    def __init__(self, context: RoleContext, plane: Plane) -> None:
        self._bus = context.bus
        self._configuration = context.configuration
        self._generation = context.generation
        self._log = Log(Role.PLANE.value)
        self._loop = Loop()
        self._plane = plane
        self._table = Table(plane, context.configuration, context.run_dir / "state", self._log)
        self._presence = Presence()
        self._suspended: tuple[ServiceId, ...] | None = None
        self._ready: Ready | None = None
        self._connected = True
        self._mode = StopMode.STOP
        self._fresh = not (context.restarted or self._table.adopted)

    def run(self) -> int:
        self._log.info("plane_opened", kind=self._plane.kind, adopted=self._table.adopted)
        for attachment in self._plane.attachments():
            self._log.info("attached", interface=attachment.interface, mode=attachment.mode, note=attachment.note)
        self._loop.watch(self._bus.fileno(), self._hear)
        self._say(VerdictsWanted())
        if self._fresh:
            for event in self._table.pool.start(time.time()):
                self._tell(event)
        self._take_messages()
        if not self._loop.stopped:
            self._refresh()
            self._say(Started(role=Role.PLANE, generation=self._generation))
            self._watch()
        freeze_collector()
        self._loop.run()
        self._finish()
        return exits.ORDERED

    def _watch(self) -> None:
        self._loop.watch(self._presence.fileno(), self._addresses_changed)
        own = getattr(self._plane, "fileno", None)
        if own is not None:
            self._loop.watch(own(), self._keep_house_now)
        self._keep_house()
        self._recheck()

    def _hear(self) -> None:
        """Everything that waits on the bus, then one reconciliation for all of it."""
        before = self._table.pool.revision
        self._take_messages()
        if self._loop.stopped:
            return
        if self._table.pool.revision != before:
            self._table.apply()
        self._renew_ready()

    def _take_messages(self) -> None:
        try:
            for message, descriptor in self._bus.receive():
                self._act(message, descriptor)
        except BusClosedError:
            self._log.warning("supervisor_gone", ends_in_seconds=ORPHAN_GRACE)
            self._loop.unwatch(self._bus.fileno())
            self._connected = False
            self._loop.after(ORPHAN_GRACE, self._loop.stop)

    def _act(self, message: Message, descriptor: int | None) -> None:
        match message:
            case Verdict():
                for event in self._table.pool.handle(message):
                    self._tell(event)
            case PredecessorAsks():
                self._relay(message)
            case StatusRequest(number=number):
                body = to_json(self._status())
                self._say(StatusReply(number=number, role=Role.PLANE, body=body))
            case Configure(generation=generation):
                assert descriptor is not None
                self._reconfigure(generation, unpack(memfd.read_all(descriptor), Configuration))
                os.close(descriptor)
            case Stop(mode=mode):
                self._mode = mode
                self._loop.stop()
            case _:
                pass

    def _relay(self, asks: PredecessorAsks) -> None:
        """Before the addresses come here: what belongs to connections that began there goes back, for a moment."""
        served = {service.id.address for service in self._configuration.virtual_servers}
        for instance in self._configuration.instances:
            if instance.name == asks.instance:
                virtual = (*instance.virtual_addresses, *instance.excluded_addresses)
                addresses = [entry.address for entry in virtual if entry.address in served]
                try:
                    self._plane.relay(instance.interface, addresses, asks.mac)
                except KernelRefusedError as error:
                    self._log.warning("relay_refused", instance=instance.name, error=error)
        self._say(PredecessorKnown(instance=asks.instance))

    def _tell(self, event: PoolEvent) -> None:
        """Log what happened to a server or a quorum, and have it mailed."""
        service = event.service
        if isinstance(event, ServerChanged):
            server = event.server.text(service.protocol)
            self._log.notice("server_changed", service=service, server=server, up=event.up, why=event.why)
        else:
            self._log.notice("quorum_changed", service=service, up=event.up, why=event.why)
        self._say(event)

    def _reconfigure(self, generation: int, configuration: Configuration) -> None:
        try:
            self._plane.configure(configuration)
        except KernelRefusedError as error:
            self._log.error("configuration_refused", generation=generation, error=error)
            self._say(Refused(role=Role.PLANE, reason=str(error)))
            return
        self._configuration, self._generation = configuration, generation
        for event in self._table.pool.configure(configuration, time.time()):
            self._tell(event)
        self._refresh()
        self._keep_house_now()
        self._say(Started(role=Role.PLANE, generation=generation))

    def _refresh(self) -> None:
        """After a change of configuration or addresses."""
        suspended = suspended_services(self._configuration, self._presence.held)
        if suspended != self._suspended:
            self._suspended = suspended
            self._say(SuspendChecks(services=suspended))
        self._table.apply()
        self._renew_ready()

    def _renew_ready(self) -> None:
        if self._table.adopted:
            ready = Ready(ready=True, reason="the table of an earlier process is adopted")
        else:
            found = self._table.pool.readiness(self._suspended or ())
            ready = Ready(ready=found.ready, reason=found.reason)
        if ready != self._ready:
            self._ready = ready
            self._say(ready)

    def _addresses_changed(self) -> None:
        if self._presence.refresh():
            self._refresh()

    def _keep_house(self) -> None:
        due = self._plane.housekeep(self._loop.now())
        self._table.log_new_notes()
        self._loop.after(max(0.0, due - self._loop.now()), self._keep_house)

    def _keep_house_now(self) -> None:
        self._plane.housekeep(self._loop.now())
        self._table.log_new_notes()

    def _recheck(self) -> None:
        begun = time.process_time()
        self._table.apply()
        cost = time.process_time() - begun
        self._loop.after(max(RECHECK, cost / RECHECK_SHARE), self._recheck)

    def _status(self) -> PlaneStatus:
        return PlaneStatus(
            kind=self._plane.kind,
            ready=self._ready is not None and self._ready.ready,
            ready_reason=self._ready.reason if self._ready else "starting",
            services=self._table.services(),
            attachments=self._plane.attachments(),
            counters=self._plane.counters(),
            notes=self._table.notes(),
        )

    def _say(self, message: Message) -> None:
        """Send, unless nobody is there to hear: the end of the bus is dealt with where it is read."""
        if not self._connected:
            return
        try:
            self._bus.send(message)
        except BusClosedError:
            return
        if self._bus.wants_write:
            self._loop.when_writable(self._bus.fileno(), self._flush)

    def _flush(self) -> None:
        try:
            self._bus.flush()
        except BusClosedError:
            return
        if not self._bus.wants_write:
            self._loop.when_writable(self._bus.fileno(), None)

    def _finish(self) -> None:
        if self._mode is StopMode.STOP:
            self._table.destroy()
        else:
            self._plane.close()
        self._presence.close()
        until = self._loop.now() + LAST_WORDS
        while self._connected and self._bus.wants_write and self._loop.now() < until:
            self._bus.wait_to_write(LAST_WORDS)
            self._flush()
