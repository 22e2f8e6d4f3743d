# SPDX-License-Identifier: Apache-2.0
"""Whether timers that are handled late were late because this process slept, or because it was at work on others.

When an active dies, hundreds of instances have their time at once, and each takes a millisecond: those who come last
are late, and must be believed all the same. So a round that begins where the one before has left timers over, without
a pause between, belongs to it. Who handles the timers gives the times; nothing here looks at a clock.
"""

from __future__ import annotations

import math

PAUSE = 0.02
"""Seconds between two rounds that are no pause: what has to be read and told there takes its time, too."""


class Awake:
    """Of one loop."""

    def __init__(self) -> None:
        """Nothing has been handled."""
        self._since = -math.inf
        self._ended = -math.inf
        self._left_over = False

    def begin(self, now: float) -> float:
        """A round of timers begins; returns from when on the process has run without a pause."""
        if not self._left_over or now - self._ended > PAUSE:
            self._since = now
        return self._since

    def end(self, now: float, deadline: float) -> None:
        """It ends, and the next timer's time is `deadline`."""
        self._ended, self._left_over = now, deadline <= now
