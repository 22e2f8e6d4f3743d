# SPDX-License-Identifier: Apache-2.0
"""Who asked the kernel for a change: the netlink port of the request, which the kernel puts into what it tells of it
(netlink(7)), taken for a process by `/proc`.

A process's first netlink socket has its process id as port, any further one a number that only `/proc/net/netlink`
leads from to the process. Port 0 is the kernel itself. Who has ended by the time one looks cannot be named any more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
ROUTE = "0"
"""The family of addresses, links and routes, as /proc/net/netlink has it."""

SEARCH_SECONDS = 0.015
"""How long the processes of this network namespace are looked through for one socket: a realtime process has other
things to do."""

_NAME_MAX = 15
"""A process's name is cut there."""

HINTS: dict[str, str] = {
    "systemd-networkd": "set `KeepConfiguration=static` in the [Network] section of INTERFACE's .network file",
    "NetworkManager": "`nmcli device set INTERFACE managed no`, or `unmanaged-devices` in its configuration",
    "dhcpcd": "`denyinterfaces INTERFACE` in dhcpcd.conf",
    "keepalived": "two programs cannot hold one address: stop one of them",
}
"""What to set in programs that are known for it, by the beginning of their name."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Requester:
    """Who it was."""

    words: str
    pid: int | None = None
    hint: str | None = None
    """What to set there, of programs that are known for it."""


KERNEL = Requester(words="the kernel (its lifetime ended, or its interface or first address went)")
UNKNOWN = Requester(words="somebody: the kernel's news of it were lost")
ENDED = "a process that has ended"


def requester(port: int | None, *, thorough: bool = True) -> Requester | None:
    """Who has this netlink port; None as port: nobody knows. Raises nothing: what cannot be read is not there.

    Not `thorough`: only where that takes a moment, else None, to be asked again.
    """
    if port is None:
        return UNKNOWN
    if port == 0:
        return KERNEL
    sockets = _sockets(port)
    if _name(port) is not None and (not sockets or _has(port, sockets)):
        return _named(port, certain=bool(sockets))
    if sockets and not thorough:
        return None
    if not sockets:
        return Requester(words=f"{ENDED} (netlink port {port})")
    found = _search(sockets)
    if found is None:
        return Requester(words=f"a process that could not be found in time (netlink port {port})")
    return _named(found, certain=True)


def _named(pid: int, *, certain: bool) -> Requester:
    name = _name(pid)
    if name is None:
        return Requester(words=f"{ENDED} (process {pid})")
    # A socket that is closed says no more whose it was: another network or process namespace may have the same number.
    words = f"{name} (process {pid})" if certain else f"{name} (process {pid}, by its number alone)"
    hints = (hint for known, hint in HINTS.items() if name.startswith(known[:_NAME_MAX]))
    return Requester(words=words, pid=pid, hint=next(hints, None))


def _name(pid: int) -> str | None:
    try:
        text = (PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
    return "".join(character if character.isprintable() else "?" for character in text) or "?"


def _sockets(port: int) -> frozenset[str]:
    """The sockets of that port in this network namespace, as links in /proc/PID/fd name them."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        for line in (PROC / "thread-self" / "net" / "netlink").read_text().splitlines()[1:]:
            fields = line.split()
            if len(fields) >= 10 and fields[1] == ROUTE and fields[2] == str(port):
                found.add(f"socket:[{fields[9]}]")
    return frozenset(found)


def _has(pid: int, sockets: frozenset[str]) -> bool:
    folder = PROC / str(pid) / "fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    return any(_leads(folder / name) in sockets for name in names)


def _leads(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _search(sockets: frozenset[str]) -> int | None:
    end = time.monotonic() + SEARCH_SECONDS
    here = _leads(PROC / "thread-self" / "ns" / "net")
    for pid in _newest_first(os.listdir(PROC)):
        if _leads(PROC / str(pid) / "ns" / "net") == here and _has(pid, sockets):
            return pid
        if time.monotonic() > end:
            return None
    return None


def _newest_first(names: Iterable[str]) -> list[int]:
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)
