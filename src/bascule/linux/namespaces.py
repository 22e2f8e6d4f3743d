# SPDX-License-Identifier: Apache-2.0
"""Named network namespaces: made as ip-netns(8) makes them, entered by setns(2) of the network namespace alone.

`ip netns exec` also makes a mount namespace and mounts /sys anew, in which a bpffs would die with the command; nothing
here does. What is entered is the calling thread's namespace: child processes and sockets made meanwhile belong to it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import socket
import sys
from collections.abc import Iterator

from bascule.errors import KernelRefusedError
from bascule.linux.iproute import ip

FOLDER = pathlib.Path("/run/netns")
"""Where ip-netns(8) keeps its names."""

CLONE_NEWNET = 0x40000000
SO_NETNS_COOKIE = 71
THIS_THREAD = "/proc/thread-self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)


def create(name: str) -> None:
    """Make the namespace `name`, with its loopback up. Raises KernelRefusedError."""
    ip("netns", "add", name)
    ip("-n", name, "link", "set", "lo", "up")


def remove(name: str) -> None:
    """Take the name away; the namespace ends with the last process and socket in it. Raises KernelRefusedError."""
    ip("netns", "del", name)


def names() -> tuple[str, ...]:
    """The names that exist, sorted."""
    try:
        return tuple(sorted(os.listdir(FOLDER)))
    except FileNotFoundError:
        return ()


@contextlib.contextmanager
def entered(name: str) -> Iterator[None]:
    """This thread, for the length of the block, in the network namespace `name`. Raises KernelRefusedError."""
    back = os.open(THIS_THREAD, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            there = os.open(FOLDER / name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise KernelRefusedError(f"there is no network namespace {name}") from error
        try:
            _setns(there, name)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(back, "that of the start")
    finally:
        os.close(back)


def identity(name: str) -> int:
    """The inode that tells this namespace from all others. Raises FileNotFoundError."""
    return os.stat(FOLDER / name).st_ino


def cookie() -> int:
    """The number of the calling thread's namespace, never used twice while the machine runs (socket(7)).

    Raises KernelRefusedError before Linux 5.14.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            return int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8), sys.byteorder)
        except OSError as error:
            raise KernelRefusedError(f"this kernel has no SO_NETNS_COOKIE to name the namespace by: {error}") from error


def processes(name: str) -> tuple[int, ...]:
    """The processes that live in the namespace `name` now (by their main thread), in order of their ids."""
    wanted = identity(name)
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        # A process may end while we look at it.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if os.stat(f"/proc/{entry}/ns/net").st_ino == wanted:
                found.append(int(entry))
    return tuple(sorted(found))


def _setns(descriptor: int, name: str) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise KernelRefusedError(f"cannot enter the network namespace {name}: {reason}")
