# SPDX-License-Identifier: Apache-2.0
"""All instances of this director together: set up, fed with packets, timers and the kernel's news, changed, stopped.

No bus and no loop: vrrp.py has these. Every state change is reported through one function.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable, Collection, Iterable

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_elsewhere, vrrp_intake, vrrp_plan
from bascule.daemon.roles.vrrp_addresses import Keeper, Placed, placed
from bascule.daemon.roles.vrrp_agenda import Agenda
from bascule.daemon.roles.vrrp_alarm import Bell
from bascule.daemon.roles.vrrp_awake import Awake
from bascule.daemon.roles.vrrp_forwarding import Forwarding
from bascule.daemon.roles.vrrp_instance import Instance, Outcome
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_keys import secrets_of
from bascule.daemon.roles.vrrp_late import LateFrames
from bascule.daemon.roles.vrrp_lateness import Lateness
from bascule.daemon.roles.vrrp_pacer import Pacer
from bascule.daemon.roles.vrrp_ports import Changes, Port, Ports
from bascule.daemon.roles.vrrp_routes import RouteKeeper
from bascule.daemon.roles.vrrp_seats import Seat
from bascule.daemon.roles.vrrp_silence import Silence
from bascule.daemon.roles.vrrp_sync import Sync
from bascule.daemon.roles.vrrp_tracking import Tracking
from bascule.daemon.roles.vrrp_virtual_mac import VirtualLinks
from bascule.daemon.roles.vrrp_watch import Watch
from bascule.daemon.roles.vrrp_witness import Witnesses
from bascule.errors import ConfigurationError, KernelRefusedError
from bascule.linux.netlink import Netlink, NetlinkMessage
from bascule.linux.rawsocket import AH
from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import AuthType, Configuration, VrrpInstance, VrrpState
from bascule.model.messages import AlarmChanged, GroupChanged, Handover
from bascule.vrrp import packet
from bascule.vrrp.events import (
    LINK_DOWN,
    AdvertReceived,
    Event,
    Fault,
    ReadyChanged,
    Reconfigured,
    StandingChanged,
    Start,
    StateChanged,
    Stop,
    Timeout,
    WitnessAnswered,
)
from bascule.vrrp.packet import RefusedPacketError

NO_ADDRESS = Fault("the interface has no address to send from", mute=True)

NOTHING_HANDED_OVER = Handover(active=())

FRESH = 0.0005
"""Seconds for which a socket that was just read counts as empty, among the timers of one round."""

MANY = 20
SLACK = 0.01
"""From so many instances on, an active's adverts may leave so many seconds late, or a hundredth of their interval."""

NO_SOURCE: dict[int, IPAddress] = {4: ipaddress.IPv4Address(0), 6: ipaddress.IPv6Address(0)}
"""Stands for the source of an instance whose interface has no address; it is in FAULT and sends nothing."""

STATIC = ""
"""Owner of what stays on the machine whoever is active: no instance's name."""


