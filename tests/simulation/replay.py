# SPDX-License-Identifier: Apache-2.0
"""Run one schedule again and show it: `python -m tests.simulation.replay SEED [--version 3] [--faults 0,2]`, or with
`--groups` one of sync groups."""

from __future__ import annotations

import argparse
import sys

from tests.simulation import group_runs, groups
from tests.simulation.generator import generate
from tests.simulation.group_tally import Tally
from tests.simulation.record import Record
from tests.simulation.runs import Finding, chart, run, with_faults


def _positions(text: str) -> tuple[int, ...]:
    return () if text == "none" else tuple(int(part) for part in text.split(","))


def _groups(seed: int, *, whole: bool) -> int:
    broken = group_runs.run(seed, Tally())
    last = groups.LENGTH if broken is None else broken.at
    print(group_runs.chart(seed, last, groups.LENGTH if whole else group_runs.CHART_SPAN))
    print("every rule held" if broken is None else broken.text)
    return 0 if broken is None else 1


def main(arguments: list[str]) -> int:
    """Print the chart; the status is 1 when a rule is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.replay", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--version", type=int, choices=(2, 3), default=2, help="of VRRP")
    parser.add_argument("--faults", type=_positions, help="positions of the faults to keep, or `none`; all by default")
    parser.add_argument("--whole", action="store_true", help="every message, not the last ones only")
    parser.add_argument("--groups", action="store_true", help="a schedule of sync groups")
    options = parser.parse_args(arguments)
    if options.groups:
        return _groups(options.seed, whole=options.whole)
    schedule = generate(options.seed, options.version)
    for position, fault in enumerate(schedule.faults):
        kept = options.faults is None or position in options.faults
        print(f"{'+' if kept else '-'} {position}: {fault}")
    if options.faults is not None:
        schedule = with_faults(schedule, options.faults)
    finding = run(schedule, record=Record())
    span = schedule.ends_at if options.whole else None
    shown = finding or Finding(schedule, None, schedule.ends_at, "every rule held")
    print(chart(shown, span=span))
    print(shown.text)
    return 0 if finding is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
