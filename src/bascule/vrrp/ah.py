# SPDX-License-Identifier: Apache-2.0
"""The IP authentication header around adverts of version 2 (`auth_type AH`; RFC 2402, HMAC-MD5-96: RFC 2403).

As keepalived 2.2.7 sends and expects it: the SPI is the sender's address, the sequence number is shared by the routers
of an instance (each goes on where the last that it heard stopped), and by multicast the TTL is covered although
RFC 2402 3.3.3 counts it among what changes on the way. Either way is heard.

Bytes only, IPv4 only: the virtual router's secret is one password of at most 8 bytes, which is no protection against
who can guess. What it keeps out is strangers and mistakes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import struct

from bascule.model.base import IPAddress
from bascule.vrrp.packet import PROTOCOL, Datagram, Refusal, RefusedPacketError

AH = 51
"""The authentication header's number in the IP header."""

SEQUENCE_MAX = 0xFFFFFFFF
SENDERS_MAX = 64
"""Senders whose sequence numbers are remembered; more than one at a time is rare."""

_IP = struct.Struct("!BBHHHBBH4s4s")
_AH = struct.Struct("!BBHII12s")
_ICV_SIZE = 12
_WORDS = _AH.size // 4 - 2
_CLASS_OF_SERVICE = 0xC0
_TTL_AT = 8


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Header:
    """An authentication header as it came."""

    spi: int
    sequence: int
    icv: bytes
    covered: bytes
    """What the ICV is of, but for the TTL, which stands here as it came."""


def wrap(message: bytes, source: IPAddress, destination: IPAddress, ttl: int, sequence: int, password: bytes) -> bytes:
    """An IPv4 packet with `message` in it, whole; the kernel fills in the checksum of its header."""
    number = sequence & 0xFFFF or 1
    total = _IP.size + _AH.size + len(message)
    header = (0x45, 0, total, number, 0, ttl if destination.is_multicast else 0, AH, 0)
    spi = int.from_bytes(source.packed, "big")
    fields = (PROTOCOL, _WORDS, 0, spi, sequence)
    addresses = (source.packed, destination.packed)
    covered = _IP.pack(*header, *addresses) + _AH.pack(*fields, bytes(_ICV_SIZE)) + message
    sent = _IP.pack(0x45, _CLASS_OF_SERVICE, total, number, 0, ttl, AH, 0, *addresses)
    return sent + _AH.pack(*fields, _icv(covered, password)) + message


def unwrap(datagram: Datagram) -> Datagram:
    """The VRRP message in a packet of protocol 51, with its authentication header. Raises RefusedPacketError."""
    data = datagram.payload
    if len(data) < _AH.size or len(datagram.header) < _IP.size:
        raise RefusedPacketError(Refusal.TRUNCATED, f"{len(data)} bytes, an authentication header has {_AH.size}")
    following, words, _, spi, sequence, icv = _AH.unpack_from(data)
    if (following, words) != (PROTOCOL, _WORDS):
        raise RefusedPacketError(Refusal.AUTH_DATA, f"an authentication header of {words} words before {following}")
    header = bytearray(datagram.header)
    header[1] = 0
    header[6:8] = header[10:12] = bytes(2)
    covered = bytes(header) + data[: _AH.size - _ICV_SIZE] + bytes(_ICV_SIZE) + data[_AH.size :]
    found = Header(spi=spi, sequence=sequence, icv=icv, covered=covered)
    return dataclasses.replace(datagram, payload=data[_AH.size :], ah=found)


def is_authentic(header: Header, password: bytes) -> bool:
    """Whether who made the packet knew the password, and nobody has changed it since."""
    without_ttl = header.covered[:_TTL_AT] + b"\0" + header.covered[_TTL_AT + 1 :]
    return any(hmac.compare_digest(header.icv, _icv(covered, password)) for covered in (header.covered, without_ttl))


def _icv(covered: bytes, password: bytes) -> bytes:
    return hmac.new(password, covered, hashlib.md5).digest()[:_ICV_SIZE]


class Sequences:
    """The sequence numbers of an instance: the next to send, and the last of each sender.

    A sender that starts anew goes on where others are, so a number that is not above its last is a packet that was
    recorded.
    """

    def __init__(self, start: int) -> None:
        """`start` must be above what this host sent before: the time in seconds is."""
        self.highest = start
        """Sent or heard."""
        self._heard: dict[IPAddress, int] = {}

    def next(self) -> int:
        """The number of the next packet. After the last there is none higher: it begins again."""
        self.highest = self.highest + 1 if self.highest < SEQUENCE_MAX else 1
        return self.highest

    def hear(self, source: IPAddress, sequence: int) -> None:
        """Take the number of an authentic packet. Raises RefusedPacketError when it has been used."""
        last = self._heard.pop(source, 0)
        if sequence <= last and not _begins_again(sequence, last):
            self._heard[source] = last
            raise RefusedPacketError(Refusal.REPLAY, f"sequence number {sequence}, the last was {last}")
        self._heard[source] = sequence
        if len(self._heard) > SENDERS_MAX:
            del self._heard[next(iter(self._heard))]
        self.highest = sequence if _begins_again(sequence, self.highest) else max(self.highest, sequence)


def _begins_again(sequence: int, last: int) -> bool:
    """The numbers are used up, and start anew."""
    margin = 1 << 16
    return last > SEQUENCE_MAX - margin and 0 < sequence < margin
