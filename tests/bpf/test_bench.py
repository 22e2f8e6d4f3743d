# SPDX-License-Identifier: Apache-2.0
"""The bench runs, and writes what it says it writes. What it measures is `make bench`'s business, not a test's."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import msgspec
import pytest

from bench.dataplane import CASES, TARGETS, is_missed
from bench.report import BenchReport, BenchRow

pytestmark = [pytest.mark.root, pytest.mark.lab, pytest.mark.timeout(240)]


def test_a_quick_run(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    target = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench.dataplane", "--quick", "--json", str(target)]
    shown = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True, timeout=200).stdout
    report = msgspec.json.decode(target.read_bytes(), type=BenchReport)
    assert [row.case for row in report.rows] == [case.name for case in CASES]
    assert all(row.case in shown for row in report.rows)
    assert all(row.bascule > row.mac_swap for row in report.rows)


def test_targets_are_of_cases() -> None:
    assert set(TARGETS) <= {case.name for case in CASES}


@pytest.mark.parametrize(("ratio", "target", "missed"), [(0.7, 0.75, False), (0.8, 0.75, True), (9.0, None, False)])
def test_a_target_is_missed_when_the_ratio_is_over_it(ratio: float, target: float | None, missed: bool) -> None:
    row = BenchRow(case="x", mac_swap=1.0, yardstick=1.0, bascule=ratio, ratio=ratio, target=target)
    assert is_missed(row) is missed
