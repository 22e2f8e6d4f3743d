# SPDX-License-Identifier: Apache-2.0
"""What occurred over many schedules: rows of the machine's table, kinds of faults. A zero is a gap in the test."""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter

from bascule.model.configuration import VrrpState
from bascule.vrrp.machine_witnessed import WitnessedMachine
from bascule.vrrp.transitions import TABLE, Cause
from tests.simulation.plan import Kind, Schedule

Row = tuple[VrrpState, Cause]


class Pace(enum.Enum):
    """Schedules whose speed is counted apart; the values are words for the summary."""

    USUAL = "of three routers at 1 s"
    FAST = "at 0.1 s"
    OTHER = "of two or four routers at 1 s"


def pace_of(schedule: Schedule) -> Pace:
    """Which it is."""
    if schedule.interval < 1:
        return Pace.FAST
    return Pace.USUAL if len(schedule.routers) == 3 else Pace.OTHER


ELSEWHERE = frozenset({Cause.GROUP_AWAITED, Cause.GROUP_LEADS, Cause.GROUP_STANDS_BACK})
"""Of sync groups, which groups.py simulates."""


@dataclasses.dataclass(slots=True)
class Tally:
    """Counters; a fault counts when it had an effect, not when it was planned."""

    schedules: int = 0
    faults: Counter[Kind] = dataclasses.field(default_factory=Counter)
    rows: Counter[Row] = dataclasses.field(default_factory=Counter)
    adverts: int = 0
    refused: int = 0
    unseen: int = 0
    """Promotions by stops that nobody can notice."""
    stale_requests: int = 0
    """Successors that read a request when the active had gone on."""
    paces: Counter[Pace] = dataclasses.field(default_factory=Counter)
    """How many schedules of each."""
    seconds: dict[Pace, float] = dataclasses.field(default_factory=lambda: dict.fromkeys(Pace, 0.0))
    """Of a processor, for those."""

    def time(self, schedule: Schedule, seconds: float) -> None:
        """A schedule has taken so long."""
        pace = pace_of(schedule)
        self.paces[pace] += 1
        self.seconds[pace] += seconds

    def rate(self, pace: Pace) -> float:
        """Schedules a second on one core."""
        return self.paces[pace] / self.seconds[pace] if self.seconds[pace] else 0.0

    def add(self, other: Tally) -> None:
        """Take in what another process counted."""
        self.schedules += other.schedules
        self.faults.update(other.faults)
        self.rows.update(other.rows)
        self.adverts += other.adverts
        self.refused += other.refused
        self.unseen += other.unseen
        self.stale_requests += other.stale_requests
        self.paces.update(other.paces)
        for pace, seconds in other.seconds.items():
            self.seconds[pace] += seconds

    def missing(self) -> list[str]:
        """What has never occurred."""
        faults = [f"fault: {kind.value}" for kind in Kind if not self.faults[kind]]
        rows = [f"transition: {name_of(row)}" for row in _all_rows() if not self.rows[row]]
        return faults + rows

    def lines(self) -> list[str]:
        """Everything, a line each."""
        faults = [f"{self.faults[kind]:>12,}  {kind.value}" for kind in Kind]
        rows = [f"{self.rows[row]:>12,}  {name_of(row)}" for row in _all_rows()]
        unseen = f"{self.unseen:>12,}  times became active after several stops that nobody can notice"
        stale = f"{self.stale_requests:>12,}  requests of planned switches refused because they came too late"
        rates = [
            f"{self.paces[pace]:>12,}  schedules {pace.value}, {self.rate(pace):.0f} a second on one core"
            for pace in Pace
        ]
        return ["faults that had an effect", *faults, "transitions", *rows, unseen, stale, "speed", *rates]


def _all_rows() -> list[Row]:
    return [(row.source, row.cause) for row in TABLE if row.cause not in ELSEWHERE]


def name_of(row: Row) -> str:
    """For people."""
    return f"{row[0].value}: {row[1].value}"


def counting(machine: type[WitnessedMachine], tally: Tally) -> type[WitnessedMachine]:
    """The machine, its transitions counted."""
    rows, move = tally.rows, machine._move

    class Counted(machine):  # type: ignore[valid-type,misc]
        def _move(self, cause: Cause, reason: str) -> None:
            rows[self._state, cause] += 1
            move(self, cause, reason)

    return Counted
