# SPDX-License-Identifier: Apache-2.0
"""Deliberate defects: the text of the machine's modules with a few words changed, or its table with a row changed.

An edit whose words are not found exactly once is an error: the machine has moved on, and the defect has to follow it.
"""

from __future__ import annotations

import dataclasses
import importlib
import pathlib
import sys
import types
from unittest import mock

from bascule.model.configuration import VrrpState
from bascule.vrrp.machine_witnessed import WitnessedMachine
from bascule.vrrp.transitions import ROWS, Action, Cause, Transition
from tests.simulation.router import Router
from tests.simulation.runs import Subject

MODULES = tuple(f"bascule.vrrp.{name}" for name in ("intervals", "machine", "machine_grouped", "machine_witnessed"))
"""What the machine is made of; each stands on the one before."""
TABLED = "bascule.vrrp.machine"
"""The one that goes by the table."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Mutant:
    """A machine with a defect."""

    name: str
    what: str
    """What is wrong with it."""
    edits: tuple[tuple[str, str], ...] = ()
    """Words of the first of `MODULES` that has them, and what stands there instead."""
    rows: tuple[Transition, ...] = ()
    """Rows instead of the table's."""
    router: type[Router] = Router
    """The runner, when the defect is one of how the machine is driven."""
    version: int = 2
    """The version of VRRP that shows it."""

    def subject(self) -> Subject:
        """What is to be tested. Raises ValueError when an edit does not fit."""
        return Subject(self._machine(), self.router)

    def _machine(self) -> type[WitnessedMachine]:
        texts = {name: _source(name) for name in MODULES}
        for old, new in self.edits:
            place = next((name for name, text in texts.items() if old in text), MODULES[0])
            if texts[place].count(old) != 1:
                raise ValueError(f"mutant {self.name}: found {texts[place].count(old)} times: {old!r}")
            texts[place] = texts[place].replace(old, new)
        made = {name: types.ModuleType(name) for name in MODULES}
        with mock.patch.dict(sys.modules, made):
            for name, text in texts.items():
                exec(compile(text, f"{name} with defect {self.name}", "exec"), made[name].__dict__)
        made[TABLED].__dict__["ROWS"] = ROWS | {(row.source, row.cause): row for row in self.rows}
        found: type[WitnessedMachine] = made[MODULES[-1]].__dict__["WitnessedMachine"]
        return found


def _source(name: str) -> str:
    return pathlib.Path(str(importlib.import_module(name).__file__)).read_text(encoding="utf-8")


def without(source: VrrpState, cause: Cause, action: Action) -> Transition:
    """A row of the table that leaves an action out. Raises ValueError when it has none."""
    row = ROWS[source, cause]
    if action not in row.actions:
        raise ValueError(f"{source.value}, {cause.value}: no {action.value}")
    return dataclasses.replace(row, actions=tuple(entry for entry in row.actions if entry is not action))


def instead(source: VrrpState, cause: Cause, *actions: Action) -> Transition:
    """A row of the table with other actions."""
    return dataclasses.replace(ROWS[source, cause], actions=actions)
