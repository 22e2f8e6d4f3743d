# SPDX-License-Identifier: Apache-2.0
"""What a line of a ledger is: a demand of a standard, and what shows that it is met. Data only."""

from __future__ import annotations

import dataclasses
import enum


class Level(enum.Enum):
    """How strong a demand is."""

    MUST = "must"
    MUST_NOT = "must not"
    SHOULD = "should"
    SHOULD_NOT = "should not"
    MAY = "may"


class Standing(enum.Enum):
    """How it stands; the values are for people."""

    MET = "met"
    OTHERWISE = "met otherwise"
    """Done in another way on purpose; the reason says why."""
    APART = "does not apply"
    OPEN = "not met"


FOUND = "simulation/test_mutants.py::test_a_defect_is_found"


def defects(*names: str) -> tuple[str, ...]:
    """The tests that find these deliberate defects of the machine."""
    return tuple(f"{FOUND}[{name}]" for name in names)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Requirement:
    """A demand in our own words. A test is named `file::function`, with its case in brackets where only that is
    meant, the file below tests/."""

    section: str
    level: Level
    what: str
    shown: tuple[str, ...] = ()
    """Tests in which it is done."""
    against: tuple[str, ...] = ()
    """Tests in which the opposite is refused, or a defect would be noticed."""
    standing: Standing = Standing.MET
    why: str = ""
    """Why there is no test of one kind or of both, or what is done instead."""
