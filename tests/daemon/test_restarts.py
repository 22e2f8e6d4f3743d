# SPDX-License-Identifier: Apache-2.0
"""Pauses grow and holds double, each up to a bound, and both begin anew after a healthy time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bascule.daemon.restarts import FIRST_HOLD, HEALTHY_AFTER, LONGEST_HOLD, LONGEST_PAUSE, RestartPolicy


def test_the_first_restart_is_within_a_second_and_the_next_ones_wait_longer() -> None:
    policy = RestartPolicy()
    assert [policy.pause_after(0.5) for _ in range(5)] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert policy.deaths == 5


def test_a_healthy_life_makes_the_next_death_the_first() -> None:
    policy = RestartPolicy()
    for _ in range(4):
        policy.pause_after(1.0)
    assert policy.pause_after(HEALTHY_AFTER) == 0.1
    assert policy.deaths == 5


def test_the_hold_doubles_with_each_crash_and_begins_anew_after_ten_times_as_long() -> None:
    policy = RestartPolicy()
    assert [policy.hold_after(1.0) for _ in range(3)] == [30.0, 60.0, 120.0]
    assert policy.hold_after(1199.0) == 240.0
    assert policy.hold_after(2400.0) == FIRST_HOLD


@given(st.lists(st.floats(min_value=0, max_value=1e6), max_size=200))
def test_nothing_grows_without_bound(lives: list[float]) -> None:
    policy = RestartPolicy()
    for lived in lives:
        assert 0.1 <= policy.pause_after(lived) <= LONGEST_PAUSE
        assert FIRST_HOLD <= policy.hold_after(lived) <= LONGEST_HOLD
