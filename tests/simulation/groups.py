# SPDX-License-Identifier: Apache-2.0
"""Sync groups by simulation: two or three directors with an instance on each of two segments, and the group's rules
between them. Smaller than world.py: what one instance does is tested there, here it is what two do together.

The real cores: the machine, `sync_group.moves` and `sync_group.shared`, called as the `vrrp` role calls them
(daemon/roles/vrrp_following.py): after each event of a member, until nobody moves any more.
"""

from __future__ import annotations

import heapq
import ipaddress
import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

from bascule.model.base import Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp import sync_group
from bascule.vrrp.events import (
    LINK_DOWN,
    AdvertReceived,
    Declined,
    Event,
    Fault,
    GroupMoves,
    HandOver,
    ReadyChanged,
    Release,
    SendAdvert,
    Settings,
    StandingChanged,
    Start,
    StateChanged,
    Stop,
    Succeeded,
    TakeOver,
    Timeout,
)
from bascule.vrrp.machine_grouped import GroupedMachine
from bascule.vrrp.sync_group import Member
from bascule.vrrp.transitions import ROWS, Cause
from tests.simulation.group_tally import Tally, Trouble, counting
from tests.simulation.record import Record

MEMBERS = ("A", "B")
GROUP = "VG"
TRANSIT = 0.0002
JITTER = 0.002
"""Seconds that a timer may come late: two groups of which each waits for its other half must not stay in step."""
QUIET_FROM = 30.0
LENGTH = 60.0
OWNER = 0.15
"""The share of schedules in which a director owns the addresses of its first member."""
FRESH = 3.0
"""Seconds after which a restart does not go on as active any more."""
SWITCH = 0.006
"""Seconds that a planned switch takes at the most."""
MIXED = 0.5
"""Seconds that a group may be of two minds, beyond what it listens for."""
TRACKED = Fault("script tracked exited with status 1")


Moves: TypeAlias = Callable[[str, Sequence[Member]], list[tuple[str, GroupMoves]]]


Ends: TypeAlias = tuple[Callable[[], object], Callable[[], object]]
"""What begins a trouble, False when it has no effect, and what ends it."""


class GroupError(Exception):
    """A rule is broken."""


