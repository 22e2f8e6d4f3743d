# SPDX-License-Identifier: Apache-2.0
"""Running schedules of sync groups: one, many, a failing one again with its chart."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable

from bascule.vrrp import sync_group
from tests.simulation.group_tally import Tally
from tests.simulation.groups import GroupError, Moves, World
from tests.simulation.record import Record

CHART_SPAN = 6.0
"""Seconds before the failure whose messages a chart shows."""


@dataclasses.dataclass(slots=True, frozen=True)
class Broken:
    """A schedule in which a rule was broken."""

    seed: int
    at: float
    text: str


def run(seed: int, tally: Tally, moves: Moves = sync_group.moves, record: Record | None = None) -> Broken | None:
    """One schedule; None = every rule held."""
    world = World(seed, tally, moves, record)
    try:
        world.run()
    except GroupError as error:
        return Broken(seed, world.now, str(error))
    except Exception as error:
        return Broken(seed, world.now, f"{type(error).__name__}: {error}")
    return None


def run_all(seeds: Iterable[int], tally: Tally, moves: Moves = sync_group.moves) -> Broken | None:
    """Seeds up to the first that fails."""
    return next((broken for seed in seeds if (broken := run(seed, tally, moves)) is not None), None)


def chart(seed: int, last: float, span: float = CHART_SPAN) -> str:
    """What happened in a schedule, with the messages of the last seconds."""
    record = Record()
    world = World(seed, Tally(), record=record)
    with contextlib.suppress(Exception):
        world.run()
    heads = [f"director {each.number} {each.priorities}" for each in world.directors]
    return record.chart(heads, last, span)


def report(broken: Broken) -> str:
    """What a person needs."""
    return "\n".join(
        (
            f"sync groups, seed {broken.seed}, {broken.at:.4f} s: {broken.text}",
            chart(broken.seed, broken.at),
            f"again: .venv/bin/python -m tests.simulation.replay {broken.seed} --groups",
            "as a test: the seed in GROUP_SEEDS of tests/simulation/regressions.py",
        )
    )
