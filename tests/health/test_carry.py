# SPDX-License-Identifier: Apache-2.0
"""Which check continues which over a reload."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bascule.health.carry import carried
from bascule.model.configuration import TcpCheck

A, B, C, D = (TcpCheck(connect_port=port) for port in (1, 2, 3, 4))


def test_unchanged_checks_are_themselves_wherever_they_stand() -> None:
    assert carried([A, B], [A, B]) == (0, 1)
    assert carried([A, B], [B, A]) == (1, 0)
    assert carried([A, B], [C, A, B]) == (None, 0, 1)
    assert carried([A, B, C], [C]) == (2,)


def test_a_changed_check_continues_the_one_in_its_place() -> None:
    assert carried([A, B], [A, C]) == (0, 1)
    assert carried([A], [C, D]) == (0, None)
    assert carried([], [A]) == (None,)


def test_equal_checks_are_told_apart_by_their_order() -> None:
    assert carried([A, A], [A, A, A]) == (0, 1, None)


checks = st.lists(st.sampled_from([A, B, C, D]), max_size=6)


@given(old=checks, new=checks)
def test_nothing_is_continued_twice_and_nothing_unchanged_is_lost(old: list[TcpCheck], new: list[TcpCheck]) -> None:
    origins = carried(old, new)
    used = [origin for origin in origins if origin is not None]
    assert len(origins) == len(new)
    assert len(set(used)) == len(used)
    assert all(0 <= origin < len(old) for origin in used)
    pairs = [(old[origin], check) for origin, check in zip(origins, new, strict=True) if origin is not None]
    for kind in (A, B, C, D):
        assert pairs.count((kind, kind)) == min(old.count(kind), new.count(kind))
