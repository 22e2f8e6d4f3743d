# SPDX-License-Identifier: Apache-2.0
"""The skew time and the down interval."""

from __future__ import annotations

import pytest

from bascule.model.base import Priority, Seconds
from bascule.vrrp.intervals import down_interval, skew_time


def test_the_skew_time_is_seconds_in_version_2_and_parts_of_the_interval_in_version_3() -> None:
    assert skew_time(2, Priority(100), Seconds(5.0)) == 156 / 256
    assert skew_time(3, Priority(100), Seconds(0.5)) == 0.5 * 156 / 256


def test_the_down_interval_is_three_adverts_or_as_many_as_configured_and_the_skew_time() -> None:
    assert down_interval(2, Priority(90), Seconds(5.0)) == 15 + 166 / 256
    assert down_interval(3, Priority(100), Seconds(0.1), 5) == pytest.approx(0.5 + 0.1 * 156 / 256)
