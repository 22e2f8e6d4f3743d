# SPDX-License-Identifier: Apache-2.0
"""asyncio tasks that nobody awaits, held on to: a defect in one is not lost, and all of them end with their owner."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable

CANCEL_EACH = 0.25
"""Seconds after which a task that has not ended is cancelled again."""


async def end(tasks: Iterable[asyncio.Task[object]]) -> None:
    """Cancel tasks until each has ended.

    Once is not always enough: before Python 3.12 `asyncio.wait_for`, which libraries use, loses a cancellation that
    comes in the moment in which what it waits for is done.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_EACH)


class Tasks:
    """All that runs beside the main task."""

    def __init__(self) -> None:
        """None yet."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._defect: BaseException | None = None
        self.failed = asyncio.Event()
        """Set when one of them has raised."""

    def __len__(self) -> int:
        """How many run."""
        return len(self._tasks)

    def start(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """Run it beside."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._defect = self._defect or error
            self.failed.set()

    async def close(self) -> None:
        """End all and wait for that; raises what one of them has raised."""
        await end(tuple(self._tasks))
        if self._defect is not None:
            raise self._defect
