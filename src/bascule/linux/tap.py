# SPDX-License-Identifier: Apache-2.0
"""Counting what really leaves by an interface (packet(7)): a socket beside the one that sends, behind all filters.

The kernel counts, nothing is read: the filter passes outgoing packets of one IP protocol (or behind an authentication
header), and PACKET_STATISTICS says how many there were since the last look.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct

from bascule.linux.netlink import NetlinkError
from bascule.linux.rawsocket import VRRP

_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_ATTACH_FILTER = 26
_AUTHENTICATION_HEADER = 51
_PACKET_OUTGOING = 4
_ANCILLARY = 0xFFFFF000
_PROTOCOL, _PACKET_TYPE = _ANCILLARY, _ANCILLARY + 4
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _EQUAL, _GO, _RETURN = 0x20, 0x28, 0x30, 0x15, 0x05, 0x06
_IPV4, _IPV6 = 0x0800, 0x86DD
_IPV4_PROTOCOL_AT, _IPV6_NEXT_HEADER_AT = 9, 6
_INSTRUCTION = struct.Struct("=HBBI")
_STATISTICS = struct.Struct("=II")

_PROGRAM = (
    (_LOAD_WORD, 0, 0, _PACKET_TYPE),
    (_EQUAL, 0, 9, _PACKET_OUTGOING),
    (_LOAD_HALF, 0, 0, _PROTOCOL),
    (_EQUAL, 1, 0, _IPV4),
    (_EQUAL, 2, 6, _IPV6),
    (_LOAD_BYTE, 0, 0, _IPV4_PROTOCOL_AT),
    (_GO, 0, 0, 1),
    (_LOAD_BYTE, 0, 0, _IPV6_NEXT_HEADER_AT),
    (_EQUAL, 1, 0, VRRP),
    (_EQUAL, 0, 1, _AUTHENTICATION_HEADER),
    (_RETURN, 0, 0, 1),
    (_RETURN, 0, 0, 0),
)
"""Classic BPF: code, where to go if so, if not, operand."""


class Tap:
    """Counts the VRRP packets that leave by one interface."""

    def __init__(self, interface: str) -> None:
        """Begin to count. Raises NetlinkError (a KernelRefusedError)."""
        self._interface = interface
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, "open a packet socket") from error
        try:
            self._socket.setblocking(False)
            self._attach()
            self.index = socket.if_nametoindex(interface)
            self._socket.bind((interface, _ETH_P_ALL))
            self.count()
        except OSError as error:
            self._socket.close()
            raise NetlinkError(error.errno or errno.EIO, f"watch what leaves by {interface}") from error

    def _attach(self) -> None:
        program = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*line) for line in _PROGRAM))
        header = struct.pack("HP", len(_PROGRAM), ctypes.addressof(program))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)
        # Nobody reads: what does not fit is counted all the same.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)

    def count(self) -> int:
        """Packets since the last look. Raises NetlinkError."""
        try:
            data = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, f"count what leaves by {self._interface}") from error
        packets, _ = _STATISTICS.unpack(data)
        return int(packets)

    def stale(self) -> bool:
        """Whether there is another interface of this name now, or none."""
        try:
            return socket.if_nametoindex(self._interface) != self.index
        except OSError:
            return True

    def close(self) -> None:
        """Count no more."""
        self._socket.close()
