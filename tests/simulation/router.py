# SPDX-License-Identifier: Apache-2.0
"""One director as its `vrrp` role runs it: the real machine, between a socket, a kernel and a bus made of lists.

The order of a round is the role's own (daemon/roles/vrrp.py, vrrp_group.py): first what waited in the socket, then
timers, which hand in what waits first, then the kernel's news, then the bus. Its clock goes on while the machine is
suspended, as CLOCK_BOOTTIME does; a frozen machine's does not.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

from bascule.model.base import IPAddress, Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import (
    LINK_DOWN,
    SUCCESSION,
    AdvertReceived,
    Announce,
    AskWitness,
    Declined,
    Drain,
    Event,
    Fault,
    HandOver,
    LeaveAddresses,
    Noticed,
    PutAddresses,
    ReadyChanged,
    Reconfigured,
    Release,
    SendAdvert,
    Settings,
    StandingChanged,
    Start,
    StateChanged,
    Stop,
    Succeeded,
    TakeAddresses,
    TakeOver,
    Timeout,
    WitnessAnswered,
)
from bascule.vrrp.machine_witnessed import WitnessedMachine
from bascule.vrrp.packet import PRIORITY_OWNER as OWNER
from bascule.vrrp.packet import PRIORITY_STOP
from bascule.vrrp.transitions import Cause
from tests.simulation import codec
from tests.simulation.codec import Message
from tests.simulation.facts import down_interval
from tests.simulation.plan import Kind, RouterPlan

if TYPE_CHECKING:
    from tests.simulation.world import World

NEVER = float("inf")
INIT = VrrpState.INIT
TRACKED = Fault("script tracked exited with status 1")
LIFETIME_DOWNS = 2
"""Down intervals that addresses live without being renewed."""
READY_ADVERTS = 3
"""As the role sets it when `ready_timeout` is not set."""
ANNOUNCE_ADVERTS = 5
"""Until the second announcement: keepalived's default at one advert a second."""
TIMER_SLACK = 1e-6
"""Seconds that a timer comes after its time at the best."""
TIMEOUT = Timeout()
OURS_FIRST = 0.7
"""The share of timers that other instances of the process do not delay."""
WILL_DELAY = 0.003
"""Seconds until a supervisor has executed a last will."""


@dataclasses.dataclass(slots=True, frozen=True)
class Configuration:
    """What a router's file says."""

    priority: Priority
    preempt: bool
    addresses: tuple[IPAddress, ...]


@dataclasses.dataclass(slots=True, frozen=True)
class Standing:
    """What is tracked has changed: the router knows how it is now."""


@dataclasses.dataclass(slots=True, frozen=True)
class Request:
    """An active asks for a successor; it came at `at`, by the successor's clock."""

    active: Router
    at: float


PATIENCE = SUCCESSION
"""Seconds for which a request is good: the active waits no longer."""
HANDED = (Cause.SUCCEEDED, Cause.SUCCESSOR_SILENT, Cause.YIELDED)

Order: TypeAlias = Request | Event | Configuration | Standing


