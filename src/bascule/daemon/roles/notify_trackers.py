# SPDX-License-Identifier: Apache-2.0
"""The notify role's track scripts (`vrrp_script`): each run at its interval, never twice at a time, for a bounded time.

A script that is still running when its interval is over is not started beside itself (keepalived 2.2.7 does that): its
next run is at the next multiple of the interval. What results mean is bascule.vrrp.tracking's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bascule.daemon.log import Log
from bascule.linux.identities import ScriptRefusedError
from bascule.linux.scripts import Running
from bascule.model.messages import ScriptVerdict
from bascule.model.scripts import ScriptSettings
from bascule.model.status import ScriptStatus
from bascule.model.tracking import TrackScript
from bascule.notify.programs import Prepared, Programs
from bascule.notify.tasks import Tasks
from bascule.notify.verdicts import Count

Tell = Callable[[ScriptVerdict], None]

NOT_STARTED = 127
"""The exit status of a program that cannot be started any more, as shells have it."""


class _Tracked:
    """One script at work."""

    def __init__(self, script: TrackScript, ready: Prepared, tell: Tell, log: Log) -> None:
        self.script = script
        self.ready = ready
        self._tell = tell
        self._log = log
        self._count = Count(rise=script.rise, fall=script.fall)
        self._why = "has not run yet"
        self._at: float | None = None
        self._began: float | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await asyncio.sleep(due - loop.time())
            status, why, output = await self._once()
            self._took(status, why, output)
            due += self.script.interval * max(1, -(-(loop.time() - due) // self.script.interval))

    async def _once(self) -> tuple[int, str, str]:
        self._began = time.time()
        try:
            ended = await Running(self.ready.command, self.ready.who).wait(self.script.timeout)
        except ScriptRefusedError as error:
            return NOT_STARTED, str(error), ""
        finally:
            self._began = None
        # One that was ended for its slowness is down whatever it says to that.
        status = -1 if ended.timed_out and ended.status >= 0 else ended.status
        return status, ended.why, ended.output

    def _took(self, status: int, why: str, output: str) -> None:
        before = self._count.status
        tell = self._count.take(status)
        self._why, self._at = why, time.time()
        if status != before:
            level = self._log.info if status == 0 else self._log.warning
            level("track_script", script=self.script.name, how=why, output=output.strip() or None)
        if tell:
            up, runs = status == 0, self._count.runs
            self._tell(ScriptVerdict(script=self.script.name, up=up, status=status, runs=runs, why=why, at=self._at))

    def status(self) -> ScriptStatus:
        """How it is."""
        return ScriptStatus(
            name=self.script.name,
            up=self._count.up,
            status=self._count.status,
            runs=self._count.runs,
            why=self._why,
            at=self._at,
            running_since=self._began,
        )


class Trackers:
    """All track scripts of a configuration."""

    def __init__(self, tasks: Tasks, tell: Tell, log: Log) -> None:
        """None runs; `tell` gets what is worth telling."""
        self._start = tasks.start
        self._tell = tell
        self._log = log
        self._tracked: dict[str, _Tracked] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._settings: ScriptSettings | None = None
        self.notes: tuple[str, ...] = ()

    def configure(self, scripts: tuple[TrackScript, ...], programs: Programs) -> None:
        """Run these; one that is as before goes on in its step. One that cannot run is a note, as if not tracked."""
        wanted = {script.name: script for script in scripts}
        for name, current in tuple(self._tracked.items()):
            if wanted.get(name) != current.script or programs.settings != self._settings:
                del self._tracked[name]
                self._tasks.pop(name).cancel()
        self._settings = programs.settings
        notes: list[str] = []
        for name, script in wanted.items():
            if name in self._tracked:
                continue
            try:
                tracked = _Tracked(script, programs.prepared(script.run), self._tell, self._log)
            except ScriptRefusedError as error:
                notes.append(f"vrrp_script {name} counts for nothing: {error}")
                self._log.error("track_script_not_run", script=name, why=error)
                continue
            self._tracked[name] = tracked
            self._tasks[name] = self._start(tracked.run(), f"script {name}")
        self.notes = tuple(notes)

    def status(self) -> tuple[ScriptStatus, ...]:
        """How each is."""
        return tuple(each.status() for each in self._tracked.values())

    def close(self) -> None:
        """End all."""
        for task in self._tasks.values():
            task.cancel()
        self._tracked.clear()
        self._tasks.clear()
