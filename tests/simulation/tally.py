# SPDX-License-Identifier: Apache-2.0
"""What occurred over many schedules: rows of the machine's table, kinds of faults. A zero is a gap in the test."""

from __future__ import annotations

import dataclasses
from collections import Counter

from bascule.model.configuration import VrrpState
from bascule.vrrp.machine_witnessed import WitnessedMachine
from bascule.vrrp.transitions import TABLE, Cause
from tests.simulation.plan import Kind

Row = tuple[VrrpState, Cause]


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

    def add(self, other: Tally) -> None:
        """Take in what another process counted."""
        self.schedules += other.schedules
        self.faults.update(other.faults)
        self.rows.update(other.rows)
        self.adverts += other.adverts
        self.refused += other.refused
        self.unseen += other.unseen

    def missing(self) -> list[str]:
        """What has never occurred."""
        faults = [f"fault: {kind.value}" for kind in Kind if not self.faults[kind]]
        rows = [f"transition: {_name(row)}" for row in _all_rows() if not self.rows[row]]
        return faults + rows

    def lines(self) -> list[str]:
        """Everything, a line each."""
        faults = [f"{self.faults[kind]:>12,}  {kind.value}" for kind in Kind]
        rows = [f"{self.rows[row]:>12,}  {_name(row)}" for row in _all_rows()]
        unseen = f"{self.unseen:>12,}  times became active after several stops that nobody can notice"
        return ["faults that had an effect", *faults, "transitions", *rows, unseen]


def _all_rows() -> list[Row]:
    return [(row.source, row.cause) for row in TABLE if row.cause not in ELSEWHERE]


def _name(row: Row) -> str:
    return f"{row[0].value}: {row[1].value}"


def counting(machine: type[WitnessedMachine], tally: Tally) -> type[WitnessedMachine]:
    """The machine, its transitions counted."""
    rows = tally.rows

    class Counted(machine):  # type: ignore[valid-type,misc]
        def _move(self, cause: Cause, reason: str) -> None:
            rows[self._state, cause] += 1
            super()._move(cause, reason)

    return Counted
