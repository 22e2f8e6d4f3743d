# SPDX-License-Identifier: Apache-2.0
"""Whose time comes next, among hundreds of instances: a heap, so that a round does not look at each of them.

An entry that was replaced stays in the heap until its time: who is taken out is compared with what counts now.
"""

from __future__ import annotations

import heapq
import math


class Agenda:
    """Times by name."""

    def __init__(self) -> None:
        """Empty."""
        self._heap: list[tuple[float, str]] = []
        self._times: dict[str, float] = {}

    def put(self, name: str, at: float) -> None:
        """`name`'s time is `at` from now on; infinite = it waits for nothing."""
        if self._times.get(name, math.inf) != at:
            self._times[name] = at
            if at < math.inf:
                heapq.heappush(self._heap, (at, name))

    def drop(self, name: str) -> None:
        """Forget a name."""
        self._times.pop(name, None)

    def deadline(self) -> float:
        """The first time."""
        while self._heap and self._times.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def due(self, now: float) -> list[str]:
        """The names whose time has come, the first one first. They stay due until their time is another."""
        found: dict[str, None] = {}
        while self.deadline() <= now and self._heap:
            found[heapq.heappop(self._heap)[1]] = None
        for name in found:
            heapq.heappush(self._heap, (self._times[name], name))
        return list(found)