class Group:
    """The instances by name, on their ports."""

    def __init__(
        self,
        netlink: Netlink,
        log: Log,
        report: Callable[[Instance, list[StateChanged]], None],
        heard_lower: Callable[[Instance, AdvertReceived], None],
        tell: Callable[[GroupChanged | AlarmChanged], None],
    ) -> None:
        """No instance yet. `heard_lower`: an active one heard an advert of lower priority, told once a second. `tell`
        gets what becomes of alarms.

        Raises KernelRefusedError when the kernel's addresses cannot be read.
        """
        self._log = log
        self._report = report
        self._heard_lower = heard_lower
        self._keeper = Keeper(netlink, log)
        self.routes = RouteKeeper(netlink, log)
        self.ports = Ports(netlink)
        self._silence = Silence(log)
        self._silence.clear()
        self._forwarding = Forwarding(log)
        self._pacer = Pacer(lambda name, address: self.ports.require(name).announce(address), log)
        self.late = LateFrames(netlink, log, self.ports.holds)
        self.instances: dict[str, Instance] = {}
        self._agenda = Agenda()
        self._awake = Awake()
        self._repeats = Agenda()
        self.bell = Bell(log, tell)
        self._by_router: dict[tuple[str, int, int], Instance] = {}
        self._beneath: dict[str, str] = {}
        """By interface that adverts are heard on: the one of the configuration."""
        self._routers: frozenset[tuple[str, int, int]] = frozenset()
        self._links = VirtualLinks(netlink, log)
        self._virtual: frozenset[IPAddress] = frozenset()
        self.tracking = Tracking(log, self._weigh)
        self.watch = Watch(netlink, log, self.tracking, boottime)
        self.sync = Sync(log, tell)
        self.witnesses = Witnesses(log, lambda address: address in self.ports.local)
        self._entries: dict[str, VrrpInstance] = {}
        self._seats: dict[str, Seat] = {}
        self._moving = 0
        """How many events are being handled, one because of the other."""
        self._secrets: dict[str, dict[int, bytes]] = {}
        self._ready = False
        self.lateness = Lateness()
        self._sync_group_of: dict[str, str] = {}
        self._reading: set[str] = set()
        self.notes: tuple[str, ...] = ()
        """Instances that do not run, and why."""

    def send(self, interface: str, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        """Send a VRRP message (Rim)."""
        self.ports.require(interface).sockets[source.version].send(payload, source, destination, ttl)

    def send_whole(self, interface: str, packet: bytes, source: IPAddress, destination: IPAddress) -> None:
        """Send an IPv4 packet with an authentication header (Rim)."""
        self.ports.require(interface).sockets[AH].send(packet, source, destination)

    def announce(self, interface: str, address: IPAddress) -> None:
        """Send one gratuitous ARP or neighbour advertisement, or line it up (Rim)."""
        self._pacer.announce(interface, address, boottime())

    def put(self, owner: str, wanted: tuple[Placed, ...], lifetime: Seconds | None, now: float) -> None:
        """Have addresses on, then the instance's routes and rules (Rim)."""
        self.late.ahead(owner, wanted, now)
        self._forwarding.keep(owner, self.instances[owner].seat, active=True)
        accepts = vrrp_plan.accepts(self.instances[owner].config)
        self._silence.keep(owner, () if accepts else (entry.address for entry in wanted))
        self._keeper.put(owner, wanted, lifetime, now)
        self._repeat(owner, now)
        self.routes.put(owner, vrrp_plan.entries_of(self.instances[owner].config))

    def take(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        """Have rules, routes and addresses off, and say no more of them (Rim)."""
        self.late.end_ahead(owner)
        self._hush(owner, unwanted)
        self.routes.take(owner, vrrp_plan.entries_of(self.instances[owner].config))
        self._keeper.take(owner, unwanted)
        self._silence.keep(owner, ())
        self._forwarding.keep(owner, self.instances[owner].seat, active=False)

    def leave(self, owner: str, unwanted: tuple[Placed, ...], now: float) -> None:
        """Have addresses off, but serve late frames (Rim)."""
        self._hush(owner, unwanted)
        self.late.begin(owner, unwanted, now)
        self.routes.take(owner, vrrp_plan.entries_of(self.instances[owner].config))
        self._keeper.take(owner, unwanted)
        self._silence.keep(owner, ())

    def _hush(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        """Announce no more: the last announcement on a segment must be the active's."""
        self._repeats.drop(owner)
        self._pacer.hush((entry.interface, entry.address) for entry in unwanted)

    def _repeat(self, owner: str, now: float) -> None:
        """When an active's interfaces that send no adverts announce next."""
        interval = self.instances[owner].config.garp_extra_interval
        if interval > 0:
            self._repeats.put(owner, now + interval)
        else:
            self._repeats.drop(owner)

    def deadline(self) -> float:
        """When `timers` is to be called next."""
        others = (self._keeper, self._pacer, self.late, self.watch, self.bell, self.witnesses, self._repeats)
        return min(self._agenda.deadline(), *(other.deadline() for other in others))

    def configure(self, wanted: Configuration, handover: Handover, follow: Callable[[], None] = lambda: None) -> None:
        """Run the instances of `wanted`: unchanged ones go on as they are, changed ones in place where that can be.

        `follow` is called when it is known what they track and none has started: those who take readings begin then.
        Raises ConfigurationError when an interface is missing; then nothing was changed.
        """
        self._awake.begin(boottime())
        reasons = {entry.name: vrrp_plan.unsupported(entry) or self._unlock(entry) for entry in wanted.instances}
        entries = {entry.name: entry for entry in wanted.instances if reasons[entry.name] is None}
        for entry in entries.values():
            self._open(entry)
        self.tracking.configure(wanted)
        self._pacer.configure(wanted.announcement_gaps)
        listed = (address for e in entries.values() for address in (*e.virtual_addresses, *e.excluded_addresses))
        self._virtual = frozenset(address.address for address in listed)
        for name, instance in tuple(self.instances.items()):
            if name not in entries or vrrp_plan.is_another(instance.config, entries[name]):
                self._remove(name)
        seats, refused = self._links.seats(entries.values())
        if any(entry.ipvlan is not None for entry in entries.values()):
            self.ports.read_addresses()  # Those of the ipvlans are there before the kernel's news of them.
        for name, seat in seats.items():
            deaf = self._sit(entries[name], seat)
            if deaf is not None:
                refused[name] = deaf
        entries = {name: entry for name, entry in entries.items() if name not in refused}
        self._entries, self._seats = entries, seats
        self._note(entries.values(), {**reasons, **refused})
        for name in self.instances.keys() & refused:
            self._remove(name)
        self._keeper.put(STATIC, placed(wanted.static_addresses, wanted.globals.default_interface), None, boottime())
        self.routes.put(STATIC, (*wanted.static_routes, *wanted.static_rules))
        self.sync.configure(wanted.sync_groups, entries)
        self.watch.configure(wanted)
        self.witnesses.configure(wanted.options, boottime())
        follow()
        for entry in entries.values():
            if entry.name in self.instances:
                self._change(self.instances[entry.name], entry, wanted, seats[entry.name])
            else:
                self._start(entry, wanted, handover, seats[entry.name])
        self._sync_group_of = {name: f"group {g.name}" for g in wanted.sync_groups for name in g.members}
        self._settle()
        self.bell.keep(self.instances)
        self._awake.end(boottime(), self._agenda.deadline())

    def _settle(self) -> None:
        """Know which instance a packet is for, and let go of the interfaces that none uses any more."""
        seats = [instance.seat for instance in self.instances.values()]
        devices = (name for i in self.instances.values() for name in vrrp_plan.interfaces_of(i.config))
        self._by_router = {(i.seat.talks, i.config.vrid, i.config.family): i for i in self.instances.values()}
        self._beneath = {seat.talks: seat.base for seat in seats}
        self._routers = frozenset(vrrp_plan.router_of(instance.config) for instance in self.instances.values())
        self.ports.keep({*devices, *(name for seat in seats for name in seat.every)})
        self._links.keep({name for seat in seats for name in seat.made})

    def _owned(self, entry: VrrpInstance, handover: Handover = NOTHING_HANDED_OVER) -> frozenset[IPAddress]:
        """What an instance has put on here itself, now or before a restart, is no address of the host's own."""
        put = {placed.address for placed in self._keeper.wanted(entry.name)}
        if entry.name in handover.active:
            put |= {virtual.address for virtual in entry.virtual_addresses} - set(handover.owned)
        return vrrp_plan.owned(entry, self.ports.lasting(entry.interface), frozenset(put))

    def _note(self, entries: Iterable[VrrpInstance], reasons: dict[str, str | None]) -> None:
        found = {name: why for name, why in reasons.items() if why is not None}
        for name, why in found.items():
            self._log.error("instance_not_run", instance=name, why=why)
        remarks = [f"vrrp_instance {e.name} {remark}" for e in entries for remark in vrrp_plan.remarks_on(e)]
        self.notes = (*(f"vrrp_instance {name} does not run: {why}" for name, why in found.items()), *remarks)

    def _open(self, entry: VrrpInstance) -> None:
        for name in vrrp_plan.interfaces_of(entry):
            try:
                self.ports.require(name)
            except ConfigurationError as error:
                raise ConfigurationError(f"vrrp_instance {entry.name}: {error}") from error

    def _unlock(self, entry: VrrpInstance) -> str | None:
        """Have an instance's keys. Why that cannot be."""
        try:
            self._secrets[entry.name] = secrets_of(entry, self._log)
        except ConfigurationError as error:
            return str(error)
        return None

    def _sit(self, entry: VrrpInstance, seat: Seat) -> str | None:
        """Have an instance's adverts heard. Why that cannot be: a kernel without IPv6 still has IPv4's."""
        try:
            for name in seat.every:
                self.ports.require(name)
            self.ports.require(seat.talks).listen(vrrp_plan.group_of(entry), entry.auth_type is AuthType.AH)
        except (ConfigurationError, KernelRefusedError) as error:
            return f"the kernel does not carry its adverts: {error}"
        return None

    def _start(self, entry: VrrpInstance, wanted: Configuration, handover: Handover, seat: Seat) -> None:
        owned = self._owned(entry, handover)
        source = self._source(entry, owned)
        instance = Instance(entry, wanted.options, source or NO_SOURCE[entry.family], self, self._log, owned, seat)
        self.instances[entry.name] = instance
        instance.guard(self._secrets[entry.name])
        if entry.name in handover.sequences:
            instance.go_on_from(handover.sequences[entry.name])
        now = boottime()
        standing = instance.standing = self._standing(instance)
        fresh = now - handover.at <= instance.machine.down_interval
        start = Start(
            faults=standing.faults,
            change=standing.change,
            adopt=entry.name in handover.active and fresh,
            hold=handover.crash_hold,
        )
        self._handle(instance, ReadyChanged(self._ready), now)
        self._handle(instance, start, now)
        self._weigh(entry.name)

    def _change(self, instance: Instance, entry: VrrpInstance, wanted: Configuration, seat: Seat) -> None:
        owned = self._owned(entry)
        source = self._source(entry, owned) or instance.source
        before = instance.made_of
        instance.seat = seat
        instance.configure(entry, wanted.options, source, owned)
        instance.guard(self._secrets[entry.name])
        if before != instance.made_of:
            self._log.info("instance_reconfigured", instance=entry.name, priority=entry.priority)
            self._handle(instance, Reconfigured(instance.settings), boottime())
        self._weigh(entry.name)

    def _remove(self, name: str) -> None:
        instance = self.instances[name]
        self._handle(instance, Stop(), boottime())
        self._agenda.drop(name)
        self._forwarding.forget(name)
        del self.instances[name]

    def _source(self, entry: VrrpInstance, owned: frozenset[IPAddress]) -> IPAddress | None:
        """An owner whose interface has no other address sends from one that it owns."""
        between = self._seats.get(entry.name) if entry.ipvlan is not None else None
        port = self.ports.require(entry.interface if between is None else between.talks)
        found = self.ports.source(port, self._virtual, entry)
        return found or (self.ports.source(port, self._virtual - owned, entry) if owned else None)

    def _standing(self, instance: Instance) -> StandingChanged:
        """What holds of an instance now: its interface, what it tracks, and the faults of its group."""
        faults = self.sync.faults(instance.name, self._own_faults)
        return StandingChanged(faults=faults, change=self.tracking.standing(instance.name)[1])

    def _own_faults(self, name: str) -> tuple[Fault, ...]:
        entry, instance = self._entries[name], self.instances.get(name)
        seat = self._seats[name] if instance is None else instance.seat
        faults = (*self.tracking.standing(name)[0], *vrrp_elsewhere.faults(entry, seat, self.ports))
        if not self._up(seat):
            return (LINK_DOWN, *faults) if entry.track_primary else faults
        owned = self._owned(entry) if instance is None else instance.owned
        return (NO_ADDRESS, *faults) if self._source(entry, owned) is None else faults

    def _weigh(self, name: str) -> None:
        """Tell an instance and its group what holds of them now, where that is news."""
        self._moving += 1
        for mate in self.sync.mates(name):
            instance = self.instances.get(mate)
            if instance is None:
                continue
            standing = self._standing(instance)
            if standing != instance.standing:
                instance.standing = standing
                before = instance.machine.priority
                self._handle(instance, standing, boottime())
                if instance.machine.priority != before:
                    self._report(instance, [])
        self._moving -= 1
        self._settle_group(name)

    def _up(self, seat: Seat) -> bool:
        """Of what is made on another interface, that one's carrier counts: its own comes later."""
        made = (self.ports.require(name).facts.up for name in seat.names if name != seat.base)
        return self.ports.require(seat.base).up and all(made)

    def _handle(self, instance: Instance, event: Event, now: float) -> None:
        self._follow(instance, instance.handle(event, now))

    def _follow(self, instance: Instance, outcome: Outcome) -> None:
        self._schedule(instance)
        asked_at = self.witnesses.ask(instance.name, boottime()) if outcome.asks else None
        if asked_at is not None:
            self._handle(instance, WitnessAnswered(asked_at), boottime())
        self.bell.witness(instance, outcome.unwitnessed, self.witnesses.words)
        if outcome.vanished is not None:
            self.bell.vanished(instance, outcome.vanished)
        if outcome.heard is not None:
            self.bell.heard(instance, outcome.heard, second=outcome.second)
        if outcome.changes:
            self._report(instance, outcome.changes)
        if outcome.lower is not None:
            self._heard_lower(instance, outcome.lower)
        self._moving += 1
        for name, move in self.sync.moves(instance.name, outcome.changes, self.instances, boottime()):
            mate = self.instances[name]
            done = mate.handle(move, boottime())
            self._schedule(mate)
            if done.changes or done.drain:
                self._follow(mate, done)
        self._moving -= 1
        self._settle_group(instance.name)
        if outcome.drain:
            self.packets(self.ports.require(instance.seat.talks))

    def _schedule(self, instance: Instance) -> None:
        self._agenda.put(instance.name, instance.deadline + self._slack(instance))

    def _slack(self, instance: Instance) -> float:
        """Many actives wait for each other, so that one waking-up serves several of them."""
        if instance.state is not VrrpState.MASTER or len(self.instances) < MANY:
            return 0.0
        return min(SLACK, instance.settings.interval / 100)

    def _settle_group(self, name: str) -> None:
        if not self._moving:
            self.sync.settle(name, self.instances)

    def packets(self, port: Port, awake_since: float = math.inf) -> None:
        """Hand in what waits at a port, in its order: a drain asked for meanwhile must not put newer before older."""
        if port.name in self._reading:
            return
        self._reading.add(port.name)
        try:
            self._read(port, awake_since)
        finally:
            self._reading.discard(port.name)

    def _read(self, port: Port, awake_since: float) -> None:
        for heard in vrrp_intake.adverts(port, self._log):
            vrid, family = heard.advert.vrid, heard.datagram.source.version
            instance = self._by_router.get((port.name, vrid, family))
            if instance is None and (self._beneath.get(port.name), vrid, family) in self._routers:
                continue  # a copy for the interface next to the one that its instance hears
            if instance is None:
                stranger = RefusedPacketError(packet.Refusal.VRID, f"no instance here has VRID {vrid} over IPv{family}")
                vrrp_intake.refuse(port, heard.datagram, stranger, self._log)
                self.bell.stranger(self.instances.values(), heard.advert, heard.datagram)
                continue
            own = self.ports.own(port)
            outcome = instance.hear(heard.advert, heard.datagram, own, heard.at, boottime(), awake_since)
            if outcome.refused is not None:
                self.bell.refused(instance, heard.datagram, outcome.refused)
            self._follow(instance, outcome)

    def witnessed(self, readable: Collection[object]) -> None:
        """Take in what witnesses answered; who waits for that first hears what waits for it."""
        asked_at, wanting = self.witnesses.receive(readable, boottime())
        awake_since = self._awake.begin(boottime())
        for instance in [self.instances[name] for name in wanting if name in self.instances]:
            if instance.machine.awaits_witness:
                self.packets(self.ports.require(instance.seat.talks))
            self._handle(instance, WitnessAnswered(asked_at, awake_since), boottime())

    def timers(self) -> None:
        """Call every instance whose time has come, after handing in what waits for it; renew addresses."""
        begun = boottime()
        awake_since = self._awake.begin(begun)
        read: dict[str, float] = {}
        called = False  # How late the first one is called is how late the process woke.
        # Who could wait a little longer, and need not any more, goes with those who cannot.
        for name in self._agenda.due(begun + (SLACK if len(self.instances) >= MANY else 0.0)):
            instance = self.instances.get(name)
            if instance is None or instance.deadline > boottime():
                continue
            talks = instance.seat.talks
            if boottime() - read.get(talks, -math.inf) > FRESH:
                read[talks] = boottime()
                self.packets(self.ports.require(talks), awake_since)
            now = boottime()
            if called:
                self.lateness.note(max(0.0, now - instance.deadline - self._slack(instance)), now)
            called = True
            self._handle(instance, Timeout(awake_since), now)
        self._awake.end(boottime(), self._agenda.deadline())
        self.watch.timers()
        now = boottime()
        if self._keeper.deadline() <= now:
            self._keeper.renew(now)
        for name in self._repeats.due(now):
            self.instances[name].announce_elsewhere(now)
            self._repeat(name, now)
        if self._pacer.deadline() <= now:
            self._pacer.run(now)
        for owner in self.late.expire(now):
            if owner in self.instances:
                self._forwarding.keep(owner, self.instances[owner].seat, active=False)
        self.witnesses.timers(now)
        self.bell.timers(self.instances)

    def kernel(self, messages: Collection[NetlinkMessage], complete: bool) -> None:
        """Take in what changed in the kernel: links that went or came, addresses that others took off."""
        try:
            self.watch.kernel(messages, complete)
            changes = self.ports.update(messages, complete, self._virtual)
        except KernelRefusedError as error:
            self._log.error("interfaces_not_read", error=error)
            return
        self._links.put_back(changes.lost)
        made = self._mend(changes.ports)
        for instance in tuple(self.instances.values()) if changes.ports else ():
            if changes.ports.intersection(instance.interfaces):
                self._refresh(instance)
        self._put_back(changes, made)
        self.routes.put_back(messages, complete)

    def _mend(self, changed: Collection[str]) -> frozenset[str]:
        """Make our own interfaces that are gone again, and open them before anybody misses them."""
        made = self._links.mend(changed)
        self.ports.look_at(made)
        self._forwarding.again(made)
        if made:
            self.ports.read_addresses()
        return made

    def _put_back(self, changes: Changes, made: frozenset[str]) -> None:
        owners = self._keeper.put_back(changes.lost, made)
        self.routes.again(set(owners))
        for owner, taken in owners.items():
            if owner != STATIC:
                self.instances[owner].announce(1, boottime())
                for each in taken:
                    self.bell.taken(self.instances[owner], each.placed, each.by)

    def _refresh(self, instance: Instance) -> None:
        """Follow an interface: its carrier, and the address that adverts come from."""
        source = self._source(instance.config, instance.owned)
        if source is not None and source != instance.source:
            self._move_source(instance, source, boottime())
        self._weigh(instance.name)

    def _move_source(self, instance: Instance, source: IPAddress, now: float) -> None:
        instance.move(source)
        self._handle(instance, Reconfigured(instance.settings), now)

    @property
    def is_ready(self) -> bool:
        """Whether this director may preempt a peer that it hears."""
        return self._ready

    def tell(self, name: str, event: Event) -> None:
        """Hand an event to one instance."""
        self._handle(self.instances[name], event, boottime())

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

    def ready(self, ready: bool) -> None:
        """Whether this director may preempt a peer that it hears."""
        self._ready = ready
        for instance in tuple(self.instances.values()):
            self._handle(instance, ReadyChanged(ready), boottime())

    @property
    def farewell_each(self) -> float:
        """Seconds after which a last will is too old."""
        active = (instance for instance in self.instances.values() if instance.state is VrrpState.MASTER)
        return min((instance.farewell_each for instance in active), default=math.inf)

    def active(self) -> tuple[str, ...]:
        """The names of the instances that are active."""
        return tuple(name for name, instance in self.instances.items() if instance.state is VrrpState.MASTER)

    def hand_over(self) -> Handover:
        """Leave everything for a successor on this machine: fresh lifetimes, an advert just sent."""
        now = boottime()
        self._keeper.close()
        for instance in tuple(self.instances.values()):
            if instance.state is VrrpState.MASTER:
                self._handle(instance, Reconfigured(instance.settings), now)
        owned = frozenset().union(*(instance.owned for instance in self.instances.values()))
        numbers = {name: i.number for name, i in self.instances.items() if i.number is not None}
        return Handover(active=self.active(), at=now, owned=tuple(owned), sequences=numbers)

    def stop(self) -> None:
        """Give every address up in order; `serve_late` and `close` come after it."""
        for name in tuple(self.instances):
            self._remove(name)
        self.watch.close()
        self.witnesses.close()
        self.routes.take(STATIC, ())
        self._keeper.take(STATIC, ())
        self._keeper.close()

    def serve_late(self) -> None:
        """Until no late frames are served any more; then take off what this process made, which has them till then."""
        while self.late.deadline() < math.inf:
            time.sleep(max(0.0, self.late.deadline() - boottime()))
            self.late.expire(boottime())
        self._links.release()

    def close(self) -> None:
        """Close the sockets. The kernel takes about ten milliseconds for each packet socket, so this comes last."""
        self.bell.close()
        self.ports.keep(())
