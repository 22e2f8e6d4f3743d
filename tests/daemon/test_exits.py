# SPDX-License-Identifier: Apache-2.0
"""Exit statuses are a contract between processes: these numbers stay."""

from __future__ import annotations

from bascule.daemon import exits


def test_the_numbers() -> None:
    assert (exits.ORDERED, exits.REFUSED, exits.CRASHED) == (0, 3, 70)
