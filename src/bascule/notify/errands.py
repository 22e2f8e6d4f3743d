# SPDX-License-Identifier: Apache-2.0
"""Scripts of changes in their order: for a subject one change at a time, and no subject waits for another.

While the scripts of a change run, later changes of the same subject wait. **Of those that wait only the newest is
kept**: a script that hangs through five changes is followed by the one that is true, not by four that are not. So the
last change of every subject is always run. What a script does is not known here.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable

from bascule.notify.changes import Step
from bascule.notify.tasks import Tasks, end

Execute = Callable[[Step, str], Awaitable[None]]
"""Runs one step to its end, for something with this label. Does not raise for what goes wrong with the program."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Errand:
    """The scripts of one change."""

    subject: tuple[str, ...]
    label: str
    """`INSTANCE VI_1 MASTER`."""
    steps: tuple[Step, ...]
    minor: bool = False
    """No change of state: gives way to one that waits."""
    done: Callable[[], None] | None = None
    """Called when all its steps have ended."""


class Errands:
    """All that is under way or waits."""

    def __init__(self, tasks: Tasks, execute: Execute, skipped: Callable[[Errand], None]) -> None:
        """`skipped` is called with what will not be run because something newer waits."""
        self._start = tasks.start
        self._execute = execute
        self._skipped = skipped
        self._waiting: dict[tuple[str, ...], Errand] = {}
        self._tasks: dict[tuple[str, ...], asyncio.Task[None]] = {}
        self._under_way: dict[tuple[str, ...], str] = {}

    @property
    def under_way(self) -> tuple[str, ...]:
        """The labels of what runs."""
        return tuple(self._under_way.values())

    def __len__(self) -> int:
        """How many changes run or wait."""
        return len(self._tasks) + len(self._waiting)

    def add(self, errand: Errand) -> None:
        """Run it now, or when what runs for its subject has ended."""
        if errand.subject not in self._tasks:
            self._tasks[errand.subject] = self._start(self._serve(errand), f"errands of {errand.subject}")
            return
        waiting = self._waiting.get(errand.subject)
        if waiting is not None and errand.minor:
            self._skipped(errand)
            return
        if waiting is not None:
            self._skipped(waiting)
        self._waiting[errand.subject] = errand

    async def _serve(self, first: Errand) -> None:
        subject = first.subject
        errand: Errand | None = first
        try:
            while errand is not None:
                self._under_way[subject] = errand.label
                for step in errand.steps:
                    await self._execute(step, errand.label)
                if errand.done is not None:
                    errand.done()
                errand = self._waiting.pop(subject, None)
        finally:
            self._under_way.pop(subject, None)
            del self._tasks[subject]

    async def finish(self, seconds: float) -> tuple[str, ...]:
        """Let what runs and waits come to its end for so long, then end it; the labels of what was cut off."""
        until = asyncio.get_running_loop().time() + seconds
        while self._tasks and (left := until - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._tasks.values(), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        cut = (*self.under_way, *(errand.label for errand in self._waiting.values()))
        self._waiting.clear()
        await end(tuple(self._tasks.values()))
        return cut
