# SPDX-License-Identifier: Apache-2.0
"""The rules of failovers, on figures that were made up."""

from __future__ import annotations

import pytest

from bench.report import FailoverRow, Took
from bench.verdicts import judge, judge_all


def row(fault: str, ours: float | None, theirs: float | None, answer: float = 0.0) -> FailoverRow:
    figures = [
        None if took is None else Took(last_advert_to_garp_s=took, first_answer_s=answer) for took in (ours, theirs)
    ]
    return FailoverRow(
        version=3, advert_int=0.1, fault=fault, formula_s=0.36, bascule=figures[0], keepalived=figures[1]
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "rule", "bound", "held"),
    [
        (0.3635, 0.361, "<= formula + 4 ms", 0.364, True),
        (0.3645, 0.361, "<= formula + 4 ms", 0.364, False),
        (0.3645, 0.370, "<= formula + keepalived's own excess", 0.370, True),
        (0.3705, 0.370, "<= formula + keepalived's own excess", 0.370, False),
        (0.3645, None, "<= formula + 4 ms", 0.364, False),
    ],
)
def test_a_failover_may_take_4_ms_more_than_the_formula_or_what_keepalived_takes(
    ours: float, theirs: float | None, rule: str, bound: float, held: bool
) -> None:
    found = judge(row("kill", ours, theirs))
    assert found is not None
    assert (found.rule, found.held, found.found_s) == (rule, held, ours)
    assert found.bound_s == pytest.approx(bound)


@pytest.mark.parametrize(("answer", "held"), [(0.0049, True), (0.0051, False)])
def test_a_planned_switch_is_judged_by_how_long_nobody_answers(answer: float, held: bool) -> None:
    found = judge(row("planned", 0.05, None, answer))
    assert found is not None
    assert (found.held, found.found_s, found.bound_s) == (held, answer, 0.005)


def test_a_row_without_figures_of_ours_has_no_verdict() -> None:
    assert [found.fault for found in judge_all([row("kill", None, 0.4), row("stop", 0.3, 0.4)])] == ["stop"]
