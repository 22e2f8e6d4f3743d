# SPDX-License-Identifier: Apache-2.0
"""Which check of a new configuration is which of the old one: what must not start afresh at a reload.

Pure. A check that did not change is the same wherever it now stands in its server's list; a changed one takes over
from the one that had its place, if no unchanged check did.
"""

from __future__ import annotations

from collections.abc import Sequence

from bascule.model.configuration import TcpCheck


def carried(old: Sequence[TcpCheck], new: Sequence[TcpCheck]) -> tuple[int | None, ...]:
    """For each check of `new` the index in `old` that it continues, each at most once; None = it is a new one."""
    free = dict(enumerate(old))
    origins: list[int | None] = []
    for check in new:
        origin = next((index for index, candidate in free.items() if candidate == check), None)
        origins.append(origin)
        if origin is not None:
            del free[origin]
    for index, origin in enumerate(origins):
        if origin is None and free.pop(index, None) is not None:
            origins[index] = index
    return tuple(origins)
