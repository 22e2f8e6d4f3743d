# SPDX-License-Identifier: Apache-2.0
"""The benchmark of failovers runs both programs and measures what it says; how fast this machine is proves nothing."""

from __future__ import annotations

import contextlib
import json
import unittest.mock

import pytest

from bascule.model.base import from_json, to_json
from bench import failover
from bench.failover import FAILURES_MAX, MissedError, Series, as_text, formula, weigh
from bench.report import FailoverReport, FailoverRow, Took


@pytest.mark.root
@pytest.mark.lab
def test_both_programs_fail_over_and_are_measured() -> None:
    said: list[str] = []
    series = Series(1, said.append)
    *rows, planned = series.measure([0.1], ["kill", "stop", "planned"])
    assert series.failures == []
    assert [row.fault for row in rows] == ["kill", "stop"]
    assert planned.keepalived is None
    assert planned.bascule is not None
    for row in rows:
        for took in (row.bascule, row.keepalived):
            assert took is not None
            assert took.last_advert_to_garp_s >= row.formula_s - 0.001
            assert took.first_answer_s >= took.last_advert_to_garp_s - 0.001
    assert len(said) == 5
    report = FailoverReport(runs=1, rows=tuple(rows))
    assert from_json(to_json(report), FailoverReport) == report
    assert "v3 0.1 s kill" in as_text(report)


class Fake:
    """A pair of which the second run comes to no end."""

    closed = 0
    run = 0

    def fail(self) -> Took:
        Fake.run += 1
        if Fake.run == 2:
            raise MissedError("waited for ever\nand this is its log")
        return Took(last_advert_to_garp_s=Fake.run / 10, first_answer_s=0.0)

    def close(self) -> None:
        Fake.closed += 1


def test_a_run_that_fails_throws_no_other_away(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(failover, "Network", lambda _: contextlib.nullcontext(unittest.mock.MagicMock()))
    monkeypatch.setattr(failover, "Segment", lambda *_: None)
    monkeypatch.setattr(failover, "Pair", lambda *_: Fake())
    series = Series(4, said.append)
    (row,) = series.measure([1.0], ["planned"])
    assert row.bascule == Took(last_advert_to_garp_s=0.3, first_answer_s=0.0)
    assert series.failures == ["bascule, version 2, 1 s, planned, run 2: waited for ever\nand this is its log"]
    assert said[-1] == "  failed: waited for ever"
    assert Fake.closed == 2
    report = FailoverReport(runs=4, rows=(row,), failures=tuple(series.failures))
    assert "failed: bascule, version 2, 1 s, planned, run 2: waited for ever" in as_text(report)


def test_a_row_that_was_never_measured_is_told_and_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failover, "Network", lambda _: contextlib.nullcontext(unittest.mock.MagicMock()))
    monkeypatch.setattr(failover, "Segment", lambda *_: None)
    pair = unittest.mock.Mock()
    pair.fail.side_effect = MissedError("never")
    monkeypatch.setattr(failover, "Pair", lambda *_: pair)
    series = Series(10, lambda _: None)
    rows = series.measure([0.1], ["kill"])
    assert (rows[0].bascule, rows[0].keepalived) == (None, None)
    assert len(series.failures) == 2 * FAILURES_MAX
    assert "NOT MEASURED" in as_text(FailoverReport(runs=10, rows=tuple(rows)))


def test_the_rows_have_the_shape_that_others_read() -> None:
    took = Took(last_advert_to_garp_s=0.3, first_answer_s=0.4)
    row = FailoverRow(version=3, advert_int=0.1, fault="kill", formula_s=0.36, bascule=took, keepalived=took)
    (written,) = json.loads(to_json(FailoverReport(runs=1, rows=(row,))))["rows"]
    figures = {"last_advert_to_garp_s": 0.3, "first_answer_s": 0.4}
    assert written == {
        "version": 3,
        "advert_int": 0.1,
        "fault": "kill",
        "formula_s": 0.36,
        "bascule": figures,
        "keepalived": figures,
    }


@pytest.mark.root
@pytest.mark.lab
def test_both_programs_are_weighed_with_several_instances() -> None:
    costs = weigh([3], 1.0, lambda _: None)
    assert [(cost.program, cost.instances) for cost in costs] == [("bascule", 3), ("keepalived", 3)]
    assert all(cost.resident_mib > 1 and 0 <= cost.active_percent < 100 for cost in costs)
    assert "keepalived 3" in as_text(FailoverReport(runs=0, rows=(), costs=tuple(costs)))


def test_the_formula_is_the_protocols() -> None:
    assert formula("kill", 2, 1.0) == pytest.approx(3 + 166 / 256)
    assert formula("link", 3, 0.1) == pytest.approx(0.3 + 0.1 * 166 / 256)
    assert formula("stop", 3, 0.1) == pytest.approx(0.1 * 166 / 256)
    assert formula("planned", 3, 0.1) == 0
