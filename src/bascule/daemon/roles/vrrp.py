# SPDX-License-Identifier: Apache-2.0
"""The vrrp role: one loop over the bus, the kernel's news, the interfaces' sockets and the instances' timers.

A loop of its own, because an event loop's timers come a millisecond late; no heavy imports, because it is locked into
memory and must be up again fast. The order of a round matters: first what waited in the sockets, then timers, then
everything else, so that neither a timer nor an order is acted on with old knowledge.
"""

from __future__ import annotations

import functools
import math
import os
import socket
from collections.abc import Collection
from typing import TYPE_CHECKING, TypeVar

import msgspec

from bascule.daemon import exits
from bascule.daemon.bus import BusClosedError
from bascule.daemon.context import RoleContext
from bascule.daemon.log import Log
from bascule.daemon.memfd import read_all
from bascule.daemon.roles import vrrp_plan
from bascule.daemon.roles.vrrp_group import Group
from bascule.daemon.roles.vrrp_handover import Switchboard
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_reports import change_of, lower_of, state_of, status_of, stopped, will_of
from bascule.errors import BasculeError
from bascule.linux import privileges, scheduling
from bascule.linux.netlink import GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS, GROUP_LINK, ROUTE_GROUPS, Monitor, Netlink
from bascule.linux.poll import Poll
from bascule.model.base import to_json, unpack
from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import (
    AlarmChanged,
    Configure,
    GroupChanged,
    Handover,
    Message,
    PredecessorKnown,
    Ready,
    Refused,
    Role,
    ScriptVerdict,
    Started,
    StatusReply,
    StatusRequest,
    Stop,
    StopMode,
    SwitchOrder,
)
from bascule.model.tracking import TrackerKind
from bascule.vrrp.events import AdvertReceived, StateChanged
from bascule.vrrp.switch import WINDOW, WINDOW_ORPHANED
from bascule.vrrp.transitions import Cause

if TYPE_CHECKING:
    from bascule.daemon.roles.vrrp_bfd import Bfd

HANDOVER_WAIT = 0.25
"""Seconds that a restarted role waits for its predecessor's handover."""

FAREWELL = 0.25
"""Seconds that a director that ends spends on handing over, at most."""

WILL_PAUSE = 0.02
"""Seconds that a last will may be behind: of hundreds of instances that move together each would send the whole."""

DESCRIPTORS = 65_536
"""Open files that the role asks the kernel for: of each virtual MAC's interface it needs three or four."""

IDLE = 3600.0
"""Seconds of a round in which no timer is set."""


P = TypeVar("P")


