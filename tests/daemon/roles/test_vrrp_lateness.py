# SPDX-License-Identifier: Apache-2.0
"""The distribution of lateness: what it says of timers, the last minute, and that the bounds hold whatever comes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.daemon.roles.vrrp_lateness import BOUNDS, SLOT, SLOTS, Lateness
from bascule.model.status import LatenessSpan, LatenessStatus

LATE = st.floats(0.0, 20.0)


def noted(*late: float, now: float = 1000.0) -> Lateness:
    made = Lateness()
    for each in late:
        made.note(each, now)
    return made


def test_nothing_is_said_of_nothing() -> None:
    found = Lateness().status(5.0)
    assert (found.last_minute, found.since_start) == (LatenessSpan(), LatenessSpan())
    assert len(found.buckets) == len(BOUNDS) + 1
    assert LatenessStatus().buckets == ()


def test_bounds_rise_and_are_the_same_for_ever() -> None:
    assert BOUNDS[0] == pytest.approx(0.0001)
    assert BOUNDS[-1] == pytest.approx(5.0)
    assert list(BOUNDS) == sorted(BOUNDS)
    assert len(BOUNDS) == 15


def test_a_share_is_within_a_bound_and_the_worst_is_exact() -> None:
    found = noted(*[0.0003] * 99, 0.0123).status(1000.0).since_start
    assert (found.count, found.max) == (100, 0.0123)
    assert found.p50 == pytest.approx(0.0005)
    assert found.p99 == pytest.approx(0.0005)
    assert noted(*[0.0003] * 98, 0.0123, 0.0123).status(1000.0).since_start.p99 == 0.0123


def test_a_bound_counts_what_is_not_later_and_what_is_above_all_counts_apart() -> None:
    buckets = noted(BOUNDS[0], math.nextafter(BOUNDS[0], 1), 7.0, -0.001).status(1000.0).buckets
    assert [(bucket.count, bucket.up_to is None) for bucket in buckets if bucket.count] == [
        (2, False),
        (1, False),
        (1, True),
    ]


def test_the_last_minute_forgets_and_the_whole_does_not() -> None:
    made = noted(0.5, now=1000.0)
    made.note(0.001, 1000.0 + 59)
    assert made.status(1059.0).last_minute.max == 0.5
    found = made.status(1000.0 + SLOT * SLOTS)
    assert (found.last_minute.count, found.last_minute.max, found.since_start.max) == (1, 0.001, 0.5)
    assert made.status(5000.0).last_minute == LatenessSpan()
    made.note(0.002, 90_000.0)
    assert made.status(90_000.0).last_minute.count == 1, "after a long suspension, too"
    assert made.worst == 0.5


@given(late=st.lists(LATE, min_size=1, max_size=200))
def test_shares_are_upper_bounds_of_the_real_ones(late: list[float]) -> None:
    found = noted(*late).status(1000.0)
    for span in (found.last_minute, found.since_start):
        ordered = sorted(late)
        assert span.count == len(late) == sum(bucket.count for bucket in found.buckets)
        assert span.max == ordered[-1]
        assert ordered[math.ceil(0.5 * len(late)) - 1] <= span.p50 <= span.p99 <= span.max
        assert ordered[math.ceil(0.99 * len(late)) - 1] <= span.p99
