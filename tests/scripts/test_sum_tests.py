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


CASE = '<testcase classname="tests.a" name="{}">{}</testcase>'


def cases(folder: pathlib.Path, name: str, *, good: int, bad: tuple[str, ...]) -> str:
    """A report with so many that passed, and with those that failed by name."""
    inner = CASE.format("g", "") * good + "".join(CASE.format(each, "<failure/>") for each in bad)
    head = f'<testsuite tests="{good + len(bad)}" failures="{len(bad)}" errors="0" skipped="0" time="1.0">'
    (folder / name).write_text(f"<testsuites>{head}{inner}</testsuite></testsuites>", encoding="utf-8")
    return str(folder / name)


def test_what_passes_when_run_again_is_named_and_no_failure(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = cases(tmp_path, "lab.xml", good=8, bad=("late", "early"))
    cases(tmp_path, "lab-again.xml", good=2, bad=())
    assert sum_tests.main([first]) == 0
    *_, late, early, total = capsys.readouterr().out.splitlines()
    assert late == "  failed beside others and passed alone, to be mended: tests.a.late"
    assert early.endswith("tests.a.early")
    assert total == "total: 10 passed, 0 failed"


def test_what_fails_again_is_a_failure(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = cases(tmp_path, "lab.xml", good=8, bad=("late", "wrong"))
    cases(tmp_path, "lab-again.xml", good=1, bad=("wrong",))
    assert sum_tests.main([first]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "total: 9 passed, 1 failed"


def test_a_second_run_that_left_some_out_proves_nothing(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = cases(tmp_path, "lab.xml", good=8, bad=("late", "wrong"))
    cases(tmp_path, "lab-again.xml", good=1, bad=())
    assert sum_tests.main([first]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "total: 8 passed, 2 failed"


@pytest.mark.parametrize(("bad", "few"), [(0, False), (1, True), (3, True), (4, False)])
def test_only_few_failures_are_worth_a_second_run(tmp_path: pathlib.Path, bad: int, few: bool) -> None:
    report = cases(tmp_path, "lab.xml", good=5, bad=tuple(f"t{n}" for n in range(bad)))
    assert (sum_tests.main(["--few", report]) == 0) == few