class Director:
    """A director with its members' machines."""

    def __init__(self, world: World, number: int, priorities: tuple[int, int], preempt: bool) -> None:
        """Off."""
        self.world = world
        self.number = number
        self.preempt = preempt
        self.priorities = priorities
        self.faults: tuple[list[Fault], list[Fault]] = ([], [])
        self.changes = [0, 0]
        """What trackers add to each priority."""
        self.machines: list[GroupedMachine] = []
        self.told: list[tuple[tuple[Fault, ...], int]] = [((), 0), ((), 0)]
        self.reported = [VrrpState.INIT, VrrpState.INIT]
        self.ready = True
        self.asleep = False
        self.jitter = JITTER / 100
        self.mixed_since: float | None = None
        self.excused_until = 0.0

    @property
    def state(self) -> VrrpState:
        """The group's."""
        return sync_group.state_of([self._member(index) for index in range(len(self.machines))])

    def start(self, adopt: Sequence[bool] = (False, False)) -> None:
        """Both instances begin, one after the other, or go on as active."""
        if self.machines:
            return
        self.reported = [VrrpState.INIT, VrrpState.INIT]
        self.excused_until = self.world.now + 0.01
        self.machines = [self.world.machine(self._settings(index)) for index in range(len(MEMBERS))]
        for index in range(len(MEMBERS)):
            faults, change = self.told[index] = self._standing(index)
            self.handle(index, ReadyChanged(self.ready))
            self.handle(index, Start(faults=faults, change=change, adopt=adopt[index]))
        self._after()

    def end(self, *, orderly: bool) -> None:
        """Stopped, or dead at once."""
        if orderly and not self.asleep:
            for index in range(len(self.machines)):
                self.excused_until = self.world.now + 0.01
                self._run(index, Stop())
        self.machines = []
        self.mixed_since = None

    def _settings(self, index: int) -> Settings:
        return Settings(
            priority=Priority(self.priorities[index]),
            interval=Seconds(1.0),
            address=self.address(index),
            preempt=self.preempt,
            ready_timeout=Seconds(3.0),
            grouped=True,
        )

    def address(self, index: int) -> ipaddress.IPv4Address:
        """Of a member."""
        return ipaddress.IPv4Address(f"192.168.{index}.{10 + self.number}")

    def _standing(self, index: int) -> tuple[tuple[Fault, ...], int]:
        own = {name: tuple(found) for name, found in zip(MEMBERS, self.faults, strict=True)}
        return sync_group.shared(GROUP, MEMBERS[index], own), self.changes[index]

    def stand(self) -> None:
        """What is tracked has changed: every member is told what concerns it."""
        for index in range(len(self.machines)):
            standing = self._standing(index)
            if standing != self.told[index] and not self.asleep:
                self.told[index] = standing
                self.handle(index, StandingChanged(faults=standing[0], change=standing[1]))
        self._after()

    def hand_over(self, peer: Director) -> None:
        """Each instance asks the peer's."""
        for index in range(len(self.machines)):
            self.handle(index, HandOver(peer.address(index)))
            if self.machines[index].awaits is not None:
                self.world.tell(index, self, peer, lambda index=index: peer.take_over(index, self))  # type: ignore[misc]

    def take_over(self, index: int, active: Director) -> None:
        """It is asked to."""
        if self.machines and not self.asleep:
            self.handle(index, TakeOver(active.address(index)))
            source = self.address(index)
            taken = self.machines[index].state is VrrpState.MASTER
            answer = Succeeded(source) if taken else Declined(source, "not able")
            self.world.tell(index, self, active, lambda: active.answered(index, answer))

    def answered(self, index: int, answer: Succeeded | Declined) -> None:
        """The successor says what it has done."""
        if self.machines and not self.asleep and self.machines[index].awaits == answer.source:
            self.handle(index, answer)

    def release(self) -> None:
        """An operator ends the hold, as soon as somebody hears that."""
        if self.asleep:
            self.world.at(self.world.now + MIXED, self.release)
            return
        for index in range(len(self.machines)):
            self.handle(index, Release())
        self._after()

    def wake_at(self) -> float:
        """When a timer is due."""
        if self.asleep:
            return float("inf")
        return min((machine.deadline() for machine in self.machines), default=float("inf")) + self.jitter

    def timers(self) -> None:
        """Call each machine whose time has come."""
        self.jitter = self.world.chance.uniform(JITTER / 100, JITTER)
        for index, machine in enumerate(self.machines):
            if machine.deadline() <= self.world.now:
                self.handle(index, Timeout())
        self._after()

    def hear(self, index: int, sender: Director, priority: Priority) -> None:
        """An advert has come."""
        if self.machines and not self.asleep and LINK_DOWN not in self.faults[index]:
            source, now = sender.address(index), self.world.now
            self.handle(index, AdvertReceived(source=source, priority=priority, interval=Seconds(1.0), received_at=now))
            self._after()

    def handle(self, index: int, event: Event) -> None:
        """An event of a member, and what follows from it for the group."""
        changes = self._run(index, event)
        if any(machine.awaits is not None for machine in self.machines):
            return  # A planned switch asks every instance by itself.
        if any(change.cause is Cause.APPOINTED for change in changes):
            return
        left = any(entry.previous is VrrpState.MASTER and entry.state is VrrpState.BACKUP for entry in changes)
        found = [self._member(each, left=left and each == index) for each in range(len(MEMBERS))]
        members = [member for member in found if member.state is not VrrpState.INIT]
        if len(members) == len(MEMBERS):
            for name, move in self.world.moves(GROUP, members):
                self.handle(MEMBERS.index(name), move)

    def _run(self, index: int, event: Event) -> list[StateChanged]:
        commands = self.machines[index].handle(event, self.world.now)
        changes = [command for command in commands if isinstance(command, StateChanged)]
        for command in commands:
            if isinstance(command, SendAdvert):
                self.world.send(self, index, command.priority)
            elif isinstance(command, StateChanged):
                self._report(index, command)
        return changes

    def _report(self, index: int, change: StateChanged) -> None:
        row = ROWS.get((change.previous, change.cause))
        if row is None or row.target is not change.state or change.previous is not self.reported[index]:
            raise GroupError(f"director {self.number} reported {change}")
        self.reported[index] = change.state
        self.world.note(self, f"{MEMBERS[index]} {change.state.value}: {change.reason}")

    def _member(self, index: int, *, left: bool = False) -> Member:
        machine = self.machines[index]
        return Member(name=MEMBERS[index], state=machine.state, wants=machine.wants, led=machine.led, left=left)

    def _after(self) -> None:
        """A group is of one mind, but for the moment in which it starts and while a member listens."""
        active = [machine.state is VrrpState.MASTER for machine in self.machines]
        if any(active) and not all(active) and self.world.now > self.excused_until:
            since = self.mixed_since if self.mixed_since is not None else self.world.now
            self.mixed_since = since
            if self.world.now - since > MIXED:
                raise GroupError(f"director {self.number} is of two minds for {self.world.now - since:.2f} s")
        else:
            self.mixed_since = None


