# SPDX-License-Identifier: Apache-2.0
"""A million schedules, or SCHEDULES of them: `make soak`. Stops at the first that breaks a rule and shows it.

START is the first seed. Status 0: every rule held, and every transition and every kind of fault occurred.
"""

from __future__ import annotations

import os
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.simulation.crowd import blocks, outcomes
from tests.simulation.runs import Finding, report
from tests.simulation.tally import Tally

MILLION = 1_000_000


def soak(schedules: int, start: int, console: Console, processes: int | None = None) -> tuple[Tally, Finding | None]:
    """Run them, with a bar on the console."""
    tally = Tally()
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
        for outcome in outcomes(blocks(schedules, start), processes):
            tally.add(outcome.tally)
            rate = tally.schedules / (time.monotonic() - began)
            progress.update(task, completed=tally.schedules, rate=rate)
            if outcome.finding is not None:
                return tally, outcome.finding
    return tally, None


def summary(tally: Tally, finding: Finding | None, seconds: float) -> str:
    """The last line."""
    outcome = "every rule held" if finding is None else f"seed {finding.schedule.seed} failed"
    missing = tally.missing()
    occurred = "every transition and every fault occurred" if not missing else f"never occurred: {'; '.join(missing)}"
    rate = tally.schedules / seconds
    return f"soak: {tally.schedules:,} schedules in {seconds:.0f} s ({rate:.0f} a second): {outcome}; {occurred}"


def main() -> int:
    """The process's status."""
    console = Console()
    schedules = int(os.environ.get("SCHEDULES") or MILLION)
    start = int(os.environ.get("START") or 0)
    began = time.monotonic()
    tally, finding = soak(schedules, start, console)
    for line in tally.lines():
        console.print(line, highlight=False)
    if finding is not None:
        print(report(finding))
    print(summary(tally, finding, time.monotonic() - began))
    return 1 if finding is not None or tally.missing() else 0


if __name__ == "__main__":
    sys.exit(main())