class Router:
    """A machine with its clock, its interface, and perhaps a `vrrp` process."""

    patience = PATIENCE

    def __init__(self, world: World, number: int, plan: RouterPlan) -> None:
        """Powered off."""
        self.world = world
        self.number = number
        self.plan = plan
        self.address = codec.address_of(number, world.schedule.family)
        self.rate, self.offset = plan.rate, plan.offset
        self.interval = Seconds(world.schedule.interval * plan.pace)
        self.machine: WitnessedMachine | None = None
        self.state = INIT
        """The machine's after its last event; INIT when no process runs."""
        self.deadline = NEVER
        """The same of its deadline, by this clock."""
        self.life = 0
        """Counts starts and ends of the process, so that what was meant for an earlier one is known."""
        self.boots = 0
        """The same of the whole director."""
        self.stalled: Kind | None = None
        self.slow = 0.0
        self.link = True
        self.tracked_faults = 0
        """Faults of trackers, the interface's not counted."""
        self.change = 0
        """What trackers add to the priority."""
        self.keeps_back = False
        """It has handed over."""
        self.standing: tuple[tuple[Fault, ...], int] = ((), 0)
        """What the process knows of all three."""
        self.ready = False
        self.held: frozenset[IPAddress] = frozenset()
        """The virtual addresses that are on."""
        self.own = frozenset({self.address})
        self.priority = plan.priority
        """The configured one with what trackers add to it, as far as the process knows."""
        self._accepted: dict[Message, bool] = {}
        """What `verify` said, as long as neither configuration nor addresses change."""
        self._messages: dict[tuple[Priority, int | None], Message] = {}
        self._busy_until = 0.0
        """Other instances of the process have their turn so long, by the true clock."""
        self._awake_since: float | None = None
        """From when on they had it, by this clock, when the next is ours."""
        self.configure(Configuration(plan.priority, plan.preempt, codec.virtual_addresses(1, world.schedule.family)))
        self.news = False
        self.orders: list[Order] = []
        self.waiting: list[tuple[int, Message, float]] = []
        """Packets in the socket, with the kernel's stamps."""
        self.answers: list[float] = []
        """Answers of the witness that wait: when each was asked for."""
        self.will = False
        self._reading = False

    @property
    def lifetime(self) -> float:
        """Seconds of its addresses without renewal."""
        version, interval = self.world.schedule.version, self.interval
        return LIFETIME_DOWNS * down_interval(version, self.configuration.priority, interval, self.plan.down_adverts)

    @property
    def now(self) -> float:
        """By its own clock."""
        return self.offset + self.rate * self.world.now

    def configure(self, configuration: Configuration) -> None:
        """Take a file's content over; the machine is told separately."""
        schedule = self.world.schedule
        self.configuration = configuration
        self.wanted = frozenset(configuration.addresses)
        others = (number for number in range(len(schedule.routers)) if schedule.unicast and number != self.number)
        peers = tuple(codec.address_of(number, schedule.family) for number in others)
        self.demanded = codec.expected(schedule.version, self.interval, configuration.addresses, peers)
        self._accepted.clear()
        self._messages.clear()
        self.weigh()

    def weigh(self) -> None:
        """What the priority is now."""
        configured = self.configuration.priority
        if self.keeps_back:
            self.priority = Priority(1)
        elif configured != OWNER:
            self.priority = Priority(min(max(configured + self.standing[1], 1), 254))
        else:
            self.priority = configured

    def settings(self) -> Settings:
        """What the machine is told of the configuration."""
        interval = self.interval
        return Settings(
            priority=self.configuration.priority,
            interval=interval,
            address=self.address,
            preempt=self.configuration.preempt,
            version=self.world.schedule.version,
            ready_timeout=Seconds(READY_ADVERTS * interval),
            announcements=2,
            # The last announcement must be the active's without a second round of its answers, too.
            answer_delay=Seconds(0.0),
            announce_delay=Seconds(ANNOUNCE_ADVERTS * interval),
            preempt_delay=self.plan.preempt_delay,
            down_adverts=self.plan.down_adverts,
            witness=self.world.schedule.witness,
        )

    # The process: starts and ends.

    def start(self, *, adopt_since: float | None = None, hold: float = 0.0) -> None:
        """A `vrrp` process starts; `adopt_since`: when its predecessor handed over as active, by this clock."""
        self.life += 1
        self.machine = machine = self.world.machine(self.settings())
        self.keeps_back = False
        now = self.now
        adopt = adopt_since is not None and now - adopt_since <= machine.down_interval
        self.standing = (self._faults(), self.change)
        self.weigh()
        if self.held and not adopt:
            self.world.tally.faults[Kind.LEFTOVERS] += 1
        self.world.oracle.starting(self, hold=hold)
        self.handle(ReadyChanged(self.ready))
        faults, change = self.standing
        self.handle(Start(faults=faults, change=change, adopt=adopt, hold=Seconds(hold)))
        self.will = self.state is VrrpState.MASTER
        self._after()

    def _faults(self) -> tuple[Fault, ...]:
        return (*([] if self.link else [LINK_DOWN]), *[TRACKED] * min(self.tracked_faults, 1))

    def end(self) -> None:
        """The process is no more, however it came; what is in its sockets and on its bus is gone with it."""
        self.life += 1
        self.machine, self.state, self.deadline = None, INIT, NEVER
        self.world.wakes[self.number] = NEVER
        self._busy_until, self._awake_since = 0.0, None
        self.waiting.clear()
        self.answers.clear()
        for order in self.orders:
            if isinstance(order, Configuration):
                self.configure(order)
        self.orders.clear()
        self.news = False
        self.world.oracle.ended(self)
        if self.stalled is Kind.PAUSE:
            self.stalled = None

    def stop(self) -> None:
        """An ordered stop."""
        self.handle(Stop())
        self.world.oracle.stopped(self)
        self.end()

    def hand_over(self) -> float | None:
        """The process leaves everything for a successor; when, if it was active."""
        if self.state is VrrpState.MASTER:
            self.handle(Reconfigured(self.settings()))
        found = self.now if self.state is VrrpState.MASTER else None
        self.end()
        return found

    def execute_will(self) -> None:
        """What the supervisor does for a process that was killed."""
        if self.will and self.stalled is None:
            self.world.wire.send(self, self.message(PRIORITY_STOP))
            self.put(())
            self.world.oracle.spoke(self)
        self.will = False

    # What comes in.

    def arrive(self, sender: int, message: Message) -> None:
        """The kernel has got a packet."""
        if self.machine is None or not self.link:
            self.world.wire.bad_at[sender][self.number] = self.world.now
        elif self.stalled is None or self.stalled is Kind.PAUSE:
            self.waiting.append((sender, message, self.now))
            if self.slow or self.stalled is not None or self.plan.company:
                self.touch()
            else:
                self.round()
        else:
            self.world.wire.slept[sender][self.number] = self.world.now
            self.world.oracle.facts[self.number].missed += 1

    def answer(self, asked_at: float, *, heard: bool) -> None:
        """The witness's answer has come as far as here, if it is heard here."""
        if not heard or self.machine is None or self.stalled not in (None, Kind.PAUSE):
            self.world.oracle.unwitnessed(self)
        else:
            self.answers.append(asked_at)
            self.touch()

    def touch(self) -> None:
        """Something waits for the process: it runs as soon as it can."""
        if self.machine is None or self.stalled is not None:
            return
        if self.slow:
            wakes, number = self.world.wakes, self.number
            wakes[number] = min(wakes[number], self.world.now + self.world.chance.random() * self.slow)
        elif self.world.now < self._busy_until:
            self.world.wakes[self.number] = self._busy_until
        else:
            self.round()

    def order(self, order: Order) -> None:
        """Something comes by the bus."""
        if self.machine is not None:
            self.orders.append(order)
            self.touch()

    def asked_by(self, active: Router) -> None:
        """The kernel has got a request to take over, if it runs."""
        if self.stalled in (None, Kind.PAUSE):
            self.order(Request(active, self.now))

    # One round of the role's loop.

    def round(self) -> None:
        """What the process does when it runs."""
        if self.waiting:
            self.packets()
        while self.answers:
            self.witnessed(self.answers.pop(0))
        if self.deadline <= self.now:
            if self.plan.company and self._others_first():
                return
            self.timers()
        if self.news:
            self.news = False
            self._stand()
        while self.orders:
            self._obey(self.orders.pop(0))
        self._after()

    def _after(self) -> None:
        self.world.oracle.after(self)
        due, now = (self.deadline - self.offset) / self.rate + TIMER_SLACK, self.world.now
        if due < now:
            due = now
        if self.slow:
            due += self.world.chance.random() * self.slow
        self.world.wakes[self.number] = due

    def _others_first(self) -> bool:
        """Now and then: timers of other instances are due too, and the process calls those before."""
        if self._awake_since is not None or self.slow or self.world.chance.random() < OURS_FIRST:
            return False
        self.world.tally.faults[Kind.COMPANY] += 1
        self._awake_since = self.now
        self._busy_until = self.world.now + self.world.chance.random() * self.plan.company
        self.world.wakes[self.number] = self._busy_until
        return True

    def timers(self) -> None:
        """Call the machine if its time has come, after handing in what waits."""
        if self.deadline <= self.now:
            self.packets()
            self.handle(TIMEOUT if self._awake_since is None else Timeout(self._awake_since))
        self._awake_since = None

    def packets(self) -> None:
        """Hand in what waits, in its order; a drain asked for meanwhile changes nothing."""
        if self._reading:
            return
        self._reading = True
        waiting = self.waiting
        while waiting:
            self._hear(*waiting.pop(0))
        self._reading = False

    def witnessed(self, asked_at: float) -> None:
        """As the role does: who waits for an answer first hears what waits in the socket."""
        assert self.machine is not None
        if self.machine.awaits_witness:
            self.packets()
        self.world.oracle.answering(self, asked_at)
        self.handle(WitnessAnswered(asked_at, NEVER if self._awake_since is None else self._awake_since))

    def _hear(self, sender: int, message: Message, stamp: float) -> None:
        world, advert = self.world, message.advert
        accepted = self._accepted.get(message)
        if accepted is None:
            accepted = self._accepted[message] = codec.accepts(message, self.demanded, self.own)
        if world.record is not None:
            text = f"priority {advert.priority}" if accepted else "refused"
            world.record.message(world.now, sender, self.number, text)
        if not accepted:
            world.tally.refused += 1
            world.wire.bad_at[sender][self.number] = world.now
            return
        source = message.datagram.source
        before = world.oracle.hearing(self, advert, sender, stamp)
        self.handle(
            AdvertReceived(
                source=source,
                priority=advert.priority,
                interval=advert.interval,
                received_at=stamp,
                awake_since=NEVER if self._awake_since is None else self._awake_since,
            )
        )
        if before is VrrpState.MASTER:
            world.oracle.heard(self, advert, sender, stamp)

    def _stand(self) -> None:
        """Follow what is tracked, the interface among it."""
        before, earlier = self.standing, self.priority
        self.standing = (self._faults(), self.change)
        if before != self.standing:
            self.weigh()
            faults, change = self.standing
            self.world.oracle.reweighing(self, earlier)
            self.handle(StandingChanged(faults=faults, change=change))

    def _obey(self, order: Order) -> None:
        if isinstance(order, Configuration):
            if self.configuration != order:
                self.configure(order)
                self.world.oracle.reconfiguring(self)
                self.handle(Reconfigured(self.settings()))
                self.will = self.state is VrrpState.MASTER
        elif isinstance(order, Standing):
            self._stand()
        elif isinstance(order, Request):
            self._take_over(order)
        elif isinstance(order, HandOver):
            self._hand_over(order)
        elif isinstance(order, Release):
            self._release(order)
        else:
            self.handle(order)

    # Planned switches.

    def _hand_over(self, order: HandOver) -> None:
        """Asks the successor, after the machine knows. One planned switch at a time, as the role has it."""
        assert self.machine is not None
        if self.machine.awaits is not None:
            return
        asked = next((peer for peer in self.world.routers if peer.address == order.to), None)
        self.world.oracle.handing(self, None if asked is None else asked.number)
        self.handle(order)
        if asked is not None and asked.address == self.machine.awaits:
            self.world.wire.tell(self, asked, asked.asked_by, self)

    def _take_over(self, request: Request) -> None:
        """As the role does: what the active sent before is heard before; a request that is too old is refused."""
        self.packets()
        active, source = request.active, self.address
        if self.now - request.at > self.patience:
            self.world.tally.stale_requests += 1
            self.world.wire.tell(self, active, active.order, Declined(source, "too late"))
            return
        assert self.machine is not None
        able = self.state is VrrpState.BACKUP
        if self.machine.awaits is None:
            self.world.oracle.appointing(self, active, request.at)
        self.handle(TakeOver(active.address))
        taken = self.state is VrrpState.MASTER and self.machine.awaits is None
        if able and not taken:
            self.world.oracle.reluctant(self)
        self.world.wire.tell(self, active, active.order, Succeeded(source) if taken else Declined(source, "not able"))

    def _release(self, order: Release) -> None:
        earlier, self.keeps_back = self.priority, False
        self.weigh()
        self.world.oracle.reweighing(self, earlier)
        self.handle(order)

    # The hands.

    def handle(self, event: Event) -> None:
        """Have the machine decide, and do what it asks for."""
        machine = self.machine
        assert machine is not None
        commands = machine.handle(event, self.now)
        self.state, self.deadline = machine.state, machine.deadline()
        drain = False
        for command in commands:
            match command:
                case SendAdvert(priority=priority):
                    self._send(priority)
                case PutAddresses():
                    self.put(self.configuration.addresses)
                case TakeAddresses() | LeaveAddresses():
                    self.put(())
                case Announce(times=times):
                    self._announce(times)
                case Drain():
                    drain = True
                case AskWitness():
                    self.world.wire.ask_witness(self)
                case StateChanged():
                    self._report(command)
                case Noticed():
                    pass
        if drain:
            self.packets()

    def message(self, priority: Priority, to: int | None = None) -> Message:
        """An advert of this router, to all or to one."""
        found = self._messages.get((priority, to))
        if found is None:
            version, addresses = self.world.schedule.version, self.configuration.addresses
            found = codec.message(self.number, version, self.interval, addresses, priority, to)
            self._messages[priority, to] = found
        return found

    def put(self, addresses: tuple[IPAddress, ...]) -> None:
        """Have these virtual addresses on, and no others."""
        if addresses or self.held:
            self.held = self.wanted if addresses is self.configuration.addresses else frozenset(addresses)
            self.own = frozenset({self.address, *addresses})
            self._accepted.clear()

    def _send(self, priority: Priority) -> None:
        self.world.tally.adverts += 1
        self.world.oracle.sending(self, priority)
        self.world.wire.send(self, self.message(priority))

    def _announce(self, times: int) -> None:
        if times > 0:
            self.world.oracle.announcing(self)
            self.world.wire.announce(self, self.configuration.addresses)
            if self.world.record is not None:
                self.world.record.note(self.world.now, self.number, "announces")

    def _report(self, change: StateChanged) -> None:
        if self.world.record is not None:
            text = f"{change.state.value}: {change.reason}"
            self.world.record.note(self.world.now, self.number, text)
        self.will = change.state is VrrpState.MASTER
        if change.cause in HANDED:
            self.keeps_back = True
        elif change.state is VrrpState.MASTER:
            self.keeps_back = False
        self.weigh()
        self.world.oracle.changed(self, change)
