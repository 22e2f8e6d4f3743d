# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition with a deadline: what labs and tests do instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from bascule.errors import BasculeError

T = TypeVar("T")

PAUSE_FIRST = 0.005
PAUSE_LAST = 0.1
"""Seconds between two looks: doubling from the first to the last."""


class WaitedTooLongError(BasculeError):
    """A condition did not come true before its deadline."""


def wait_for(
    condition: Callable[[], T],
    deadline_seconds: float,
    what: str,
    *,
    evidence: Callable[[], str] | None = None,
    pause_max: float = PAUSE_LAST,
) -> T:
    """The first true value of `condition()`, asked for again and again for at most `deadline_seconds`.

    Raises WaitedTooLongError that names `what` and ends with the text of `evidence()`, if given. An exception of the
    condition is the caller's: a condition that cannot be asked yet has to say so by a false value.
    """
    end = time.monotonic() + deadline_seconds
    pause = PAUSE_FIRST
    while True:
        value = condition()
        if value:
            return value
        left = end - time.monotonic()
        if left <= 0:
            shown = "\n" + evidence() if evidence is not None else ""
            raise WaitedTooLongError(f"waited {deadline_seconds:g} s for {what}{shown}")
        time.sleep(min(pause, left))
        pause = min(pause * 2, pause_max)


def stays(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Watch that `condition()` is true during all of `seconds`. Raises WaitedTooLongError that says when it was not."""
    start = time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        if not condition():
            raise WaitedTooLongError(f"after {passed:.3f} s of {seconds:g} s it was no longer so: {what}")
        time.sleep(min(PAUSE_LAST, max(seconds - passed, 0.0)))


async def come(condition: Callable[[], object], deadline_seconds: float, what: str) -> None:
    """`wait_for` inside an event loop, which goes on meanwhile. Raises WaitedTooLongError."""
    import asyncio  # Most who wait have no loop.

    end = time.monotonic() + deadline_seconds
    while not condition():
        if time.monotonic() >= end:
            raise WaitedTooLongError(f"waited {deadline_seconds:g} s for {what}")
        await asyncio.sleep(PAUSE_FIRST)
