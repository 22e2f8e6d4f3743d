# SPDX-License-Identifier: Apache-2.0
"""All instances of this director together: started, called at their times, changed, handed over, stopped.

No bus and no loop: vrrp.py has these. Who does what of it: vrrp_admission.py says which instances run, vrrp_footing.py
what they stand on, vrrp_hearing.py hands them packets, vrrp_news.py the kernel's news, vrrp_following.py follows what
comes of each event, and vrrp_hands.py does what they ask for.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable, Collection, Iterable

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_plan
from bascule.daemon.roles.vrrp_admission import Admission
from bascule.daemon.roles.vrrp_alarm import Bell
from bascule.daemon.roles.vrrp_awake import Awake
from bascule.daemon.roles.vrrp_following import Following
from bascule.daemon.roles.vrrp_footing import NO_SOURCE, Footing
from bascule.daemon.roles.vrrp_hands import Hands
from bascule.daemon.roles.vrrp_hearing import Hearing
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_lateness import Lateness
from bascule.daemon.roles.vrrp_news import News
from bascule.daemon.roles.vrrp_ports import Port, Ports
from bascule.daemon.roles.vrrp_seats import Seat
from bascule.daemon.roles.vrrp_sync import Sync
from bascule.daemon.roles.vrrp_tracking import Tracking
from bascule.daemon.roles.vrrp_virtual_mac import VirtualLinks
from bascule.daemon.roles.vrrp_watch import Watch
from bascule.daemon.roles.vrrp_witness import Witnesses
from bascule.linux.netlink import Netlink, NetlinkMessage
from bascule.model.configuration import Configuration, VrrpInstance, VrrpState
from bascule.model.messages import AlarmChanged, GroupChanged, Handover
from bascule.vrrp.events import (
    AdvertReceived,
    Event,
    ReadyChanged,
    Reconfigured,
    Start,
    StateChanged,
    Stop,
    Timeout,
    WitnessAnswered,
)

FRESH = 0.0005
"""Seconds for which a socket that was just read counts as empty, among the timers of one round."""


class Group:
    """The instances by name, on their ports."""

    def __init__(
        self,
        netlink: Netlink,
        log: Log,
        report: Callable[[Instance, list[StateChanged]], None],
        heard_lower: Callable[[Instance, AdvertReceived], None],
        tell: Callable[[GroupChanged | AlarmChanged], None],
        folder: pathlib.Path,
    ) -> None:
        """No instance yet. Every state change is reported through `report`. `heard_lower`: an active one heard an
        advert of lower priority, told once a second. `tell` gets what becomes of alarms. `folder`:
        for what must outlive this process.

        Raises KernelRefusedError when the kernel's addresses cannot be read.
        """
        self._log = log
        self.instances: dict[str, Instance] = {}
        self.ports = Ports(netlink)
        self.hands = Hands(netlink, log, self.ports, self.instances, folder)
        self.bell = Bell(log, tell)
        self.tracking = Tracking(log, self._weigh)
        self.watch = Watch(netlink, log, self.tracking, boottime)
        self.sync = Sync(log, tell)
        self.witnesses = Witnesses(log, lambda address: address in self.ports.local)
        self._links = VirtualLinks(netlink, log)
        self._admission = Admission(log, self.ports, self._links)
        self._footing = Footing(self.ports, self.hands.keeper, self.tracking, self.sync, self.instances)
        known, told = (self.instances, self.sync, self.bell, self.witnesses), (report, heard_lower)
        self._following = Following(*known, self._footing.standing, *told, self._drain)
        self._hearing = Hearing(log, self.ports, self.bell, self.instances, self._following.follow)
        ground = (log, self.watch, self.ports, self._links, self.hands, self._footing, self.bell)
        self._news = News(*ground, self.instances, self._refreshed)
        self._awake = Awake()
        self.lateness = Lateness()
        self._ready = False
        self._sync_group_of: dict[str, str] = {}

    # Which instances there are.

    @property
    def notes(self) -> tuple[str, ...]:
        """Instances that do not run, and why; and what an operator should know of those that do."""
        return self._admission.notes

    def configure(self, wanted: Configuration, handover: Handover, follow: Callable[[], None] = lambda: None) -> None:
        """Run the instances of `wanted`: unchanged ones go on as they are, changed ones in place where that can be.

        `follow` is called when it is known what they track and none has started: those who take readings begin then.
        Raises ConfigurationError when an interface is missing; then nothing was changed.
        """
        self._awake.begin(boottime())
        able = self._admission.able(wanted)
        self.tracking.configure(wanted)
        self.hands.pace(wanted)
        self._footing.spare(able)
        for name, instance in tuple(self.instances.items()):
            if name not in able or vrrp_plan.is_another(instance.config, able[name]):
                self._remove(name)
        entries, seats = self._admission.seated(able)
        self._footing.configure(entries, seats)
        for name in self.instances.keys() - entries:
            self._remove(name)
        self.hands.put_static(wanted)
        self.sync.configure(wanted.sync_groups, entries)
        self.watch.configure(wanted)
        self.witnesses.configure(wanted.options, boottime())
        follow()
        for name, entry in entries.items():
            if name in self.instances:
                self._change(self.instances[name], entry, wanted, seats[name])
            else:
                self._start(entry, wanted, handover, seats[name])
        self._sync_group_of = {name: f"group {g.name}" for g in wanted.sync_groups for name in g.members}
        self._settle()
        self.bell.keep(self.instances)
        self._awake.end(boottime(), self._following.agenda.deadline())

    def _start(self, entry: VrrpInstance, wanted: Configuration, handover: Handover, seat: Seat) -> None:
        owned = self._footing.owned(entry, handover)
        source = self._footing.source(entry, owned) or NO_SOURCE[entry.family]
        instance = Instance(entry, wanted.options, source, self.hands, self._log, owned, seat)
        self.instances[entry.name] = instance
        instance.guard(self._admission.secrets[entry.name])
        if entry.name in handover.sequences:
            instance.go_on_from(handover.sequences[entry.name])
        now = boottime()
        standing = instance.standing = self._footing.standing(entry.name)
        fresh = now - handover.at <= instance.machine.down_interval
        start = Start(
            faults=standing.faults,
            change=standing.change,
            adopt=entry.name in handover.active and fresh,
            hold=handover.crash_hold,
        )
        self._following.handle(instance, ReadyChanged(self._ready), now)
        self._following.handle(instance, start, now)
        self._weigh(entry.name)

    def _change(self, instance: Instance, entry: VrrpInstance, wanted: Configuration, seat: Seat) -> None:
        owned = self._footing.owned(entry)
        source = self._footing.source(entry, owned) or instance.source
        before = instance.made_of
        instance.seat = seat
        instance.configure(entry, wanted.options, source, owned)
        instance.guard(self._admission.secrets[entry.name])
        if before != instance.made_of:
            self._log.info("instance_reconfigured", instance=entry.name, priority=entry.priority)
            self._following.handle(instance, Reconfigured(instance.settings), boottime())
        self._weigh(entry.name)

    def _remove(self, name: str) -> None:
        self._following.handle(self.instances[name], Stop(), boottime())
        self._following.agenda.drop(name)
        self.hands.forget(name)
        del self.instances[name]

    def _settle(self) -> None:
        """Know which instance a packet is for, and let go of the interfaces that none uses any more."""
        seats = [instance.seat for instance in self.instances.values()]
        devices = (name for i in self.instances.values() for name in vrrp_plan.interfaces_of(i.config))
        self._hearing.settle()
        self.ports.keep({*devices, *(name for seat in seats for name in seat.every)})
        self._links.keep({name for seat in seats for name in seat.made})

    # What happens to them.

    def packets(self, port: Port, awake_since: float = math.inf) -> None:
        """Hand in what waits at a port."""
        self._hearing.packets(port, awake_since)

    def _drain(self, instance: Instance) -> None:
        self._hearing.packets(self.ports.require(instance.seat.talks))

    def witnessed(self, readable: Collection[object]) -> None:
        """Take in what witnesses answered; who waits for that first hears what waits for it."""
        asked_at, wanting = self.witnesses.receive(readable, boottime())
        awake_since = self._awake.begin(boottime())
        for instance in [self.instances[name] for name in wanting if name in self.instances]:
            if instance.machine.awaits_witness:
                self._drain(instance)
            self._following.handle(instance, WitnessAnswered(asked_at, awake_since), boottime())

    def kernel(self, messages: Collection[NetlinkMessage], complete: bool) -> None:
        """Take in what changed in the kernel: links that went or came, addresses that others took off."""
        self._news.take(messages, complete)

    def _refreshed(self, instance: Instance, moved: bool) -> None:
        if moved:
            self._following.handle(instance, Reconfigured(instance.settings), boottime())
        self._weigh(instance.name)

    def _weigh(self, name: str) -> None:
        self._following.weigh(name)

    def deadline(self) -> float:
        """When `timers` is to be called next."""
        others = (self.hands, self.watch, self.bell, self.witnesses)
        return min(self._following.agenda.deadline(), *(other.deadline() for other in others))

    def timers(self) -> None:
        """Call every instance whose time has come, and whatever else has a time."""
        self._call_due()
        self.watch.timers()
        self.hands.timers()
        self.witnesses.timers(boottime())
        self.bell.timers(self.instances)

    def _call_due(self) -> None:
        """Call every instance whose time has come, after handing in what waits for it."""
        begun = boottime()
        awake_since = self._awake.begin(begun)
        read: dict[str, float] = {}
        called = False  # How late the first one is called is how late the process woke.
        for name in self._following.due(begun):
            instance = self.instances.get(name)
            if instance is None or instance.deadline > boottime():
                continue
            talks = instance.seat.talks
            if boottime() - read.get(talks, -math.inf) > FRESH:
                read[talks] = boottime()
                self.packets(self.ports.require(talks), awake_since)
            now = boottime()
            if called:
                self.lateness.note(max(0.0, now - instance.deadline - self._following.slack(instance)), now)
            called = True
            self._following.handle(instance, Timeout(awake_since), now)
        self._awake.end(boottime(), self._following.agenda.deadline())

    def tell(self, name: str, event: Event) -> None:
        """Hand an event to one instance."""
        self._following.handle(self.instances[name], event, boottime())

    def ready(self, ready: bool) -> None:
        """Whether this director may preempt a peer that it hears."""
        self._ready = ready
        for instance in tuple(self.instances.values()):
            self._following.handle(instance, ReadyChanged(ready), boottime())

    # What is asked of them together.

    @property
    def is_ready(self) -> bool:
        """Whether this director may preempt a peer that it hears."""
        return self._ready

    def together(self, name: str) -> tuple[str, ...]:
        """An instance and all that are in a sync group with it."""
        group = self._sync_group_of.get(name)
        if group is None:
            return (name,)
        return tuple(other for other in self.instances if self._sync_group_of.get(other) == group)

    def units(self, names: Iterable[str]) -> list[tuple[str, ...]]:
        """The instances that a planned switch moves together: those of a sync group, else each alone."""
        found: dict[str, list[str]] = {}
        for name in names:
            found.setdefault(self._sync_group_of.get(name, name), []).append(name)
        return [tuple(members) for members in found.values()]

    @property
    def farewell_each(self) -> float:
        """Seconds after which a last will is too old."""
        active = (instance for instance in self.instances.values() if instance.state is VrrpState.MASTER)
        return min((instance.farewell_each for instance in active), default=math.inf)

    def active(self) -> tuple[str, ...]:
        """The names of the instances that are active."""
        return tuple(name for name, instance in self.instances.items() if instance.state is VrrpState.MASTER)

    # The end.

    def hand_over(self) -> Handover:
        """Leave everything for a successor on this machine: fresh lifetimes, an advert just sent."""
        now = boottime()
        self.hands.keeper.close()
        for instance in tuple(self.instances.values()):
            if instance.state is VrrpState.MASTER:
                self._following.handle(instance, Reconfigured(instance.settings), now)
        owned = frozenset().union(*(instance.owned for instance in self.instances.values()))
        numbers = {name: i.number for name, i in self.instances.items() if i.number is not None}
        return Handover(active=self.active(), at=now, owned=tuple(owned), sequences=numbers)

    def stop(self) -> None:
        """Give every address up in order; `serve_late` and `close` come after it."""
        for name in tuple(self.instances):
            self._remove(name)
        self.watch.close()
        self.witnesses.close()
        self.hands.stop()

    def serve_late(self) -> None:
        """Until no late frames are served any more; then take off what this process made, which has them till then."""
        self.hands.serve_late()
        self._links.release()

    def close(self) -> None:
        """Close the sockets. The kernel takes about ten milliseconds for a packet socket, so this comes last."""
        self.bell.close()
        self.ports.close()
