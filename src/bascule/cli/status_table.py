# SPDX-License-Identifier: Apache-2.0
"""Tables and spans of time as text, for everything that `bascule status` shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def age(seconds: float) -> str:
    """A span in words: `4.2 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h`."""
    if seconds < 60:
        return f"{max(0.0, seconds):.1f} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell; the last one runs free."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
