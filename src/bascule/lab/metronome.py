# SPDX-License-Identifier: Apache-2.0
"""How late the machine itself is: a realtime process on each processor that does nothing but wake up in time.

On a shared machine a processor can stand still for tens of milliseconds, whatever runs on it. Who judges a director by
the millisecond has to know what the machine took. A machine that refuses realtime scheduling is given nothing.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

from bascule.linux.scheduling import PRIORITY_VRRP, make_realtime

TICK = 0.005
"""Seconds between two wake-ups."""

LATE = 0.003
"""Seconds from which on a wake-up is worth a line."""

END_SECONDS = 5.0


class Metronome:
    """Between `with` and its end: who is late, on which processor, is written down."""

    def __init__(self, folder: pathlib.Path) -> None:
        """`folder` takes a file for each processor."""
        self._by_processor = {number: folder / f"metronome-{number}" for number in sorted(os.sched_getaffinity(0))}
        self.processes: list[subprocess.Popen[bytes]] = []
        """One for each processor."""

    @property
    def files(self) -> tuple[pathlib.Path, ...]:
        """What each of them writes: a line `woke late` a time, seconds."""
        return tuple(self._by_processor.values())

    def __enter__(self) -> Metronome:
        for number, file in self._by_processor.items():
            with file.open("wb") as output:
                command = [sys.executable, "-m", __name__, str(number)]
                self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
            process.wait(END_SECONDS)

    def late(self, begin: float, end: float) -> float:
        """The worst lateness, seconds, of a wake-up that was due or came from `begin` to `end` (time.monotonic)."""
        return max((late for file in self.files for at, late in _noted(file) if begin <= at <= end + late), default=0.0)


def _noted(file: pathlib.Path) -> list[tuple[float, float]]:
    """What a process wrote: when it woke and how late that was; a line that is still being written is left out."""
    lines = file.read_text().split("\n")[:-1]
    return [(float(at), float(late)) for at, _, late in (line.partition(" ") for line in lines)]


def keep_time(processor: int, parent: int) -> None:
    """Be the process for one processor, until its parent is another."""
    os.sched_setaffinity(0, {processor})
    if make_realtime(PRIORITY_VRRP) is not None:
        return
    due = time.monotonic()
    while os.getppid() == parent:
        due += TICK
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        if now - due > LATE:
            print(f"{now:.6f} {now - due:.6f}", flush=True)
            due = now


if __name__ == "__main__":
    keep_time(int(sys.argv[1]), os.getppid())
