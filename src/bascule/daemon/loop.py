# SPDX-License-Identifier: Apache-2.0
"""The supervisor's event loop: descriptors, timers and signals, one callback after the other.

Not asyncio: the supervisor has no coroutines, must be small in memory, and answers a role's death within milliseconds.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterable
from types import FrameType


@dataclasses.dataclass(slots=True)
class Timer:
    """A callback that waits for its moment; `cancel` makes it never come."""

    due: float
    """Monotonic time."""
    callback: Callable[[], None] | None

    def cancel(self) -> None:
        """Forget the callback."""
        self.callback = None


@dataclasses.dataclass(slots=True)
class _Watch:
    readable: Callable[[], None]
    writable: Callable[[], None] | None = None


class Loop:
    """Runs until `stop`. Callbacks must not block."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """A loop with its own selector; `clock` gives monotonic seconds."""
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._stopped = False

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock()

    def watch(self, descriptor: int, readable: Callable[[], None]) -> None:
        """Call `readable` whenever the descriptor is."""
        self._selector.register(descriptor, selectors.EVENT_READ, _Watch(readable))

    def when_writable(self, descriptor: int, writable: Callable[[], None] | None) -> None:
        """Also call `writable` whenever a watched descriptor is; None ends that."""
        key = self._selector.get_key(descriptor)
        watch: _Watch = key.data
        if watch.writable is writable:
            return
        watch.writable = writable
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        self._selector.modify(descriptor, events, watch)

    def unwatch(self, descriptor: int) -> None:
        """Forget a descriptor; before it is closed."""
        self._selector.unregister(descriptor)

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, in `seconds`."""
        timer = Timer(self.now() + seconds, callback)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    def on_signals(self, numbers: Iterable[signal.Signals], callback: Callable[[signal.Signals], None]) -> None:
        """Call `callback` for each of these signals, from the loop."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        wanted = set(numbers)
        for number in wanted:
            signal.signal(number, _wake)

        def readable() -> None:
            for number in os.read(reader, 64):
                if number in wanted:
                    callback(signal.Signals(number))

        self.watch(reader, readable)

    @property
    def stopped(self) -> bool:
        """`stop` was called."""
        return self._stopped

    def stop(self) -> None:
        """End `run` after this round of callbacks, for good."""
        self._stopped = True

    def run(self) -> None:
        """Serve until `stop` is called; if it was already, not at all."""
        while not self._stopped:
            self._step()

    def _step(self) -> None:
        for key, events in self._selector.select(self._patience()):
            watch: _Watch = key.data
            if events & selectors.EVENT_WRITE and watch.writable is not None:
                watch.writable()
            if events & selectors.EVENT_READ and self._still(key):
                watch.readable()
        while self._timers and self._timers[0][0] <= self.now():
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is not None:
                timer.callback()

    def _still(self, key: selectors.SelectorKey) -> bool:
        """An earlier callback of this step may have forgotten the descriptor."""
        current = self._selector.get_map().get(key.fd)
        return current is not None and current.data is key.data

    def _patience(self) -> float | None:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if self._stopped:
            return 0.0
        return max(0.0, self._timers[0][0] - self.now()) if self._timers else None


def _wake(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor has told the loop already."""
