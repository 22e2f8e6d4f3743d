# SPDX-License-Identifier: Apache-2.0
"""Sync groups by simulation: two or three directors with an instance on each of two segments, and the group's rules
between them. Smaller than world.py: what one instance does is tested there, here it is what two do together.

The real cores: the machine, `sync_group.moves` and `sync_group.shared`, called as the `vrrp` role calls them
(daemon/roles/vrrp_group.py): after each event of a member, until nobody moves any more.
"""

from __future__ import annotations

import dataclasses
import enum
import heapq
import ipaddress
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from bascule.model.base import Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp import sync_group
from bascule.vrrp.events import (
    LINK_DOWN,
    AdvertReceived,
    Event,
    Fault,
    GroupMoves,
    ReadyChanged,
    SendAdvert,
    Settings,
    StandingChanged,
    Start,
    StateChanged,
    Stop,
    Timeout,
)
from bascule.vrrp.machine_grouped import GroupedMachine
from bascule.vrrp.sync_group import Member
from bascule.vrrp.transitions import ROWS, Cause

MEMBERS = ("A", "B")
GROUP = "VG"
TRANSIT = 0.0002
JITTER = 0.002
"""Seconds that a timer may come late: two groups of which each waits for its other half must not stay in step."""
QUIET_FROM = 30.0
LENGTH = 60.0
MIXED = 0.5
"""Seconds that a group may be of two minds, beyond what it listens for."""
TRACKED = Fault("script tracked exited with status 1")


Moves: TypeAlias = Callable[[str, Sequence[Member]], list[tuple[str, GroupMoves]]]


class Trouble(enum.Enum):
    """What goes wrong; the values are for people."""

    LINK = "interface of one member down"
    FAULT = "fault of one member, the interface stays usable"
    PARTITION = "one segment in two halves"
    LOSS = "packets lost on one segment"
    SUSPENSION = "machine suspended"
    CRASH = "director dead and back"
    STOP = "ordered stop and start"
    UNREADY = "not ready for a while"


class GroupError(Exception):
    """A rule is broken."""


@dataclasses.dataclass(slots=True)
class Tally:
    """What occurred."""

    schedules: int = 0
    troubles: Counter[Trouble] = dataclasses.field(default_factory=Counter)
    causes: Counter[Cause] = dataclasses.field(default_factory=Counter)


def counting(tally: Tally) -> type[GroupedMachine]:
    """The machine, its causes counted."""

    class Counted(GroupedMachine):
        def _move(self, cause: Cause, reason: str) -> None:
            tally.causes[cause] += 1
            super()._move(cause, reason)

    return Counted


