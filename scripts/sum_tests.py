# SPDX-License-Identifier: Apache-2.0
"""Adds pytest's JUnit reports up into one line: `total: 812 passed, 0 failed`; status 1 if a report ran no test."""

from __future__ import annotations

import pathlib
import sys
import xml.etree.ElementTree as ET
from typing import NamedTuple


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


def main(reports: list[str]) -> int:
    """Print each report's time and the total; the process's exit status."""
    sums = [read(pathlib.Path(report)) for report in reports]
    for report, found in zip(reports, sums, strict=True):
        print(f"{pathlib.Path(report).stem}: {found.ran} tests in {found.seconds:.0f} s")
    print(Sum(*(sum(column) for column in zip(*sums, strict=True))).line())
    return 0 if all(found.ran for found in sums) and not any(found.failed for found in sums) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
