# SPDX-License-Identifier: Apache-2.0
"""The benchmark of deaths kills what it says and measures what it says; how fast this machine is proves nothing."""

from __future__ import annotations

import pytest

from bascule.model.base import from_json, to_json
from bench.deaths import DEATHS, Death, as_text, figures, formula, measure, row_of
from bench.report import DeathReport


@pytest.mark.root
@pytest.mark.lab
def test_every_death_is_measured() -> None:
    said: list[str] = []
    rows = measure([0.1], list(DEATHS), 1, said.append)
    assert said == ["version 3, 0.1 s, vrrp", "version 3, 0.1 s, supervisor", "version 3, 0.1 s, all"]
    vrrp, supervisor, everything = rows
    for row in (vrrp, supervisor):
        assert row.active.max_s >= row.formula_s - 0.001, "nobody is faster than the protocol"
        assert row.active.max_s < everything.formula_s + 1, "somebody said priority 0"
    for row in rows:
        assert row.active.max_s <= row.announced.max_s
        assert 0 < row.gone.max_s <= row.lifetime_s + 1 + row.machine_late_s, "the kernel counts in whole seconds"
    report = DeathReport(runs=1, rows=rows)
    assert from_json(to_json(report), DeathReport) == report


def test_the_formula_is_the_protocols() -> None:
    assert formula("vrrp", 2, 1.0) == pytest.approx(166 / 256)
    assert formula("supervisor", 3, 0.1) == pytest.approx(0.1 * 166 / 256)
    assert formula("all", 3, 0.1) == pytest.approx(0.3 + 0.1 * 166 / 256)


def test_p95_is_what_nineteen_of_twenty_do_not_exceed() -> None:
    found = figures([float(number) for number in range(20, 0, -1)])
    assert (found.median_s, found.p95_s, found.max_s) == (10.5, 19.0, 20.0)
    assert figures([3.0]).p95_s == 3.0


def test_what_the_machine_was_late_by_stands_beside_the_figure() -> None:
    row = row_of("vrrp", 0.1, [Death(0.070, 0.071, 0.01, 0.0), Death(0.110, 0.111, 0.02, 0.035)])
    assert row.active.max_s == pytest.approx(0.110)
    assert row.active_less_machine.max_s == pytest.approx(0.075)
    assert (row.machine_late_s, row.lifetime_s) == (0.035, 1.0)
    text = as_text(DeathReport(runs=2, rows=(row,)))
    assert "v3 0.1 s vrrp" in text
    assert "79.8" in text, "skew and 15 ms"
