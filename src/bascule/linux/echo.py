# SPDX-License-Identifier: Apache-2.0
"""Asking a host whether it is there: ICMP echo (RFC 792, RFC 4443 4) over a raw socket, by whatever route leads there.

A reply is believed by its payload, which nobody can guess who did not see the request. The kernel passes nothing but
replies to this socket's own identifier (raw(7), a classic BPF filter), so that other traffic does not wake who waits.
"""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator

from bascule.linux.netlink import NetlinkError
from bascule.linux.rawsocket import CLASS_OF_SERVICE, take_apart
from bascule.model.base import IPAddress

_REQUEST, _REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
_HEADER = struct.Struct("!BBHHH")
_IDENTIFIER_AT = 4
_TC_PRIO_CONTROL = 7
_SO_ATTACH_FILTER = 26
_INSTRUCTION = struct.Struct("=HBBI")
_SKIP_HEADER, _BYTE, _HALF, _BYTE_AT, _HALF_AT = 0xB1, 0x50, 0x48, 0x30, 0x28
_EQUAL, _RETURN = 0x15, 0x06
_WHOLE = 0xFFFF
_DATAGRAM = 2048
SEQUENCE_MAX = 0xFFFF


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Echo:
    """A request's or a reply's content."""

    identifier: int
    sequence: int
    payload: bytes


def request(family: int, echo: Echo) -> bytes:
    """The message that asks, over IP version `family`; over IPv6 the kernel fills the checksum in."""
    message = _HEADER.pack(_REQUEST[family], 0, 0, echo.identifier, echo.sequence) + echo.payload
    if family == 6:
        return message
    return message[:2] + _checksum(message).to_bytes(2, "big") + message[4:]


def reply(family: int, message: bytes) -> Echo | None:
    """What a message answers; None when it is no whole echo reply. Over IPv6 the kernel has looked at the checksum."""
    if len(message) < _HEADER.size:
        return None
    kind, code, _, identifier, sequence = _HEADER.unpack_from(message)
    if (kind, code) != (_REPLY[family], 0) or (family == 4 and _checksum(message) != 0):
        return None
    return Echo(identifier=identifier, sequence=sequence, payload=message[_HEADER.size :])


def _checksum(message: bytes) -> int:
    """RFC 1071."""
    padded = message + bytes(len(message) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _program(family: int, identifier: int) -> tuple[tuple[int, int, int, int], ...]:
    """Classic BPF: code, where to go if so, if not, operand. IPv4 packets come with their header."""
    byte, half = (_BYTE, _HALF) if family == 4 else (_BYTE_AT, _HALF_AT)
    return (
        *(((_SKIP_HEADER, 0, 0, 0),) if family == 4 else ()),
        (byte, 0, 0, 0),
        (_EQUAL, 0, 3, _REPLY[family]),
        (half, 0, 0, _IDENTIFIER_AT),
        (_EQUAL, 0, 1, identifier),
        (_RETURN, 0, 0, _WHOLE),
        (_RETURN, 0, 0, 0),
    )


class EchoSocket:
    """Asks over one IP version. Never blocks."""

    def __init__(self, family: int) -> None:
        """Open it. Raises NetlinkError (a KernelRefusedError)."""
        self._family = family
        self.identifier = int.from_bytes(os.urandom(2), "big")
        kind, protocol = (
            (socket.AF_INET, socket.IPPROTO_ICMP) if family == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
        )
        try:
            self._socket = socket.socket(kind, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, f"open a raw socket for ICMP over IPv{family}") from error
        try:
            self._set_up()
        except OSError as error:
            self._socket.close()
            raise NetlinkError(error.errno or errno.EIO, f"use a raw socket for ICMP over IPv{family}") from error

    def _set_up(self) -> None:
        sock = self._socket
        sock.setblocking(False)
        program = b"".join(_INSTRUCTION.pack(*line) for line in _program(self._family, self.identifier))
        buffer = ctypes.create_string_buffer(program)
        header = struct.pack("HP", len(program) // _INSTRUCTION.size, ctypes.addressof(buffer))
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)
        if self._family == 4:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, CLASS_OF_SERVICE)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, CLASS_OF_SERVICE)
        # After IP_TOS, which sets a priority of its own.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _TC_PRIO_CONTROL)

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def ask(self, address: IPAddress, sequence: int, payload: bytes) -> None:
        """Send a request. Raises NetlinkError, as when no route leads there."""
        echo = Echo(identifier=self.identifier, sequence=sequence & SEQUENCE_MAX, payload=payload)
        try:
            self._socket.sendto(request(self._family, echo), (str(address), 0))
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, f"ask {address}") from error

    def receive(self) -> Iterator[tuple[IPAddress, Echo]]:
        """Every reply to this socket that waits, with who sent it. Raises NetlinkError."""
        while True:
            try:
                data, sender = self._socket.recvfrom(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                raise NetlinkError(error.errno or errno.EIO, "receive ICMP") from error
            message: bytes | None = data
            if self._family == 4:
                packet = take_apart(data)
                message = None if packet is None else packet.payload
            echo = None if message is None else reply(self._family, message)
            if echo is not None and echo.identifier == self.identifier:
                yield ipaddress.ip_address(str(sender[0]).partition("%")[0]), echo
