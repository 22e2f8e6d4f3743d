# SPDX-License-Identifier: Apache-2.0
"""A million schedules, or SCHEDULES of them: `make soak`. Stops at the first that breaks a rule and shows it.

START is the first seed. Status 0: every rule held, and every transition and every kind of fault occurred; 1: not so;
130: stopped with Ctrl-C, after a summary of what had been run.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.simulation import group_runs, group_tally
from tests.simulation.crowd import blocks, outcomes
from tests.simulation.runs import Finding, report
from tests.simulation.tally import Pace, Tally

MILLION = 1_000_000
INTERRUPTED = 130


@dataclasses.dataclass(slots=True)
class Soaked:
    """What has come out by now."""

    tally: Tally = dataclasses.field(default_factory=Tally)
    groups: group_tally.Tally = dataclasses.field(default_factory=group_tally.Tally)
    finding: Finding | None = None
    broken: group_runs.Broken | None = None
    interrupted: bool = False

    @property
    def held(self) -> bool:
        """Whether every rule did."""
        return self.finding is None and self.broken is None

    def missing(self) -> list[str]:
        """What has never occurred."""
        return self.tally.missing() + self.groups.missing()

    def status(self) -> int:
        """The process's."""
        if not self.held:
            return 1
        return INTERRUPTED if self.interrupted else int(bool(self.missing()))


def soak(found: Soaked, schedules: int, start: int, console: Console, processes: int | None = None) -> None:
    """Run them, with a bar on the console, until one fails or `interrupted` is set."""
    columns = (
        TextColumn("schedules"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f} a second"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    began = time.monotonic()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=schedules, rate=0.0)
        for outcome in outcomes(blocks(schedules, start), processes, lambda: found.interrupted):
            found.tally.add(outcome.tally)
            found.groups.add(outcome.groups)
            rate = found.tally.schedules / (time.monotonic() - began)
            progress.update(task, completed=found.tally.schedules, rate=rate)
            found.finding, found.broken = outcome.finding, outcome.broken
            if not found.held:
                break


def summary(found: Soaked, seconds: float) -> str:
    """The last line."""
    tally, outcome = found.tally, "every rule held"
    if found.finding is not None:
        outcome = f"seed {found.finding.schedule.seed} failed"
    elif found.broken is not None:
        outcome = f"seed {found.broken.seed} of sync groups failed"
    missing = found.missing()
    occurred = "every transition and every fault occurred" if not missing else f"never occurred: {'; '.join(missing)}"
    if found.interrupted and missing:
        occurred = f"{len(missing)} transitions and faults have not occurred yet"
    rates = " and ".join(f"{tally.rate(pace):.0f} {pace.value}" for pace in (Pace.USUAL, Pace.FAST))
    speed = f"{tally.schedules / seconds:.0f} a second; on one core {rates}"
    begin = "interrupted: " if found.interrupted else ""
    return f"soak: {begin}{tally.schedules:,} schedules in {seconds:.0f} s ({speed}): {outcome}; {occurred}"


def main() -> int:
    """The process's status."""
    console = Console()
    schedules = int(os.environ.get("SCHEDULES") or MILLION)
    start = int(os.environ.get("START") or 0)
    began = time.monotonic()
    found = Soaked()

    def stop(*_: object) -> None:
        found.interrupted = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        soak(found, schedules, start, console)
    finally:
        signal.signal(signal.SIGINT, before)
    for line in (*found.tally.lines(), *found.groups.lines()):
        console.print(line, highlight=False)
    if found.finding is not None:
        print(report(found.finding))
    if found.broken is not None:
        print(group_runs.report(found.broken))
    print(summary(found, time.monotonic() - began))
    return found.status()


if __name__ == "__main__":
    sys.exit(main())
