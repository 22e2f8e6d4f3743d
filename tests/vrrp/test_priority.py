# SPDX-License-Identifier: Apache-2.0
"""The effective priority."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import Priority
from bascule.vrrp.priority import HIGHEST, LOWEST, effective


@pytest.mark.parametrize(
    ("configured", "change", "expected"),
    [(100, 0, 100), (100, -20, 80), (100, 30, 130), (100, 200, 254), (100, -200, 1), (255, -100, 255), (1, -1, 1)],
)
def test_weights_add_up_within_bounds_and_an_owner_stays_one(configured: int, change: int, expected: int) -> None:
    assert effective(Priority(configured), change) == expected


@given(st.integers(1, 254), st.integers(-1000, 1000))
def test_no_weight_makes_a_farewell_or_an_owner(configured: int, change: int) -> None:
    assert LOWEST <= effective(Priority(configured), change) <= HIGHEST
