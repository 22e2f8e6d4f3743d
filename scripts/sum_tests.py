# SPDX-License-Identifier: Apache-2.0
"""Adds pytest's JUnit reports up into one line: `total: 812 passed, 0 failed`; status 1 if a report ran no test.

Tests of `NAME.xml` that failed and are in `NAME-again.xml` count as they ended there, and are named. With `--few`:
status 0 if the one report that is given has so few failures that they may be run again.
"""

from __future__ import annotations

import pathlib
import sys
import xml.etree.ElementTree as ET
from typing import NamedTuple

FEW = 3
"""Failures of one report that may be a machine's that did not keep up; more are a defect."""


class Sum(NamedTuple):
    """What one or several runs came to."""

    ran: int
    failed: int
    skipped: int
    seconds: float

    def line(self) -> str:
        """The closing line of a run."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"total: {self.ran - self.failed - self.skipped} passed, {self.failed} failed{skipped}"


def read(report: pathlib.Path) -> Sum:
    """The sum of one report. Raises OSError or ET.ParseError where there is none."""
    suites = ET.parse(report).getroot().iter("testsuite")
    ran = failed = skipped = 0
    seconds = 0.0
    for suite in suites:
        ran += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
        seconds += float(suite.get("time", 0))
    return Sum(ran, failed, skipped, seconds)


def failures(report: pathlib.Path) -> list[str]:
    """The names of the tests that failed."""
    cases = ET.parse(report).getroot().iter("testcase")
    bad = (case for case in cases if case.find("failure") is not None or case.find("error") is not None)
    return [f"{case.get('classname')}.{case.get('name')}" for case in bad]


def with_repeated(report: pathlib.Path) -> tuple[Sum, list[str]]:
    """The sum of one report with what was run again, and the names of what passed only then."""
    first, again = read(report), report.with_name(f"{report.stem}-again.xml")
    if not again.is_file() or read(again).ran < first.failed:
        return first, []
    bad = failures(again)
    return first._replace(failed=len(bad)), [name for name in failures(report) if name not in bad]


def main(reports: list[str]) -> int:
    """Print each report's time and the total; the process's exit status."""
    if reports[:1] == ["--few"]:
        return 0 if 0 < read(pathlib.Path(reports[1])).failed <= FEW else 1
    found_with = [with_repeated(pathlib.Path(report)) for report in reports]
    sums = [found for found, _ in found_with]
    for report, (found, repeated) in zip(reports, found_with, strict=True):
        print(f"{pathlib.Path(report).stem}: {found.ran} tests in {found.seconds:.0f} s")
        for name in repeated:
            print(f"  failed beside others and passed alone, to be mended: {name}")
    print(Sum(*(sum(column) for column in zip(*sums, strict=True))).line())
    return 0 if all(found.ran for found in sums) and not any(found.failed for found in sums) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
