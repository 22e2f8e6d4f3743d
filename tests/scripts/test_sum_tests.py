# SPDX-License-Identifier: Apache-2.0
"""Twin of `scripts/sum_tests`: sums are right, and a run without a test is a failure."""

from __future__ import annotations

import pathlib

import pytest

from scripts import sum_tests

REPORT = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}" time="1.5"/></testsuites>'


def report(folder: pathlib.Path, name: str, *counts: int) -> str:
    """Write a report with these numbers of tests, failures, errors and skips."""
    path = folder / name
    path.write_text(REPORT.format(*counts), encoding="utf-8")
    return str(path)


def test_reports_add_up(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sum_tests.main([report(tmp_path, "a.xml", 10, 0, 0, 0), report(tmp_path, "b.xml", 3, 0, 0, 0)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "total: 13 passed, 0 failed"


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ((5, 1, 1, 1), "total: 2 passed, 2 failed, 1 skipped"),
        ((0, 0, 0, 0), "total: 0 passed, 0 failed"),
    ],
)
def test_a_failed_or_empty_run_is_a_failure(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], counts: tuple[int, ...], line: str
) -> None:
    assert sum_tests.main([report(tmp_path, "a.xml", *counts)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == line


def test_a_missing_report_is_not_a_success(tmp_path: pathlib.Path) -> None:
    with pytest.raises(OSError, match=r"a\.xml"):
        sum_tests.main([str(tmp_path / "a.xml")])
