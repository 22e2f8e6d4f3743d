# SPDX-License-Identifier: Apache-2.0
"""What occurred over many schedules of sync groups: rows of the machine's table that only groups can show, troubles."""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter

from bascule.vrrp.machine_grouped import GroupedMachine
from bascule.vrrp.transitions import TABLE, Cause
from tests.simulation.tally import ELSEWHERE, Row, name_of


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
    WEIGHT = "tracked by one member: another priority"
    RESTART = "restart with handover"
    HAND_OVER = "planned switch of the group"
    CUT = "planned switch in which one of the two dies"


@dataclasses.dataclass(slots=True)
class Tally:
    """What occurred."""

    schedules: int = 0
    troubles: Counter[Trouble] = dataclasses.field(default_factory=Counter)
    rows: Counter[Row] = dataclasses.field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Take in what another process counted."""
        self.schedules += other.schedules
        self.troubles.update(other.troubles)
        self.rows.update(other.rows)

    def missing(self) -> list[str]:
        """What has never occurred, of what only groups can show."""
        troubles = [f"group: {trouble.value}" for trouble in Trouble if not self.troubles[trouble]]
        return troubles + [f"transition: {name_of(row)}" for row in _rows() if not self.rows[row]]

    def lines(self) -> list[str]:
        """Everything, a line each."""
        troubles = [f"{self.troubles[trouble]:>12,}  {trouble.value}" for trouble in Trouble]
        rows = [f"{self.rows[row]:>12,}  {name_of(row)}" for row in _rows()]
        return [f"sync groups, {self.schedules:,} schedules: what had an effect", *troubles, "transitions", *rows]


def _rows() -> list[Row]:
    return [(row.source, row.cause) for row in TABLE if row.cause in ELSEWHERE]


def counting(tally: Tally) -> type[GroupedMachine]:
    """The machine, its transitions counted."""

    class Counted(GroupedMachine):
        def _move(self, cause: Cause, reason: str) -> None:
            tally.rows[self._state, cause] += 1
            super()._move(cause, reason)

    return Counted
