# SPDX-License-Identifier: Apache-2.0
"""Tables and ages."""

from __future__ import annotations

import pytest

from bascule.cli.status_table import age, table


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1.0, "0.0 s"), (4.24, "4.2 s"), (185.0, "3 min 5 s"), (7800.0, "2 h 10 min"), (442800.0, "5 d 3 h")],
)
def test_ages(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert list(table([("A", "B"), ("long", "x")])) == ["A     B", "long  x"]
