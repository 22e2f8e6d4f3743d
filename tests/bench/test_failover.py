# SPDX-License-Identifier: Apache-2.0
"""The benchmark of failovers runs both programs and measures what it says; how fast this machine is proves nothing."""

from __future__ import annotations

import pytest

from bascule.model.base import from_json, to_json
from bench.failover import as_text, formula, measure, weigh
from bench.report import FailoverReport


@pytest.mark.root
@pytest.mark.lab
def test_both_programs_fail_over_and_are_measured() -> None:
    said: list[str] = []
    *rows, planned = measure([0.1], ["kill", "stop", "planned"], 1, said.append)
    assert [row.fault for row in rows] == ["kill", "stop"]
    assert planned.keepalived is None
    assert planned.bascule is not None
    for row in rows:
        for took in (row.bascule, row.keepalived):
            assert took is not None
            assert took.last_advert_to_garp_s >= row.formula_s - 0.001
            assert took.first_answer_s >= took.last_advert_to_garp_s - 0.001
    assert len(said) == 5
    report = FailoverReport(runs=1, rows=tuple(rows), costs=())
    assert from_json(to_json(report), FailoverReport) == report
    assert "v3 0.1 s kill" in as_text(report)


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
