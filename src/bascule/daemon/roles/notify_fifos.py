# SPDX-License-Identifier: Apache-2.0
"""The notify role's FIFOs and the programs that are started to read them."""

from __future__ import annotations

import asyncio

from bascule.daemon.log import Log
from bascule.linux.identities import ScriptRefusedError
from bascule.linux.scripts import Running
from bascule.model.scripts import Fifo, Script
from bascule.model.status import FifoStatus
from bascule.notify.fifo import FifoWriter
from bascule.notify.programs import Programs
from bascule.notify.tasks import Tasks

FIRST_PAUSE = 1.0
"""Seconds before a reader that has ended is started again; doubles each time."""

LONGEST_PAUSE = 60.0


class _Open:
    """A FIFO with its reader."""

    def __init__(self, fifo: Fifo, programs: Programs, tasks: Tasks, log: Log) -> None:
        self.fifo = fifo
        self._log = log
        self.writer = FifoWriter(fifo.path, programs.owner(fifo))
        self._full = False
        self.reader: asyncio.Task[None] | None = None
        if fifo.reader is not None:
            self.reader = tasks.start(self._keep(fifo.reader, programs), f"reader of {fifo.path}")

    def write(self, line: bytes) -> None:
        fits = self.writer.write(line)
        if not fits and not self._full:
            self._log.warning("fifo_full", fifo=self.fifo.path, lost=self.writer.lost, why="nobody reads it")
        elif fits and self._full:
            self._log.info("fifo_read_again", fifo=self.fifo.path, lost=self.writer.lost)
        self._full = not fits

    async def _keep(self, script: Script, programs: Programs) -> None:
        """Have the reader run for good; one that ends is started again, ever more seldom."""
        pause = FIRST_PAUSE
        while True:
            try:
                ready = programs.prepared(script)
                running = Running((*ready.command, self.fifo.path), ready.who)
                self._log.info("fifo_reader_started", fifo=self.fifo.path, pid=running.pid)
                ended = await running.wait()
            except ScriptRefusedError as error:
                self._log.error("fifo_reader_not_run", fifo=self.fifo.path, why=error)
            else:
                how, said = ended.why, ended.output or None
                self._log.warning("fifo_reader_ended", fifo=self.fifo.path, how=how, output=said, again_in=pause)
                pause = FIRST_PAUSE if ended.seconds > LONGEST_PAUSE else pause
            await asyncio.sleep(pause)
            pause = min(pause * 2.0, LONGEST_PAUSE)


class Fifos:
    """All FIFOs of a configuration: one for everything, one for VRRP, one for checkers."""

    def __init__(self, tasks: Tasks, log: Log) -> None:
        """None is open."""
        self._tasks = tasks
        self._log = log
        self._open: dict[str, _Open] = {}
        self.notes: tuple[str, ...] = ()

    def configure(self, programs: Programs) -> None:
        """Open what is wanted and not open yet, close the rest. What cannot be opened is a note."""
        settings = programs.settings
        wanted = {"all": settings.fifo, "vrrp": settings.vrrp_fifo, "lvs": settings.lvs_fifo}
        notes: list[str] = []
        for use, fifo in wanted.items():
            current = self._open.get(use)
            if current is not None and current.fifo == fifo:
                continue
            if current is not None:
                self._close(use, remove=True)
            try:
                if fifo is not None:
                    self._open[use] = _Open(fifo, programs, self._tasks, self._log)
            except ScriptRefusedError as error:
                notes.append(str(error))
                self._log.error("fifo_not_open", why=error)
        self.notes = tuple(notes)

    def vrrp(self, line: bytes) -> None:
        """A line about an instance or a group."""
        self._write(("vrrp", "all"), line)

    def lvs(self, line: bytes) -> None:
        """A line about a service or a server."""
        self._write(("lvs", "all"), line)

    def _write(self, uses: tuple[str, ...], line: bytes) -> None:
        for use in uses:
            if use in self._open:
                self._open[use].write(line)

    def status(self) -> tuple[FifoStatus, ...]:
        """The open ones."""
        return tuple(
            FifoStatus(path=each.fifo.path, written=each.writer.written, lost=each.writer.lost)
            for each in self._open.values()
        )

    def _close(self, use: str, *, remove: bool) -> None:
        closed = self._open.pop(use)
        closed.writer.close(remove=remove)
        if closed.reader is not None:
            closed.reader.cancel()

    def close(self, *, remove: bool) -> None:
        """Let all go; with `remove`, the pipes that were made here go, too."""
        for use in tuple(self._open):
            self._close(use, remove=remove)