class Runner:
    """The role's process."""

    def __init__(self, context: RoleContext) -> None:
        """Open what is needed of the kernel. Raises KernelRefusedError."""
        self._bus = context.bus
        self._context = context
        self._log = Log("vrrp")
        self._monitor = Monitor((GROUP_LINK, GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS))
        self._netlink = Netlink()
        self._poll = Poll()
        told = (self._report, self._heard_lower, self._tell_group)
        self._group = Group(self._netlink, self._log, *told, context.run_dir / "state")
        self._group.tracking.tell = self._tell
        self._switchboard = Switchboard(self._group, self._log, self._tell)
        self._handover = Handover(active=())
        self._stop: StopMode | None = None
        self._orphaned = False
        self._will_at = math.inf
        """When the last will is to be sent again."""
        self._willed_at = -math.inf
        self._notes: tuple[str, ...] = ()
        self._bfd: Bfd | None = None

    def run(self) -> int:
        """Serve until told to stop, or until the supervisor is gone; returns the exit status."""
        self._read_bus()
        if self._context.restarted and not self._handed_over and self._stop is None:
            self._bus.wait(HANDOVER_WAIT)
            self._read_bus()
        if self._stop is None:
            self._set_up()
        while self._stop is None:
            self._round()
        self._end()
        return exits.ORDERED

    @property
    def _handed_over(self) -> bool:
        return self._handover.at > 0 or self._handover.crash_hold > 0

    def _set_up(self) -> None:
        if not self._context.configuration.virtual_servers:
            self._group.ready(True)
        privileges.allow_descriptors(DESCRIPTORS)
        self._group.hands.clear()
        self._apply(self._context.configuration, self._context.generation)
        refused = (scheduling.make_realtime(scheduling.PRIORITY_VRRP), scheduling.lock_memory())
        self._notes = tuple(reason for reason in refused if reason is not None)
        if self._notes:
            self._log.warning("not_realtime", why="; ".join(self._notes))
        scheduling.freeze_collector()

    def _apply(self, configuration: Configuration, generation: int) -> None:
        """Run a configuration. Raises ConfigurationError with nothing changed."""
        handover, self._handover = self._handover, Handover(active=())
        if _routed(configuration):
            # Before anything is put, so that no removal falls in between; others are spared the news of all routes.
            self._monitor.join(ROUTE_GROUPS)
        self._group.configure(configuration, handover, lambda: self._run_bfd(configuration, handover))
        name, serves = configuration.globals.router_id or socket.gethostname(), bool(configuration.virtual_servers)
        self._switchboard.configure(configuration.options, name, serves=serves)
        for instance in self._group.instances.values():
            self._tell(state_of(instance))
        self._send_will()
        self._tell(Started(role=Role.VRRP, generation=generation))

    def _run_bfd(self, configuration: Configuration, handover: Handover) -> None:
        """Run the BFD sessions. What that takes is imported when a file has some."""
        if self._bfd is None and configuration.bfd_sessions:
            from bascule.daemon.roles.vrrp_bfd import Bfd

            self._bfd = Bfd(self._log, functools.partial(self._group.tracking.report, TrackerKind.BFD))
        if self._bfd is not None:
            self._bfd.configure(configuration.bfd_sessions, handover.bfd)

    def _round(self) -> None:
        ports = {opened.fileno(): port for port in self._group.ports for opened in port.sockets.values()}
        lines, bfd = self._switchboard.lines.sockets(), self._bfd
        others = min(self._switchboard.deadline(), self._will_at, math.inf if bfd is None else bfd.deadline())
        wake = min(self._group.deadline(), others, boottime() + IDLE)
        writers = [self._bus.fileno()] if self._bus.wants_write else []
        bus, monitor = self._bus.fileno(), self._monitor.fileno()
        readers = [*ports, *lines, *self._group.watch.descriptors, *self._group.witnesses.descriptors(), bus, monitor]
        readers += () if bfd is None else bfd.descriptors()
        readable, writable = self._poll.wait(readers, writers, wake - boottime())
        if (now := boottime()) >= wake:
            self._group.lateness.note(now - wake, now)
        for port in _chosen(ports, readable):
            self._group.packets(port)
        for line in _chosen(lines, readable):
            self._switchboard.receive(line)
        self._group.witnessed(readable)
        self._group.timers()
        self._switchboard.timers()
        if bfd is not None:
            if not set(bfd.descriptors()).isdisjoint(readable):
                bfd.packets()
            bfd.timers()
        if boottime() >= self._will_at:
            self._send_will()
        if monitor in readable:
            self._group.kernel(*self._monitor.receive())
            self._switchboard.refresh()
        self._group.watch.readable(readable)
        if writable:
            self._flush()
        if bus in readable:
            self._read_bus()

    def _read_bus(self) -> None:
        try:
            for message, descriptor in self._bus.receive():
                try:
                    self._obey(message, descriptor)
                finally:
                    if descriptor is not None:
                        os.close(descriptor)
        except BusClosedError:
            self._be_orphaned()

    def _be_orphaned(self) -> None:
        """The supervisor is dead."""
        self._orphaned = True
        self._stop = self._stop or StopMode.STOP

    def _flush(self) -> None:
        try:
            self._bus.flush()
        except BusClosedError:
            self._be_orphaned()

    def _tell(self, message: Message) -> None:
        """Send to the supervisor; one that is gone means stop."""
        try:
            self._bus.send(message)
        except BusClosedError:
            self._be_orphaned()

    def _obey(self, message: Message, descriptor: int | None) -> None:
        match message:
            case Ready(ready=ready):
                self._group.ready(ready)
            case ScriptVerdict():
                self._group.tracking.script(message)
            case Handover():
                self._handover = message
            case Stop(mode=mode):
                self._stop = mode
            case PredecessorKnown():
                self._switchboard.known(message)
            case SwitchOrder():
                self._switchboard.begin(message, self._tell)
            case StatusRequest(number=number):
                self._tell(StatusReply(number=number, role=Role.VRRP, body=self._status()))
            case Configure(generation=generation) if descriptor is not None:
                self._reconfigure(unpack(read_all(descriptor), Configuration), generation)
            case _:
                self._log.warning("message_ignored", kind=type(message).__name__)

    def _reconfigure(self, configuration: Configuration, generation: int) -> None:
        try:
            self._apply(configuration, generation)
        except BasculeError as error:
            self._log.error("configuration_refused", generation=generation, why=error)
            self._tell(Refused(role=Role.VRRP, reason=str(error)))

    def _status(self) -> bytes:
        unplaced = {port.name: port.refusals.counts for port in self._group.ports}
        lines, bfd = self._switchboard.lines, self._bfd
        notes = (*self._notes, *self._group.notes, *lines.notes, *(() if bfd is None else bfd.notes))
        instances, alarms = self._group.instances.values(), self._group.bell.status
        found = status_of(instances, unplaced, self._group.lateness.worst, notes, lines.refused, alarms)
        groups, trackers = self._group.sync.status(self._group.instances), self._group.tracking.status()
        witnesses, lateness = self._group.witnesses.status(), self._group.lateness.status(boottime())
        found = msgspec.structs.replace(found, groups=groups, trackers=trackers, witnesses=witnesses, lateness=lateness)
        return to_json(found if bfd is None else msgspec.structs.replace(found, bfd=bfd.status()))

    def _report(self, instance: Instance, changes: list[StateChanged]) -> None:
        self._renew_will()
        for change in changes:
            self._log.notice(
                "instance_state",
                instance=instance.name,
                state=change.state.value,
                before=change.previous.value,
                why=change.reason,
                priority=instance.machine.priority,
            )
            if change.cause is not Cause.ADOPTED and self._is_told(change.state):
                self._tell(change_of(instance, change))
        if self._is_told(instance.state):
            self._tell(state_of(instance))

    def _is_told(self, state: VrrpState) -> bool:
        """An end is one change for the world outside, whatever states a planned switch goes through on the way."""
        return self._stop is not StopMode.STOP or state is VrrpState.INIT

    def _tell_group(self, change: GroupChanged | AlarmChanged) -> None:
        if isinstance(change, AlarmChanged) or self._is_told(change.state):
            self._tell(change)

    def _heard_lower(self, instance: Instance, heard: AdvertReceived) -> None:
        self._tell(lower_of(instance, heard))

    def _renew_will(self) -> None:
        """Now, or when the last one is `WILL_PAUSE` old."""
        if boottime() - self._willed_at >= WILL_PAUSE:
            self._send_will()
        else:
            self._will_at = min(self._will_at, self._willed_at + WILL_PAUSE)

    def _send_will(self) -> None:
        self._willed_at = boottime()
        self._will_at = self._willed_at + self._group.farewell_each
        self._tell(will_of(self._group.instances.values(), self._group.hands.routes.will))

    def _end(self) -> None:
        self._finish_switch()
        if self._stop is StopMode.RESTART:
            sessions = () if self._bfd is None else self._bfd.hand_over()
            self._tell(msgspec.structs.replace(self._group.hand_over(), bfd=sessions))
            return
        self._switch_over()
        groups = self._group.sync.status(self._group.instances)
        self._group.stop()
        for group in groups:
            self._tell(stopped(group))
        if self._bfd is not None:
            self._bfd.stop()
        self._send_will()
        self._group.serve_late()
        self._group.close()

    def _switch_over(self) -> None:
        """A director that ends hands over to a peer if one answers; what is still active then says priority 0."""
        if any(instance.state is VrrpState.MASTER for instance in self._group.instances.values()):
            window = WINDOW_ORPHANED if self._orphaned else WINDOW
            self._switchboard.begin(SwitchOrder(number=0), lambda _: None, urgent=True, window=window)
            self._finish_switch()

    def _finish_switch(self) -> None:
        """See the planned switch that is under way through: a successor that was asked must not meet another active."""
        end = boottime() + FAREWELL
        while self._switchboard.busy and boottime() < end:
            self._round()


def _chosen(places: dict[int, P], readable: Collection[int]) -> list[P]:
    return [places[number] for number in readable if number in places]


def _routed(configuration: Configuration) -> bool:
    """Whether it has routes or rules, static or an instance's."""
    theirs = any(vrrp_plan.entries_of(instance) for instance in configuration.instances)
    return bool(theirs or configuration.static_routes or configuration.static_rules)


def run(context: RoleContext) -> int:
    """Be the vrrp role. Raises BasculeError when the configuration or the kernel does not let it."""
    return Runner(context).run()
