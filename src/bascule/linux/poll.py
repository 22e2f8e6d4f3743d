# SPDX-License-Identifier: Apache-2.0
"""Waiting for descriptors with ppoll(2): with a time-out as fine as select(2)'s, and without its limit of 1,024.

What Python has of poll(2) and epoll(7) counts in milliseconds, which is late for an advert each ten.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
from collections.abc import Sequence

from bascule.errors import KernelRefusedError

_ENTRY = struct.Struct("=ihh")
"""struct pollfd: descriptor, what is asked for, what came."""


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


_ppoll = ctypes.CDLL(None, use_errno=True).ppoll
_ppoll.argtypes = (ctypes.c_void_p, ctypes.c_ulong, ctypes.POINTER(_Timespec), ctypes.c_void_p)


class Poll:
    """Waits for one set of descriptors after the other; most are the same as the one before."""

    def __init__(self) -> None:
        """Nothing was waited for yet."""
        self._asked: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
        self._entries = ctypes.create_string_buffer(0)

    def wait(self, readers: Sequence[int], writers: Sequence[int], seconds: float) -> tuple[set[int], set[int]]:
        """Those that can be read, or have an error or an end to tell, and those that can be written.

        Both are empty when the time is over, or a signal came. Raises KernelRefusedError.
        """
        asked = (tuple(readers), tuple(writers))
        if asked != self._asked:
            self._asked = asked
            entries = [_ENTRY.pack(number, select.POLLIN, 0) for number in readers]
            entries += (_ENTRY.pack(number, select.POLLOUT, 0) for number in writers)
            self._entries = ctypes.create_string_buffer(b"".join(entries), len(entries) * _ENTRY.size)
        if not self._ask(max(0.0, seconds)):
            return set(), set()
        came = [(number, wanted) for number, wanted, found in _ENTRY.iter_unpack(self._entries) if found]
        readable = {number for number, wanted in came if wanted == select.POLLIN}
        return readable, {number for number, wanted in came if wanted == select.POLLOUT}

    def _ask(self, seconds: float) -> bool:
        count = len(self._entries) // _ENTRY.size
        whole = int(seconds)
        limit = _Timespec(whole, int((seconds - whole) * 1e9))
        found = _ppoll(self._entries, count, ctypes.byref(limit), None)
        if found < 0:
            error = ctypes.get_errno()
            if error != errno.EINTR:
                raise KernelRefusedError(f"wait for {count} descriptors: {os.strerror(error)}")
        return bool(found > 0)
