# SPDX-License-Identifier: Apache-2.0
"""Giving up root for good, once a role has opened what it needs (setresuid(2), capabilities(7)).

Everything that is imported later is read as the new user: a Python below somebody's private home cannot be, so a role
imports and opens first and drops last. The parent-death signal, which the kernel clears with the change of user
(prctl(2), PR_SET_PDEATHSIG), is put back.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import pwd
import resource
from collections.abc import Iterator

from bascule.errors import KernelRefusedError

PROC = pathlib.Path("/proc")
_PR_SET_PDEATHSIG = 1
_PR_GET_PDEATHSIG = 2


def drop(user: str = "nobody") -> None:
    """Become `user` with its own group and no others; all capabilities go with root. Without root: nothing to do.

    Raises KernelRefusedError, naming what is missing; the process is then what it was.
    """
    if os.geteuid() != 0:
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise KernelRefusedError(f"cannot give up root: there is no user {user}") from error
    signal = _death_signal()
    try:
        os.setgroups([])
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    except OSError as error:
        raise KernelRefusedError(f"cannot give up root for {user}: {error.strerror}") from error
    _set_death_signal(signal)


def lower(user: str = "nobody") -> None:
    """Act as `user` from now on, with the way back kept for moments of `raised`. Without root: nothing to do.

    Raises KernelRefusedError, naming what is missing.
    """
    if os.geteuid() != 0:
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise KernelRefusedError(f"cannot set root aside: there is no user {user}") from error
    signal = _death_signal()
    try:
        os.setgroups([])
        os.setegid(entry.pw_gid)
        os.seteuid(entry.pw_uid)
    except OSError as error:
        raise KernelRefusedError(f"cannot set root aside for {user}: {error.strerror}") from error
    _set_death_signal(signal)


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """For a moment root again, after `lower`; else as it is."""
    user, group = os.geteuid(), os.getegid()
    if user == 0 or 0 not in os.getresuid():
        yield
        return
    signal = _death_signal()
    os.seteuid(0)
    os.setegid(0)
    try:
        yield
    finally:
        os.setegid(group)
        os.seteuid(user)
        _set_death_signal(signal)


def effective(proc: pathlib.Path = PROC) -> int:
    """This process's effective capabilities as a bit set (proc(5))."""
    for line in (proc / "self" / "status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def allow_descriptors(wanted: int) -> int:
    """Raise this process's limit of open files to `wanted`, or as near as the hard limit lets it; returns the limit.

    The hard limit itself is lifted where that is allowed (CAP_SYS_RESOURCE).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return soft
    for limit in ((wanted, max(wanted, hard)), (min(wanted, hard), hard)):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            return limit[0]
    return soft


def _set_death_signal(signal: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0)


def _death_signal() -> int:
    value = ctypes.c_int(0)
    ctypes.CDLL(None).prctl(_PR_GET_PDEATHSIG, ctypes.byref(value), 0, 0, 0)
    return value.value
