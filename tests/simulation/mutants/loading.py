# SPDX-License-Identifier: Apache-2.0
"""Deliberate defects: the machine's source text with a few words changed, or its table with a row changed.

An edit whose words are not found exactly once is an error: the machine has moved on, and the defect has to follow it.
"""

from __future__ import annotations

import dataclasses
import pathlib
import types

from bascule.model.configuration import VrrpState
from bascule.vrrp import machine as original
from bascule.vrrp.machine import Machine
from bascule.vrrp.transitions import ROWS, Action, Cause, Transition
from tests.simulation.router import Router
from tests.simulation.runs import Subject


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Mutant:
    """A machine with a defect."""

    name: str
    what: str
    """What is wrong with it."""
    edits: tuple[tuple[str, str], ...] = ()
    """Words of machine.py, and what stands there instead."""
    rows: tuple[Transition, ...] = ()
    """Rows instead of the table's."""
    router: type[Router] = Router
    """The runner, when the defect is one of how the machine is driven."""
    version: int = 2
    """The version of VRRP that shows it."""

    def subject(self) -> Subject:
        """What is to be tested. Raises ValueError when an edit does not fit."""
        return Subject(self._machine(), self.router)

    def _machine(self) -> type[Machine]:
        text = pathlib.Path(original.__file__).read_text(encoding="utf-8")
        for old, new in self.edits:
            if text.count(old) != 1:
                raise ValueError(f"mutant {self.name}: found {text.count(old)} times: {old!r}")
            text = text.replace(old, new)
        module = types.ModuleType(original.__name__)
        exec(compile(text, f"machine.py with defect {self.name}", "exec"), module.__dict__)
        module.__dict__["ROWS"] = ROWS | {(row.source, row.cause): row for row in self.rows}
        found: type[Machine] = module.__dict__["Machine"]
        return found


def without(source: VrrpState, cause: Cause, action: Action) -> Transition:
    """A row of the table that leaves an action out. Raises ValueError when it has none."""
    row = ROWS[source, cause]
    if action not in row.actions:
        raise ValueError(f"{source.value}, {cause.value}: no {action.value}")
    return dataclasses.replace(row, actions=tuple(entry for entry in row.actions if entry is not action))


def instead(source: VrrpState, cause: Cause, *actions: Action) -> Transition:
    """A row of the table with other actions."""
    return dataclasses.replace(ROWS[source, cause], actions=actions)
