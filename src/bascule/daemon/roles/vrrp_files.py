# SPDX-License-Identifier: Apache-2.0
"""Tracked files: the number in each, read when it changes (`track_file` of keepalived.conf(5)).

What keepalived 2.2.7 makes of contents: the number at the beginning; anything else, and no file, is 0.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from bascule.daemon.log import Log
from bascule.errors import KernelRefusedError
from bascule.linux.inotify import Folders
from bascule.model.tracking import TrackFile

AGAIN = 2.0
"""Seconds between two looks at files whose folder cannot be watched."""

CONTENT_MAX = 64
"""Bytes that are read of a file."""

NUMBER_MAX = 1 << 31

_NUMBER = re.compile(rb"\s*([+-]?[0-9]{1,15})")


def number_in(content: bytes) -> int:
    """The number at the beginning, within 32 bits; 0 if there is none."""
    found = _NUMBER.match(content)
    return min(max(int(found[1]), -NUMBER_MAX), NUMBER_MAX - 1) if found else 0


def read(path: Path) -> tuple[int, str]:
    """The number in a file, and what there is to say of it. Never waits: pipes and devices are not read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0, "is not there, which counts as 0"
    except OSError as error:
        return 0, f"cannot be read ({error.strerror}), which counts as 0"
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return 0, "is no plain file, which counts as 0"
        number = number_in(os.read(descriptor, CONTENT_MAX))
    except OSError as error:
        return 0, f"cannot be read ({error.strerror}), which counts as 0"
    finally:
        os.close(descriptor)
    return number, f"says {number}"


class Files:
    """The files that are tracked, and the folders that they are in."""

    def __init__(self, log: Log, report: Callable[[str, int, str], None]) -> None:
        """None yet; `report` gets name, number and words of each reading."""
        self._log = log
        self._report = report
        self._files: dict[str, TrackFile] = {}
        self._folders: Folders | None = None
        self._again_at = float("inf")

    def fileno(self) -> int | None:
        """What is readable when a file changed."""
        return self._folders.fileno() if self._folders is not None else None

    def deadline(self) -> float:
        """When `timers` is to be called."""
        return self._again_at

    def configure(self, wanted: tuple[TrackFile, ...], now: float) -> None:
        """Track these; a file that is new here is given its first value, and all are read."""
        for entry in wanted:
            if entry != self._files.get(entry.name) and entry.init_value is not None:
                self._initialise(entry, entry.init_value)
        self._files = {entry.name: entry for entry in wanted}
        if wanted and self._folders is None:
            try:
                self._folders = Folders()
            except KernelRefusedError as error:
                self._log.warning("files_not_watched", why=error, looks_every=AGAIN)
        self._forget()
        self._look(now)

    def _forget(self) -> None:
        needed = {Path(entry.path).parent for entry in self._files.values()}
        if self._folders is not None:
            for folder in self._folders.watched - needed:
                self._folders.forget(folder)

    def _initialise(self, entry: TrackFile, value: int) -> None:
        new = os.O_TRUNC if entry.overwrite else os.O_EXCL
        try:
            descriptor = os.open(entry.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | new, 0o644)
        except FileExistsError:
            return
        except OSError as error:
            self._log.warning("track_file_not_made", tracker=entry.name, path=entry.path, why=error.strerror)
            return
        try:
            os.write(descriptor, b"%d\n" % value)
        finally:
            os.close(descriptor)

    def _look(self, now: float) -> None:
        """Read all; look again soon at those whose folder is not there or cannot be watched."""
        blind = False
        for entry in self._files.values():
            watched = self._folders is not None and self._folders.watch(Path(entry.path).parent)
            blind = blind or not watched
            self._read(entry)
        self._again_at = now + AGAIN if blind else float("inf")

    def _read(self, entry: TrackFile) -> None:
        self._report(entry.name, *read(Path(entry.path)))

    def readable(self, now: float) -> None:
        """A folder has news."""
        assert self._folders is not None
        changed, complete = self._folders.receive()
        if not complete:
            self._look(now)
            return
        for entry in self._files.values():
            if Path(entry.path) in changed:
                self._read(entry)

    def timers(self, now: float) -> None:
        """The time of `deadline` has come."""
        if now >= self._again_at:
            self._look(now)

    def close(self) -> None:
        """Watch no more."""
        if self._folders is not None:
            with contextlib.suppress(OSError):
                self._folders.close()
            self._folders = None
