# SPDX-License-Identifier: Apache-2.0
"""Being on time: realtime scheduling and locked memory for this process (sched(7), mlockall(2)).

A machine that refuses is no error: each function gives the reason in words, for the log and `bascule status`.
"""

from __future__ import annotations

import ctypes
import gc
import os

MCL_CURRENT = 1
MCL_FUTURE = 2
MCL_ONFAULT = 4
"""Lock pages when they are first touched, instead of all that is mapped (kernel 4.4)."""

PRIORITY_VRRP = 50
"""The role that sends adverts and hears its peers."""

PRIORITY_SUPERVISOR = 45
"""Below the vrrp role, above everything ordinary: it has a last will to send within milliseconds."""


def make_realtime(priority: int) -> str | None:
    """Put this process under SCHED_RR at `priority` (1..99); children start ordinary. None, or why not."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError as error:
        return f"no realtime scheduling: {error.strerror}"
    return None


def lock_memory() -> str | None:
    """Keep this process's pages in memory, each from its first use on. None, or why not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0:
        return f"memory not locked: {os.strerror(ctypes.get_errno())}"
    return None


def freeze_collector() -> None:
    """Take everything that lives now out of the garbage collector's sight, so that its pauses stay short."""
    gc.collect()
    gc.freeze()