class World:
    """A run of one seed."""

    def __init__(self, seed: int, tally: Tally, moves: Moves = sync_group.moves, record: Record | None = None) -> None:
        """Nothing has started."""
        self.record = record
        self.machine = counting(tally)
        self.chance = chance = random.Random(f"group {seed}")
        self.now = 0.0
        self.tally = tally
        self.moves = moves
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = 0
        self.halves: list[list[frozenset[int]]] = [[], []]
        self.losses: list[list[float]] = [[], []]
        size = chance.choice((2, 2, 3))
        preempt = chance.random() < 0.7
        pool = chance.sample((50, 90, 100, 101, 150, 200), size)
        owner = chance.random() < OWNER
        crossed = chance.random() < 0.2
        second = list(reversed(pool)) if crossed else pool
        self.even = not crossed and preempt
        """Whether the rules name one director."""
        first = [255 if owner and number == 0 else priority for number, priority in enumerate(pool)]
        self.even = self.even and (not owner or pool[0] == max(pool))
        self.directors = [
            Director(self, number, pair, preempt) for number, pair in enumerate(zip(first, second, strict=True))
        ]

    def note(self, director: Director, text: str) -> None:
        """For the chart."""
        if self.record is not None:
            self.record.note(self.now, director.number, text)

    def at(self, when: float, what: Callable[[], object]) -> None:
        """Do something later."""
        self._order += 1
        heapq.heappush(self._due, (when, self._order, what))

    def send(self, sender: Director, index: int, priority: Priority) -> None:
        """A multicast on a segment."""
        if LINK_DOWN in sender.faults[index]:
            return
        for receiver in self.directors:
            arrives = self.chance.random() >= max(self.losses[index], default=0.0)
            arrives = arrives and self.open(index, sender, receiver)
            if arrives and receiver is not sender:
                self.at(self.now + TRANSIT, self._arrival(receiver, index, sender, priority))
            if receiver is not sender and self.record is not None:
                text = f"{MEMBERS[index]} {priority}" if arrives else "lost"
                self.record.message(self.now, sender.number, receiver.number, text, arrived=arrives)

    def tell(self, index: int, sender: Director, receiver: Director, what: Callable[[], None]) -> None:
        """A datagram of a planned switch."""
        lost = self.chance.random() < max(self.losses[index], default=0.0)
        muted = LINK_DOWN in sender.faults[index] or LINK_DOWN in receiver.faults[index]
        if not lost and not muted and self.open(index, sender, receiver):
            self.at(self.now + TRANSIT, what)

    def open(self, index: int, one: Director, other: Director) -> bool:
        """Whether two hear each other on a segment."""
        return all((one.number in half) is (other.number in half) for half in self.halves[index])

    def _arrival(self, receiver: Director, index: int, sender: Director, priority: Priority) -> Callable[[], None]:
        return lambda: receiver.hear(index, sender, priority)

    def run(self) -> None:
        """Everything. Raises GroupError."""
        for director in self.directors:
            self.at(self.chance.choice((0.0, self.chance.uniform(0, 8))), director.start)
        for _ in range(self.chance.randint(2, 6)):
            begin = self.chance.uniform(5, QUIET_FROM - 1)
            end = min(begin + self.chance.choice((0.3, 2.0, 8.0)) * self.chance.random(), QUIET_FROM)
            self._trouble(self.chance.choice(list(Trouble)), begin, end)
        self._loop()
        self._settled()
        self.tally.schedules += 1

    def _loop(self) -> None:
        while self.now < LENGTH:
            first = min(self.directors, key=Director.wake_at)
            wake = first.wake_at()
            if not self._due or wake < self._due[0][0]:
                self.now = max(self.now, wake)
                first.timers()
            else:
                when, _, what = heapq.heappop(self._due)
                self.now = max(self.now, when)
                what()

    def _trouble(self, trouble: Trouble, begin: float, end: float) -> None:
        director, index = self.chance.choice(self.directors), self.chance.randrange(len(MEMBERS))
        on, off = getattr(self, f"_{trouble.name.lower()}")(director, index)

        def start() -> None:
            self.note(director, f"* {trouble.value} ({MEMBERS[index]})")
            self.tally.troubles[trouble] += on() is not False

        def stop() -> None:
            self.note(director, f"* end of {trouble.value}")
            off()

        self.at(begin, start)
        self.at(end, stop)

    def _tracked(self, director: Director, index: int, fault: Fault) -> Ends:
        def on() -> None:
            director.faults[index].append(fault)
            director.stand()

        def off() -> None:
            director.faults[index].remove(fault)
            director.stand()

        return on, off

    def _link(self, director: Director, index: int) -> Ends:
        return self._tracked(director, index, LINK_DOWN)

    def _fault(self, director: Director, index: int) -> Ends:
        return self._tracked(director, index, TRACKED)

    def _partition(self, director: Director, index: int) -> Ends:
        half = frozenset({director.number})
        return lambda: self.halves[index].append(half), lambda: self.halves[index].remove(half)

    def _loss(self, _: Director, index: int) -> Ends:
        share = self.chance.choice((0.2, 0.5, 0.8))
        return lambda: self.losses[index].append(share), lambda: self.losses[index].remove(share)

    def _suspension(self, director: Director, _: int) -> Ends:
        def on() -> None:
            director.asleep = True

        def off() -> None:
            director.asleep = False
            director.excused_until = self.now + 8
            director.stand()

        return on, off

    def _crash(self, director: Director, _: int) -> Ends:
        return lambda: director.end(orderly=False), director.start

    def _stop(self, director: Director, _: int) -> Ends:
        return lambda: director.end(orderly=True), director.start

    def _unready(self, director: Director, _: int) -> Ends:
        def tell(ready: bool) -> None:
            director.ready = ready
            if not director.asleep:
                for index in range(len(director.machines)):
                    director.handle(index, ReadyChanged(ready))

        return lambda: tell(False), lambda: tell(True)

    def _weight(self, director: Director, index: int) -> Ends:
        weight = self.chance.choice((-150, -60, -10, 10, 60))

        def change(by: int) -> None:
            director.changes[index] += by
            director.stand()

        return lambda: change(weight), lambda: change(-weight)

    def _restart(self, director: Director, _: int) -> Ends:
        left: list[tuple[float, list[bool]]] = []

        def on() -> bool:
            if director.machines and not director.asleep:
                left.append((self.now, [machine.state is VrrpState.MASTER for machine in director.machines]))
                director.end(orderly=False)
            return bool(left)

        def off() -> None:
            if left:
                at, active = left[0]
                fresh = self.now - at <= FRESH
                director.start([fresh and each for each in active])

        return on, off

    def _hand_over(self, chosen: Director, _: int, *, cut: bool = False) -> Ends:
        dead: list[Director] = []

        def on() -> bool:
            awake = [director for director in self.directors if not director.asleep]
            active = next((director for director in awake if director.state is VrrpState.MASTER), None)
            peers = [director for director in awake if director.state is VrrpState.BACKUP]
            if active is None or not peers:
                return False
            active.hand_over(peers[chosen.number % len(peers)])
            if cut:
                dead.append(self.chance.choice((active, peers[chosen.number % len(peers)])))
                self.at(self.now + self.chance.random() * SWITCH, lambda: dead[0].end(orderly=False))
            return True

        def off() -> None:
            for director in dead:
                self.at(self.now + SWITCH, director.start)
            for director in self.directors:
                self.at(self.now + SWITCH, director.release)

        return on, off

    def _cut(self, chosen: Director, index: int) -> Ends:
        return self._hand_over(chosen, index, cut=True)

    def _settled(self) -> None:
        """Long after the last trouble: one director holds both, the one that the rules name."""
        states = {director.number: director.state for director in self.directors}
        active = [director for director in self.directors if director.state is VrrpState.MASTER]
        others = [number for number, state in states.items() if state not in (VrrpState.MASTER, VrrpState.BACKUP)]
        mixed = [d.number for d in self.directors if len({machine.state for machine in d.machines}) != 1]
        if len(active) != 1 or others or mixed:
            raise GroupError(f"at the end: {states}, of two minds: {mixed}")
        if self.even and any(director.priorities[0] > active[0].priorities[0] for director in self.directors):
            raise GroupError(f"director {active[0].number} is active at the end, the wrong one")
