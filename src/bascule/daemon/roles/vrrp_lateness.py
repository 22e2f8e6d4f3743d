# SPDX-License-Identifier: Apache-2.0
"""How late the vrrp role comes to its timers, as a distribution: of the last minute, and since its start.

Counted is each waking-up for something that was due, and each instance that was due too and had to wait for others.
Fixed bounds, so that a timer costs a search among sixteen numbers and two additions. What is asked of the distribution
is worked out when somebody asks.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from bascule.model.base import Seconds
from bascule.model.status import LatenessBucket, LatenessSpan, LatenessStatus

BOUNDS: tuple[float, ...] = tuple(step * unit for unit in (1e-4, 1e-3, 1e-2, 1e-1, 1.0) for step in (1, 2, 5))
"""Seconds: a timer counts in the first one that it is not later than; those above all of them count apart."""

SLOTS, SLOT = 7, 10.0
"""The last minute is six slots of ten seconds and the part of one that has begun."""


class _Counts:
    """Timers by how late they were."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.worst = 0.0

    def clear(self) -> None:
        for index in range(len(self.buckets)):
            self.buckets[index] = 0
        self.worst = 0.0


class Lateness:
    """Of one process."""

    def __init__(self) -> None:
        """No timer yet."""
        self._whole = _Counts()
        self._slots = [_Counts() for _ in range(SLOTS)]
        self._slot = 0

    def note(self, late: float, now: float) -> None:
        """A timer was handled so many seconds after its time (`now` of the clock that goes on while suspended)."""
        late = max(late, 0.0)
        bucket = bisect.bisect_left(BOUNDS, late)
        self._turn(int(now // SLOT))
        for counts in (self._whole, self._slots[self._slot % SLOTS]):
            counts.buckets[bucket] += 1
            if late > counts.worst:
                counts.worst = late

    def _turn(self, slot: int) -> None:
        """Slots that nothing was noted in are empty, too."""
        if slot != self._slot:
            for passed in range(max(self._slot + 1, slot - SLOTS + 1), slot + 1):
                self._slots[passed % SLOTS].clear()
            self._slot = slot

    @property
    def worst(self) -> Seconds:
        """The latest since the start."""
        return Seconds(self._whole.worst)

    def status(self, now: float) -> LatenessStatus:
        """The distribution as it is."""
        self._turn(int(now // SLOT))
        minute = [sum(counts) for counts in zip(*(slot.buckets for slot in self._slots), strict=True)]
        whole = self._whole
        bounds = (*map(Seconds, BOUNDS), None)
        return LatenessStatus(
            last_minute=_span(minute, max(slot.worst for slot in self._slots)),
            since_start=_span(whole.buckets, whole.worst),
            buckets=tuple(LatenessBucket(up_to=b, count=c) for b, c in zip(bounds, whole.buckets, strict=True)),
        )


def _span(buckets: Sequence[int], worst: float) -> LatenessSpan:
    return LatenessSpan(
        count=sum(buckets),
        p50=_within(buckets, worst, 0.5),
        p99=_within(buckets, worst, 0.99),
        max=Seconds(worst),
    )


def _within(buckets: Sequence[int], worst: float, share: float) -> Seconds:
    """Within how many seconds this share of the timers was handled: a bound, or the worst if that is less."""
    wanted, seen = share * sum(buckets), 0
    for bound, count in zip(BOUNDS, buckets, strict=False):
        seen += count
        if seen >= wanted:
            return Seconds(min(bound, worst))
    return Seconds(worst)
