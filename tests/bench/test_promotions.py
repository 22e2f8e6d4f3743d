# SPDX-License-Identifier: Apache-2.0
"""What is told of adverts, on adverts that were made up: a missed gap or promotion would make any run a good one."""

from __future__ import annotations

import pytest

from bench.promotions import Promotion, Span, promotions, silences, stretches, together

DOWN = 0.036


def steady(begin: float, end: float, interval: float = 0.01) -> list[float]:
    """Adverts at an interval."""
    return [begin + number * interval for number in range(round((end - begin) / interval))]


def judged(first: list[float], second: list[float], allowance: float = 0.005) -> list[Promotion]:
    return promotions(first, second, DOWN, lambda _: allowance)


def test_only_gaps_of_a_down_interval_count_as_silence() -> None:
    times = [*steady(0.0, 1.0), *steady(1.02, 2.0), *steady(2.05, 3.0)]
    (silence,) = silences(times, DOWN)
    assert (silence.begin, silence.end) == pytest.approx((1.99, 2.05))
    assert silence.seconds == pytest.approx(0.06)
    assert silences([], DOWN) == []


def test_a_promotion_although_adverts_left_in_time_is_found() -> None:
    (found,) = judged(steady(0.0, 2.0), [1.003])
    assert found.in_time
    assert found.at == 1.003
    assert found.silence < DOWN


def test_a_promotion_in_a_silence_has_a_cause() -> None:
    (found,) = judged([*steady(0.0, 1.0), *steady(1.1, 2.0)], [1.0265])
    assert not found.in_time
    assert found.silence == pytest.approx(0.0365)


@pytest.mark.parametrize(("late", "in_time"), [(0.004, False), (0.006, True)])
def test_a_promotion_may_come_a_little_after_the_silence(late: float, in_time: bool) -> None:
    first = [*steady(0.0, 1.0), *steady(1.03, 2.0)]
    assert [each.in_time for each in judged(first, [1.03 + late])] == [in_time]


def test_a_promotion_of_which_nothing_was_heard_before_has_a_cause() -> None:
    assert [each.in_time for each in judged([], [0.5])] == [False]


def test_each_time_that_the_backup_begins_is_a_promotion() -> None:
    """It speaks, hears the other one, and is silent; but when both are silent it has not stepped back."""
    first = steady(0.0, 3.0)
    assert len(judged(first, [1.003, 1.004, 1.05, 2.0])) == 3
    assert len(judged([], [1.0, 1.2])) == 1
    assert stretches([1.003, 1.013, 2.0], first, DOWN) == [Span(1.003, 1.013), Span(2.0, 2.0)]
    assert stretches([], first, DOWN) == []


def test_two_actives_are_seen_with_how_long() -> None:
    both = together([Span(0.0, 1.0), Span(2.0, 3.0)], [Span(0.9, 1.5), Span(2.5, 2.5), Span(4.0, 5.0)])
    assert both == [Span(0.9, 1.0), Span(2.5, 2.5)]
