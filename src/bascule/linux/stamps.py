# SPDX-License-Identifier: Apache-2.0
"""When the kernel got a packet: the receive stamps of one socket (socket(7), SO_TIMESTAMPNS), as ages.

The kernel stamps by the wall clock. A stamp is believed as far as it can be true: a packet that waits came after the
socket was last found empty.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import TypeAlias

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")

STAMP_SPACE = socket.CMSG_SPACE(_TIMESPEC.size)
"""What recvmsg needs for a stamp."""

Ancillary: TypeAlias = list[tuple[int, int, bytes]]


class Stamps:
    """Of one socket."""

    def __init__(self) -> None:
        """The socket is empty now."""
        self._emptied = _now()

    def ask(self, sock: socket.socket) -> None:
        """Have the kernel stamp what comes. Raises OSError."""
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)

    def emptied(self) -> None:
        """The socket was found empty just now."""
        self._emptied = _now()

    def age(self, ancillary: Ancillary) -> float:
        """Seconds since the stamp of a packet; suspended time counts. Without a stamp: 0."""
        longest = _now() - self._emptied
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack_from(data)
                age = (time.time_ns() - seconds * 1_000_000_000 - nanoseconds) / 1e9
                return min(max(float(age), 0.0), longest)
        return 0.0


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
