# SPDX-License-Identifier: Apache-2.0
"""The bench of endurance runs both pairs at once under load; its rules are tried on records that were made up."""

from __future__ import annotations

import io
import os

import msgspec
import pytest
from rich.console import Console

from bascule.model.base import from_json, to_json
from bench.endurance import DOWN, Record, as_table, broken, endure, judge, told
from bench.report import EnduranceReport, PairEndured

INTERVAL = 0.01


def steady(begin: float, end: float) -> list[float]:
    return [begin + number * INTERVAL for number in range(round((end - begin) / INTERVAL))]


def judged(first: list[float], second: list[float], program: str = "bascule", late: float = 0.0) -> PairEndured:
    return judge(Record(program=program, first=first, second=second), 0.0, lambda _begin, _end: late)


def text(report: EnduranceReport) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(as_table(report))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_promotion_while_adverts_left_in_time_breaks_a_rule() -> None:
    ours, theirs = judged(steady(0.0, 2.0), [1.003]), judged(steady(0.0, 2.0), [0.5, 1.0, 1.5], "keepalived")
    assert (ours.promotions, ours.promotions_in_time) == (1, 1)
    assert broken(ours, theirs) == ("bascule: 1 promotions while the active's adverts left in time",)
    (moment,) = ours.moments
    assert (moment.what, moment.at_s, moment.in_time) == ("promotion", 1.003, True)
    assert "IN TIME" in told(ours)[0]


def test_a_machine_that_was_late_itself_explains_a_promotion_that_came_late() -> None:
    first = [*steady(0.0, 1.0), *steady(1.03, 2.0)]
    assert judged(first, [1.05]).promotions_in_time == 1
    assert judged(first, [1.05], late=0.03).promotions_in_time == 0


def test_more_promotions_than_the_other_pair_break_a_rule() -> None:
    gap = [*steady(0.0, 1.0), *steady(1.1, 2.0)]
    ours, theirs = judged(gap, [1.03]), judged(steady(0.0, 2.0), [], "keepalived")
    assert (ours.silences, ours.promotions, ours.promotions_in_time) == (1, 1, 0)
    assert ours.largest_gap_s == pytest.approx(0.11)
    assert broken(ours, theirs) == ("bascule: 1 promotions, keepalived: 0",)
    assert broken(ours, judged(gap, [1.03], "keepalived")) == ()
    assert [moment.what for moment in ours.moments] == ["silence", "promotion"]


def test_two_actives_at_once_are_counted() -> None:
    found = judged(steady(0.0, 2.0), steady(1.0, 1.5))
    assert found.both_active == 1
    assert found.both_active_s == pytest.approx(0.49)


def test_what_was_not_seen_is_not_judged() -> None:
    whole = judged(steady(0.0, 2.0), [], "keepalived")
    assert "nothing can be told" in broken(msgspec.structs.replace(whole, unseen=3), whole)[0]
    assert "was not heard" in broken(judged([], []), whole)[0]


@pytest.mark.root
@pytest.mark.lab
def test_both_pairs_run_under_load_and_are_judged() -> None:
    report = endure(2.0, Console(file=io.StringIO()))
    assert 2.0 <= report.seconds < 30
    assert pytest.approx(0.01 * (3 + 166 / 256)) == report.down_interval_s == DOWN
    assert [pair.program for pair in report.pairs] == ["bascule", "keepalived"]
    for pair in report.pairs:
        # A machine that stands still sends none; one that works sends a hundred a second.
        assert 20 < pair.adverts < 110 * report.seconds
        assert pair.largest_gap_s >= 0.01
        assert pair.unseen == 0
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            assert "RR 50" in pair.scheduling
    assert 0 < report.busy <= 1
    assert from_json(to_json(report), EnduranceReport) == report
    assert "promotions of the backup" in text(report)
