# SPDX-License-Identifier: Apache-2.0
"""What is told of a script's runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.notify.verdicts import Count


@pytest.mark.parametrize(
    ("rise", "fall", "statuses", "told"),
    [
        (1, 1, [0, 0, 0, 1, 1, 2, 2, 0, 0], [1, 0, 0, 1, 0, 1, 0, 1, 0]),
        (2, 3, [0, 0, 0, 1, 1, 1, 1], [1, 1, 0, 1, 1, 1, 0]),
        (2, 3, [1, 2, 1, 1, 0, 1], [1, 1, 1, 0, 1, 1]),
    ],
)
def test_until_rise_or_fall_and_at_another_status(rise: int, fall: int, statuses: list[int], told: list[int]) -> None:
    count = Count(rise=rise, fall=fall)
    assert [int(count.take(status)) for status in statuses] == told


def test_runs_that_ended_alike_are_counted() -> None:
    count = Count()
    assert (count.up, count.runs) == (None, 0)
    seen = []
    for status in (0, 0, 3, 1, 0):
        count.take(status)
        seen.append((count.up, count.runs))
    assert seen == [(True, 1), (True, 2), (False, 1), (False, 2), (True, 1)]


@given(st.integers(1, 4), st.integers(1, 4), st.lists(st.integers(-1, 2), max_size=30))
def test_whoever_hears_only_what_is_told_judges_as_one_who_hears_all(rise: int, fall: int, statuses: list[int]) -> None:
    count = Count(rise=rise, fall=fall)
    all_heard: bool | None = None
    told_only: bool | None = None
    for status in statuses:
        told = count.take(status)
        up = status == 0
        judged = up if count.runs >= (rise if up else fall) else None
        all_heard = all_heard if judged is None else judged
        if told and judged is not None:
            told_only = judged
        assert told_only == all_heard
