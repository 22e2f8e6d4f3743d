# SPDX-License-Identifier: Apache-2.0
"""The benchmark of checks runs and measures what it says; how fast this machine is proves nothing."""

from __future__ import annotations

from bascule.model.base import from_json, to_json
from bench.checks import ChecksReport, as_text, run


def test_every_check_is_made_once_a_second_and_passes() -> None:
    report = run([40], seconds=2.0, warm_up=2.5)
    (measured,) = report.measurements
    assert measured.failed == 0
    assert 30 <= measured.per_second <= 41
    assert measured.microseconds >= measured.microseconds_user >= 0
    assert measured.floor_microseconds > 0
    assert measured.ratio_to_floor > 1
    assert measured.memory > 1 << 20
    assert from_json(to_json(report), ChecksReport) == report
    assert len(as_text(report).splitlines()) == 2