class Director:
    """A director with its members' machines."""

    def __init__(self, world: World, number: int, priorities: tuple[int, int], preempt: bool) -> None:
        """Off."""
        self.world = world
        self.number = number
        self.preempt = preempt
        self.priorities = priorities
        self.faults: tuple[list[Fault], list[Fault]] = ([], [])
        self.machines: list[GroupedMachine] = []
        self.told: list[tuple[Fault, ...]] = [(), ()]
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

    def start(self) -> None:
        """Both instances begin, one after the other."""
        if self.machines:
            return
        self.reported = [VrrpState.INIT, VrrpState.INIT]
        self.excused_until = self.world.now + 0.01
        self.machines = [self.world.machine(self._settings(index)) for index in range(len(MEMBERS))]
        for index in range(len(MEMBERS)):
            self.told[index] = self._shared(index)
            self.handle(index, ReadyChanged(self.ready))
            self.handle(index, Start(faults=self.told[index]))
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
            address=ipaddress.IPv4Address(f"192.168.{index}.{10 + self.number}"),
            preempt=self.preempt,
            ready_timeout=Seconds(3.0),
            grouped=True,
        )

    def _shared(self, index: int) -> tuple[Fault, ...]:
        own = {name: tuple(found) for name, found in zip(MEMBERS, self.faults, strict=True)}
        return sync_group.shared(GROUP, MEMBERS[index], own)

    def stand(self) -> None:
        """What is tracked has changed: every member is told what concerns it."""
        for index in range(len(self.machines)):
            shared = self._shared(index)
            if shared != self.told[index] and not self.asleep:
                self.told[index] = shared
                self.handle(index, StandingChanged(faults=shared))
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
            source = ipaddress.IPv4Address(f"192.168.{index}.{10 + sender.number}")
            now = self.world.now
            self.handle(index, AdvertReceived(source=source, priority=priority, interval=Seconds(1.0), received_at=now))
            self._after()

    def handle(self, index: int, event: Event) -> None:
        """An event of a member, and what follows from it for the group."""
        changes = self._run(index, event)
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

    def __init__(self, seed: int, tally: Tally, moves: Moves = sync_group.moves) -> None:
        """Nothing has started."""
        self.machine = counting(tally)
        self.chance = chance = random.Random(f"group {seed}")
        self.now = 0.0
        self.tally = tally
        self.moves = moves
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self.halves: list[list[frozenset[int]]] = [[], []]
        self.losses: list[list[float]] = [[], []]
        size = chance.choice((2, 2, 3))
        preempt = chance.random() < 0.7
        pool = chance.sample((50, 90, 100, 101, 150, 200), size)
        crossed = chance.random() < 0.2
        second = list(reversed(pool)) if crossed else pool
        self.even = not crossed and preempt
        """Whether the rules name one director."""
        self.directors = [
            Director(self, number, pair, preempt) for number, pair in enumerate(zip(pool, second, strict=True))
        ]

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something later."""
        self._order += 1
        heapq.heappush(self._due, (when, self._order, what))

    def send(self, sender: Director, index: int, priority: Priority) -> None:
        """A multicast on a segment."""
        if LINK_DOWN in sender.faults[index]:
            return
        for receiver in self.directors:
            arrives = self.chance.random() >= max(self.losses[index], default=0.0)
            if arrives and receiver is not sender and self.open(index, sender, receiver):
                self.at(self.now + TRANSIT, self._arrival(receiver, index, sender, priority))

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
            self.tally.troubles[trouble] += 1
            on()

        self.at(begin, start)
        self.at(end, off)

    def _tracked(self, director: Director, index: int, fault: Fault) -> tuple[Callable[[], None], Callable[[], None]]:
        def on() -> None:
            director.faults[index].append(fault)
            director.stand()

        def off() -> None:
            director.faults[index].remove(fault)
            director.stand()

        return on, off

    def _link(self, director: Director, index: int) -> tuple[Callable[[], None], Callable[[], None]]:
        return self._tracked(director, index, LINK_DOWN)

    def _fault(self, director: Director, index: int) -> tuple[Callable[[], None], Callable[[], None]]:
        return self._tracked(director, index, TRACKED)

    def _partition(self, director: Director, index: int) -> tuple[Callable[[], None], Callable[[], None]]:
        half = frozenset({director.number})
        return lambda: self.halves[index].append(half), lambda: self.halves[index].remove(half)

    def _loss(self, _: Director, index: int) -> tuple[Callable[[], None], Callable[[], None]]:
        share = self.chance.choice((0.2, 0.5, 0.8))
        return lambda: self.losses[index].append(share), lambda: self.losses[index].remove(share)

    def _suspension(self, director: Director, _: int) -> tuple[Callable[[], None], Callable[[], None]]:
        def on() -> None:
            director.asleep = True

        def off() -> None:
            director.asleep = False
            director.excused_until = self.now + 8
            director.stand()

        return on, off

    def _crash(self, director: Director, _: int) -> tuple[Callable[[], None], Callable[[], None]]:
        return lambda: director.end(orderly=False), director.start

    def _stop(self, director: Director, _: int) -> tuple[Callable[[], None], Callable[[], None]]:
        return lambda: director.end(orderly=True), director.start

    def _unready(self, director: Director, _: int) -> tuple[Callable[[], None], Callable[[], None]]:
        def tell(ready: bool) -> None:
            director.ready = ready
            if not director.asleep:
                for index in range(len(director.machines)):
                    director.handle(index, ReadyChanged(ready))

        return lambda: tell(False), lambda: tell(True)

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


def run_all(seeds: Iterable[int], tally: Tally, moves: Moves = sync_group.moves) -> str | None:
    """Seeds up to the first that fails; what it broke."""
    for seed in seeds:
        try:
            World(seed, tally, moves).run()
        except GroupError as error:
            return f"seed {seed}: {error}"
    return None
