# SPDX-License-Identifier: Apache-2.0
"""Tracked processes: who runs, by the kernel's events where it sends them, else by reading `/proc` now and then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bascule.daemon.log import Log
from bascule.errors import KernelRefusedError
from bascule.linux import processes
from bascule.linux.processes import PROC, ProcessEvents
from bascule.model.tracking import TrackProcess
from bascule.vrrp.processes import Quorum, matches, needs_command_line

AGAIN = 1.0
"""Seconds between two readings of `/proc` where there are no events."""

SHARE = 20
"""A reading of `/proc` is followed by a pause of at least this many times what it took: 5 % of a processor."""


class Processes:
    """The processes that are tracked, and who counts now."""

    def __init__(
        self,
        log: Log,
        report: Callable[[str, bool, str], None],
        clock: Callable[[], float],
        proc: Path = PROC,
        events: Callable[[], ProcessEvents] = ProcessEvents,
    ) -> None:
        """None yet; `report` gets name, state and words of each reading."""
        self._log = log
        self._report = report
        self._clock = clock
        self._proc = proc
        self._open = events
        self._events: ProcessEvents | None = None
        self._refused = False
        self._wanted: dict[str, TrackProcess] = {}
        self._quorums: dict[str, Quorum] = {}
        self._counted: dict[str, set[int]] = {}
        self._again_at = float("inf")

    def fileno(self) -> int | None:
        """What is readable when processes came or went."""
        return self._events.fileno() if self._events is not None else None

    def deadline(self) -> float:
        """When `timers` is to be called."""
        return min((self._again_at, *(quorum.deadline() for quorum in self._quorums.values())))

    def configure(self, wanted: tuple[TrackProcess, ...], now: float) -> None:
        """Track these; what is tracked as before goes on."""
        if not wanted:
            self.close()
        elif self._events is None and not self._refused:
            self._listen()
        for entry in wanted:
            if self._wanted.get(entry.name) != entry:
                self._quorums[entry.name] = Quorum(entry)
        self._wanted = {entry.name: entry for entry in wanted}
        self._quorums = {name: self._quorums[name] for name in self._wanted}
        self._scan(now)

    def _listen(self) -> None:
        try:
            self._events = self._open()
        except KernelRefusedError as error:
            self._refused = True
            self._log.warning("process_events_refused", why=error, reads_proc_every=AGAIN)

    def close(self) -> None:
        """Listen no more."""
        if self._events is not None:
            self._events.close()
            self._events = None

    def _scan(self, now: float) -> None:
        """Read all of `/proc`."""
        self._counted = {name: set() for name in self._wanted}
        if self._wanted:
            for pid in processes.running(self._proc):
                self._take(pid)
        took = self._clock() - now
        self._again_at = (
            now + took + max(AGAIN, SHARE * took) if self._wanted and self._events is None else float("inf")
        )
        self._judge(now)

    def _take(self, pid: int) -> None:
        """See whether a process counts, for each that is tracked."""
        name = processes.name_of(pid, self._proc)
        words: tuple[str, ...] | None = None
        for tracker, entry in self._wanted.items():
            if name is not None and words is None and needs_command_line(entry):
                words = processes.command_line_of(pid, self._proc)
            if name is not None and matches(entry, name, words or ()):
                self._counted[tracker].add(pid)
            else:
                self._counted[tracker].discard(pid)

    def _judge(self, now: float) -> None:
        for name, quorum in self._quorums.items():
            quorum.count(len(self._counted[name]), now)
            assert quorum.up is not None
            self._report(name, quorum.up, quorum.why)

    def readable(self, now: float) -> None:
        """Processes came or went."""
        assert self._events is not None
        changed, ended, complete = self._events.receive()
        if not complete:
            self._scan(now)
            return
        for pid in changed:
            self._take(pid)
        for counted in self._counted.values():
            counted -= ended
        self._judge(now)

    def timers(self, now: float) -> None:
        """The time of `deadline` has come."""
        if now >= self._again_at:
            self._scan(now)
        elif any(quorum.deadline() <= now for quorum in self._quorums.values()):
            self._judge(now)
