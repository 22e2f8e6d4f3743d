# SPDX-License-Identifier: Apache-2.0
"""Which processes run, and hearing that they come and go (proc(5); the kernel's process events connector).

The connector speaks in the first network and process namespaces only, and to root; elsewhere `/proc` has to be read
again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from bascule.errors import KernelRefusedError

PROC = Path("/proc")
FIRST_PROCESS_NAMESPACE = 0xEFFFFFFC
"""The number that the machine's own has (proc(5), /proc/PID/ns); a container has another."""

_CONNECTOR = 11
_PROC_GROUP = 1
_LISTEN = 1
_FORK, _EXEC, _COMM, _EXIT = 0x1, 0x2, 0x200, 0x80000000
_HEADER = struct.Struct("=IHHII")
_MESSAGE = struct.Struct("=IIIIHH")
_EVENT = struct.Struct("=IIQ")
_IDS = struct.Struct("=II")
_DONE = 3
_DATAGRAM = 4096
COMMAND_LINE_MAX = 4096
"""Bytes of a command line that are read."""


class ProcessEvents:
    """A socket that hears of forks, executions, new names and ends. Use `fileno` with a selector; never blocks."""

    def __init__(self) -> None:
        """Listen. Raises KernelRefusedError where the kernel does not allow it."""
        if (PROC / "self" / "ns" / "pid").stat().st_ino != FIRST_PROCESS_NAMESPACE:
            # There the request is taken and never answered.
            raise KernelRefusedError(
                "hear of processes: only in the machine's own process namespace, not in a container"
            )
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, _CONNECTOR)
        except OSError as error:
            raise KernelRefusedError(f"hear of processes: {error.strerror}") from error
        try:
            self._socket.bind((0, _PROC_GROUP))
            self._subscribe()
        except OSError as error:
            self._socket.close()
            raise KernelRefusedError(f"hear of processes: {error.strerror or 'no answer'}") from error

    def _subscribe(self) -> None:
        """Outside the first namespace nobody is there to take the request: connection refused."""
        body = struct.pack("=I", _LISTEN)
        message = _MESSAGE.pack(1, 1, 0, 0, len(body), 0) + body
        self._socket.send(_HEADER.pack(_HEADER.size + len(message), _DONE, 0, 0, 0) + message)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def receive(self) -> tuple[set[int], set[int], bool]:
        """Processes that came or changed, those that ended, and whether that is all; else `/proc` must be read."""
        changed: set[int] = set()
        ended: set[int] = set()
        while True:
            try:
                data = self._socket.recv(_DATAGRAM)
            except BlockingIOError:
                return changed, ended, True
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise KernelRefusedError(f"hear of processes: {error.strerror}") from error
                return changed, ended, False
            _take(data, changed, ended)


def _take(data: bytes, changed: set[int], ended: set[int]) -> None:
    """Threads come and go as processes do: only the first of a process counts."""
    at = _HEADER.size + _MESSAGE.size
    if len(data) < at + _EVENT.size + 2 * _IDS.size:
        return
    what = _EVENT.unpack_from(data, at)[0]
    first = _IDS.unpack_from(data, at + _EVENT.size)
    if what == _FORK:
        pid, process = _IDS.unpack_from(data, at + _EVENT.size + _IDS.size)
    else:
        pid, process = first
    if pid != process:
        return
    if what in (_FORK, _EXEC, _COMM):
        changed.add(pid)
        ended.discard(pid)
    elif what == _EXIT:
        ended.add(pid)
        changed.discard(pid)


def running(proc: Path = PROC) -> Iterator[int]:
    """The number of every process."""
    with contextlib.suppress(OSError), os.scandir(proc) as entries:
        yield from (int(entry.name) for entry in entries if entry.name.isdecimal())


def name_of(pid: int, proc: Path = PROC) -> str | None:
    """The name of a process that runs; None when it has ended, a zombie too."""
    try:
        data = (proc / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    name, _, rest = data.partition(b"(")[2].rpartition(b")")
    return None if rest.split()[:1] in ([b"Z"], [b"X"], []) else name.decode("utf-8", "surrogateescape")


def command_line_of(pid: int, proc: Path = PROC) -> tuple[str, ...]:
    """The words that a process was started with; none when it has ended or is the kernel's own."""
    try:
        with (proc / str(pid) / "cmdline").open("rb") as opened:
            data = opened.read(COMMAND_LINE_MAX)
    except OSError:
        return ()
    return tuple(word.decode("utf-8", "surrogateescape") for word in data.rstrip(b"\0").split(b"\0")) if data else ()
