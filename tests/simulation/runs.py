# SPDX-License-Identifier: Apache-2.0
"""Running schedules: one, many, a failing one again with its chart and with as few faults as still fail."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable

from bascule.vrrp.machine_witnessed import WitnessedMachine
from tests.simulation.facts import Rule, ViolationError
from tests.simulation.generator import generate
from tests.simulation.plan import Schedule
from tests.simulation.record import Record
from tests.simulation.router import Router
from tests.simulation.tally import Tally, counting
from tests.simulation.world import World

CHART_SPAN = 8.0
"""Advert intervals before the failure whose messages a chart shows."""


@dataclasses.dataclass(slots=True, frozen=True)
class Finding:
    """A schedule that broke a rule; `rule` is None in one that is only shown."""

    schedule: Schedule
    rule: Rule | None
    at: float
    text: str


@dataclasses.dataclass(slots=True, frozen=True)
class Subject:
    """What is tested: the machine, and the part of the runner that drives it."""

    machine: type[WitnessedMachine] = WitnessedMachine
    router: type[Router] = Router


REAL = Subject()


def run(
    schedule: Schedule, subject: Subject = REAL, tally: Tally | None = None, record: Record | None = None
) -> Finding | None:
    """One schedule; None = every rule held."""
    world = World(schedule, subject.machine, tally or Tally(), record, subject.router)
    try:
        world.run()
    except ViolationError as error:
        return Finding(schedule, error.rule, error.at, str(error))
    except Exception as error:
        text = f"{world.now:.4f} s: {Rule.RAISED.value}: {type(error).__name__}: {error}"
        return Finding(schedule, Rule.RAISED, world.now, text)
    return None


def run_all(seeds: Iterable[int], version: int, tally: Tally, subject: Subject = REAL) -> Finding | None:
    """Schedules by seed, up to the first that fails; what occurs is counted."""
    counted = Subject(counting(subject.machine, tally), subject.router)
    for seed in seeds:
        began = time.process_time()
        schedule = generate(seed, version)
        finding = run(schedule, counted, tally)
        tally.time(schedule, time.process_time() - began)
        if finding is not None:
            return finding
    return None


def with_faults(schedule: Schedule, kept: Iterable[int]) -> Schedule:
    """A schedule with only those of its faults."""
    return dataclasses.replace(schedule, faults=tuple(schedule.faults[position] for position in sorted(kept)))


def shrink(finding: Finding, subject: Subject = REAL) -> tuple[Finding, tuple[int, ...]]:
    """The same failure with as few faults as can be, taking them away one by one; and which are left."""
    best, kept = finding, tuple(range(len(finding.schedule.faults)))
    for position in reversed(kept):
        fewer = tuple(entry for entry in kept if entry != position)
        found = run(with_faults(finding.schedule, fewer), subject)
        if found is not None and found.rule is finding.rule:
            best, kept = found, fewer
    return best, kept


def chart(finding: Finding, subject: Subject = REAL, span: float | None = None) -> str:
    """The message-sequence chart of a failure, with the messages of the last `span` seconds before it."""
    record = Record()
    run(finding.schedule, subject, record=record)
    heads = [
        f"router {number} ({plan.priority}{'' if plan.preempt else ', nopreempt'})"
        for number, plan in enumerate(finding.schedule.routers)
    ]
    return record.chart(heads, finding.at, span or CHART_SPAN * finding.schedule.interval)


def report(finding: Finding, subject: Subject = REAL) -> str:
    """What a person needs: the failure, the chart of its smallest form, and how to see it again."""
    least, kept = shrink(finding, subject)
    seed, version = least.schedule.seed, least.schedule.version
    again = f".venv/bin/python -m tests.simulation.replay {seed} --version {version}"
    if len(kept) < len(finding.schedule.faults):
        again += f" --faults {','.join(map(str, kept)) or 'none'}"
    return "\n".join(
        (
            f"seed {seed}, version {version}: {least.text}",
            chart(least, subject),
            f"again: {again}",
            f'as a test, in tests/simulation/regressions.py: Regression({seed}, {version}, {kept}, "why"),',
        )
    )
