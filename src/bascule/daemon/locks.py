# SPDX-License-Identifier: Apache-2.0
"""One daemon a network namespace, one daemon a run directory.

The namespace's lock is an abstract unix socket (unix(7)): its name lives in the network namespace and goes with its
last descriptor. Roles inherit it, so that a new daemon waits until the last role of a killed one has ended.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pathlib
import select
import socket
import struct
import time

from bascule.errors import BasculeError

NAME = "\0bascule"

LEFTOVER_PATIENCE = 10.0
"""Seconds to wait for the roles of a supervisor that is gone."""

_RETRY = 0.05


class AlreadyRunningError(BasculeError):
    """Another daemon is here."""

    exit_status = 4


def lock_namespace(patience: float = LEFTOVER_PATIENCE) -> socket.socket:
    """Hold this network namespace: a listening socket. Raises AlreadyRunningError naming the holder's process."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    until = time.monotonic() + patience
    while True:
        try:
            sock.bind(NAME)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                sock.close()
                raise
        else:
            sock.listen(8)
            return sock
        holder = _holder()
        if holder is not None and _alive(holder):
            sock.close()
            raise AlreadyRunningError(f"process {holder} is already the director of this network namespace")
        if time.monotonic() > until:
            sock.close()
            raise AlreadyRunningError("roles of an earlier daemon still run in this network namespace")
        time.sleep(_RETRY)


def turn_away(sock: socket.socket) -> None:
    """Let those go who only asked who holds the lock."""
    while True:
        try:
            sock.accept()[0].close()
        except BlockingIOError:
            return


def lock_run_dir(run_dir: pathlib.Path) -> int:
    """Hold a run directory (made if missing): a descriptor to keep.

    Raises AlreadyRunningError naming the holder; BasculeError if there can be no such directory.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(run_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise BasculeError(f"run directory {run_dir}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise AlreadyRunningError(f"process {holder} already runs with {run_dir}") from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _holder() -> int | None:
    """The process that listens on the lock; None when nobody does any more, or it is not visible from here."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        try:
            sock.connect(NAME)
        except OSError:
            return None
        pid: int = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    return pid or None


def _alive(pid: int) -> bool:
    """Whether the process still runs; one that has ended and waits for its parent does not."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return not poll.poll(0)
    finally:
        os.close(descriptor)
