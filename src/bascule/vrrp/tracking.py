# SPDX-License-Identifier: Apache-2.0
"""What is tracked, weighed (keepalived.conf(5); what is not said there: by watching keepalived 2.2.7).

Readings in, faults and a change of the priority out. Who takes the readings is in daemon/roles/vrrp_tracking.py; what
the change does to the priority in priority.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from bascule.model.tracking import Tracked, TrackerKind
from bascule.vrrp.events import Fault

Key: TypeAlias = tuple[TrackerKind, str]
"""What names a tracker."""

LARGEST = 253
"""What one tracker may change the priority by. A file that says less than its negative is a fault."""


@dataclasses.dataclass(slots=True, frozen=True)
class Reading:
    """How a tracker is now."""

    value: int | None
    """1 up, 0 down; of a file, the number in it. None = not known yet: no weight counts, and weight 0 is a fault."""
    why: str
    """In words, to stand after the tracker's name: `exited with status 1`, `has no carrier`."""


UNKNOWN = Reading(None, "is not known yet")


@dataclasses.dataclass(slots=True, frozen=True)
class Effect:
    """What a tracker does to an instance."""

    fault: Fault | None = None
    change: int = 0


def effect(line: Tracked, reading: Reading) -> Effect:
    """Of one line of `track_...`."""
    if reading.value is None:
        return _fault(line, reading) if line.weight == 0 else Effect()
    if line.kind is TrackerKind.FILE:
        return _of_file(line, reading, reading.value)
    up = reading.value > 0
    if line.weight == 0:
        return _fault(line, reading) if up is line.reverse else Effect()
    counts = up if line.weight > 0 else not up
    return Effect(change=(-line.weight if line.reverse else line.weight) if counts else 0)


def _of_file(line: Tracked, reading: Reading, value: int) -> Effect:
    if line.weight == 0:
        return _fault(line, reading) if (value == 0) is line.reverse else Effect()
    change = value * (-line.weight if line.reverse else line.weight)
    return _fault(line, reading) if change < -LARGEST else Effect(change=min(change, LARGEST))


def _fault(line: Tracked, reading: Reading) -> Effect:
    return Effect(fault=Fault(f"{line.kind.value} {line.name} {reading.why}"))


def standing(lines: Iterable[Tracked], readings: Mapping[Key, Reading]) -> tuple[tuple[Fault, ...], int]:
    """Every fault, and the sum of all changes, of the lines that an instance follows."""
    effects = [effect(line, readings.get((line.kind, line.name), UNKNOWN)) for line in lines]
    faults = tuple(each.fault for each in effects if each.fault is not None)
    return faults, sum(each.change for each in effects)


def script_up(before: bool | None, up: bool, runs: int, rise: int, fall: int) -> bool:
    """Whether a script counts as up, after `runs` runs in a row that ended as the last one did.

    `before` None: the first result counts at once, whatever `rise` and `fall` say, as keepalived has it.
    """
    if before is None:
        return up
    if before is not up and runs >= (rise if up else fall):
        return up
    return before
