# SPDX-License-Identifier: Apache-2.0
"""Many probes at once over one epoll(7), each with its deadline.

Not asyncio: a check is one connect(2) and one event, and transports, handles and tasks cost more than that. The
engine's own descriptor is readable when a probe is ready, so it sits in anybody's poll loop.
"""

from __future__ import annotations

import heapq
import itertools
import select
from typing import Generic, TypeVar

from bascule.probes.probe import Probe, Result

T = TypeVar("T")


class _Flight(Generic[T]):
    """A probe under way."""

    __slots__ = ("ended", "probe", "token")

    def __init__(self, token: T, probe: Probe) -> None:
        self.token = token
        self.probe = probe
        self.ended = False


class Engine(Generic[T]):
    """Runs probes; `T` is whatever tells the caller which one ended (hashable, one probe a token)."""

    def __init__(self) -> None:
        """An engine without probes."""
        self._epoll = select.epoll()
        self._by_descriptor: dict[int, _Flight[T]] = {}
        self._by_token: dict[T, _Flight[T]] = {}
        self._deadlines: list[tuple[float, int, _Flight[T]]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        """How many probes are under way."""
        return len(self._by_token)

    def fileno(self) -> int:
        """Readable when `collect` has something, but for deadlines."""
        return self._epoll.fileno()

    def deadline(self) -> float | None:
        """The earliest deadline of a probe under way (monotonic seconds)."""
        while self._deadlines and self._deadlines[0][2].ended:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def start(self, token: T, probe: Probe, deadline: float) -> None:
        """Watch over a probe until it ends or its deadline (monotonic seconds) passes; the engine closes it."""
        flight = _Flight(token, probe)
        descriptor = probe.fileno()
        self._by_descriptor[descriptor] = flight
        self._by_token[token] = flight
        self._epoll.register(descriptor, probe.events)
        heapq.heappush(self._deadlines, (deadline, next(self._order), flight))

    def cancel(self, token: T) -> None:
        """Break a probe off, if it is under way; it has no result."""
        flight = self._by_token.get(token)
        if flight is not None:
            self._end(flight)

    def collect(self, now: float) -> list[tuple[T, Result]]:
        """The probes that have ended by `now`. Never waits."""
        ended: list[tuple[T, Result]] = []
        for descriptor, _ in self._epoll.poll(0, max(1, len(self._by_token))):
            flight = self._by_descriptor[descriptor]
            result = flight.probe.ready()
            if result is None:
                self._epoll.modify(descriptor, flight.probe.events)
                continue
            self._end(flight)
            ended.append((flight.token, result))
        while (deadline := self.deadline()) is not None and deadline <= now:
            flight = self._deadlines[0][2]
            ended.append((flight.token, flight.probe.expired()))
            self._end(flight)
        return ended

    def close(self) -> None:
        """Break everything off."""
        for token in list(self._by_token):
            self.cancel(token)
        self._epoll.close()

    def _end(self, flight: _Flight[T]) -> None:
        descriptor = flight.probe.fileno()
        self._epoll.unregister(descriptor)
        del self._by_descriptor[descriptor]
        del self._by_token[flight.token]
        flight.ended = True
        flight.probe.close()
