# SPDX-License-Identifier: Apache-2.0
"""Hearing that files of a folder changed (inotify(7)), by ctypes: light enough for the realtime role."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from pathlib import Path

from bascule.errors import KernelRefusedError

_CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE, _ATTRIB = 0x8, 0x40, 0x80, 0x100, 0x200, 0x4
_MODIFY, _DELETE_SELF, _MOVE_SELF = 0x2, 0x400, 0x800
_OVERFLOW, _IGNORED = 0x4000, 0x8000
_ONLY_FOLDERS = 0x1000000
_WANTED = _CLOSE_WRITE | _MODIFY | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_NONBLOCK, _CLOEXEC = os.O_NONBLOCK, os.O_CLOEXEC
_EVENT = struct.Struct("iIII")
_BUFFER = 1 << 16


class Folders:
    """Watched folders. Use `fileno` with a selector; never blocks."""

    def __init__(self) -> None:
        """Watch nothing. Raises KernelRefusedError."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(_NONBLOCK | _CLOEXEC)
        if self._descriptor < 0:
            raise KernelRefusedError(f"watch files: {os.strerror(ctypes.get_errno())}")
        self._paths: dict[int, Path] = {}

    def fileno(self) -> int:
        """The descriptor that is readable when something changed."""
        return int(self._descriptor)

    def close(self) -> None:
        """Watch no more."""
        os.close(self._descriptor)

    @property
    def watched(self) -> frozenset[Path]:
        """The folders whose changes are heard of."""
        return frozenset(self._paths.values())

    def watch(self, folder: Path) -> bool:
        """Hear of the files in `folder`; False when it is not there or the kernel refuses."""
        if folder in self._paths.values():
            return True
        number = self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _WANTED | _ONLY_FOLDERS)
        if number < 0:
            return False
        self._paths[number] = folder
        return True

    def forget(self, folder: Path) -> None:
        """Hear no more of it."""
        for number, path in tuple(self._paths.items()):
            if path == folder:
                del self._paths[number]
                self._libc.inotify_rm_watch(self._descriptor, number)

    def receive(self) -> tuple[frozenset[Path], bool]:
        """The files that changed, and whether that is all: False when the kernel had to drop some."""
        found: set[Path] = set()
        complete = True
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._descriptor, _BUFFER):
                complete = self._take(data, found) and complete
        return frozenset(found), complete

    def _take(self, data: bytes, found: set[Path]) -> bool:
        at, complete = 0, True
        while at + _EVENT.size <= len(data):
            number, mask, _, length = _EVENT.unpack_from(data, at)
            name = data[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
            at += _EVENT.size + length
            if mask & _OVERFLOW:
                complete = False
            folder = self._paths.get(number)
            if folder is None:
                continue
            if mask & (_IGNORED | _DELETE_SELF | _MOVE_SELF):
                self.forget(folder)
                complete = False
            elif name:
                found.add(folder / os.fsdecode(name))
        return complete
