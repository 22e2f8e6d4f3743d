# SPDX-License-Identifier: Apache-2.0
"""The VRRP advertisement on the wire: version 2 (RFC 3768 5; authentication: RFC 2338 5.3.6, which keepalived kept).

Bytes in, frozen values out, and back. Not here: sockets, and what an advertisement means (machine.py).
Everything that is wrong with a packet has a name in `Refusal`; hostile bytes raise nothing but `RefusedPacketError`.

What a receiver checks, and where: `decode` what the bytes alone tell (RFC 3768 7.1: version, type, length, checksum);
`verify` what only an instance knows (TTL, VRID, authentication, interval, addresses).
"""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
import struct

from bascule.errors import PeerMisbehavedError
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import AuthType

PROTOCOL = 112
"""VRRP's number in the IP header."""

GROUP_IPV4 = ipaddress.IPv4Address("224.0.0.18")
TTL = 255
"""Sent and required: a router lowers it, so a packet from outside the segment is known (RFC 3768 5.2.3)."""

ADVERTISEMENT = 1
PRIORITY_STOP = Priority(0)
PRIORITY_OWNER = Priority(255)
AUTH_LENGTH = 8
ADDRESSES_MAX = 255

_HEADER = struct.Struct("!BBBBBBH")
_ADDRESS = 4
_AUTH_NUMBERS = {AuthType.NONE: 0, AuthType.PASS: 1, AuthType.AH: 2}
_AUTH_TYPES = {number: kind for kind, number in _AUTH_NUMBERS.items()}


class Refusal(enum.Enum):
    """Why a packet was dropped; the value is its name in counters, logs and `status`."""

    TRUNCATED = "truncated"
    TRAILING = "trailing_bytes"
    CHECKSUM = "checksum"
    VERSION = "version"
    TYPE = "type"
    TTL = "ttl"
    VRID = "vrid"
    AUTH_TYPE = "auth_type"
    AUTH_DATA = "auth_data"
    INTERVAL = "interval"
    ADDRESS_COUNT = "address_count"
    ADDRESS_LIST = "address_list"
    OWN_PACKET = "own_packet"
    """From one of this host's own addresses: a loop, or somebody who took our address."""


class RefusedPacketError(PeerMisbehavedError):
    """A packet that is counted and dropped."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        """Say why, with what was found and what was expected."""
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Advert:
    """One advertisement."""

    vrid: Vrid
    priority: Priority
    interval: Seconds
    """Whole seconds, 1 to 255, in version 2."""
    addresses: tuple[IPAddress, ...]
    auth_type: AuthType = AuthType.NONE
    auth_data: bytes = bytes(AUTH_LENGTH)
    """Always 8 bytes in version 2; zeros without authentication."""
    version: int = 2


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Datagram:
    """A packet as it came: the VRRP message and what the IP header said."""

    payload: bytes
    source: IPAddress
    destination: IPAddress = GROUP_IPV4
    ttl: int = TTL


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Expected:
    """What an instance demands of the adverts that it listens to."""

    vrid: Vrid
    interval: Seconds
    addresses: frozenset[IPAddress]
    auth_type: AuthType = AuthType.NONE
    auth_data: bytes = bytes(AUTH_LENGTH)
    version: int = 2


def checksum(data: bytes) -> int:
    """The Internet checksum of `data` (RFC 1071); 0 over a message that carries its own right one."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def padded_password(password: bytes) -> bytes:
    """The 8 bytes of authentication data for `auth_pass`: cut to 8, filled with zeros."""
    return password[:AUTH_LENGTH].ljust(AUTH_LENGTH, b"\0")


def encode(advert: Advert) -> bytes:
    """The message of `advert`, checksum in place. The values fit their fields: the configuration loader saw to it."""
    head = _HEADER.pack(
        advert.version << 4 | ADVERTISEMENT,
        advert.vrid,
        advert.priority,
        len(advert.addresses),
        _AUTH_NUMBERS[advert.auth_type],
        int(advert.interval),
        0,
    )
    message = head + b"".join(address.packed for address in advert.addresses) + advert.auth_data
    return message[:6] + checksum(message).to_bytes(2, "big") + message[8:]


def decode(datagram: Datagram) -> Advert:
    """The advertisement in `datagram`. Raises RefusedPacketError and nothing else, whatever the bytes."""
    data = datagram.payload
    if len(data) < _HEADER.size:
        raise RefusedPacketError(Refusal.TRUNCATED, f"{len(data)} bytes, a header has {_HEADER.size}")
    first, vrid, priority, count, auth_number, interval, _ = _HEADER.unpack_from(data)
    if first >> 4 != 2:
        raise RefusedPacketError(Refusal.VERSION, f"version {first >> 4}, expected 2")
    if first & 0xF != ADVERTISEMENT:
        raise RefusedPacketError(Refusal.TYPE, f"type {first & 0xF}, expected {ADVERTISEMENT}")
    _check_length(len(data), count)
    if checksum(data) != 0:
        raise RefusedPacketError(Refusal.CHECKSUM, "the checksum does not fit the message")
    return Advert(
        vrid=_vrid(vrid),
        priority=Priority(priority),
        interval=_interval(interval),
        addresses=_addresses(data, count),
        auth_type=_auth_type(auth_number),
        auth_data=data[-AUTH_LENGTH:],
    )


def _check_length(length: int, count: int) -> None:
    wanted = _HEADER.size + count * _ADDRESS + AUTH_LENGTH
    if length < wanted:
        raise RefusedPacketError(Refusal.TRUNCATED, f"{length} bytes, {count} addresses need {wanted}")
    if length > wanted:
        raise RefusedPacketError(Refusal.TRAILING, f"{length} bytes, {count} addresses need {wanted}")


def _vrid(number: int) -> Vrid:
    if number == 0:
        raise RefusedPacketError(Refusal.VRID, "VRID 0 does not exist")
    return Vrid(number)


def _interval(number: int) -> Seconds:
    if number == 0:
        raise RefusedPacketError(Refusal.INTERVAL, "an advert interval of 0")
    return Seconds(float(number))


def _auth_type(number: int) -> AuthType:
    if number not in _AUTH_TYPES:
        raise RefusedPacketError(Refusal.AUTH_TYPE, f"authentication type {number} does not exist")
    return _AUTH_TYPES[number]


def _addresses(data: bytes, count: int) -> tuple[IPAddress, ...]:
    if count == 0:
        raise RefusedPacketError(Refusal.ADDRESS_COUNT, "no address")
    starts = range(_HEADER.size, _HEADER.size + count * _ADDRESS, _ADDRESS)
    return tuple(ipaddress.IPv4Address(data[start : start + _ADDRESS]) for start in starts)


def verify(advert: Advert, datagram: Datagram, expected: Expected, own: frozenset[IPAddress]) -> None:
    """Check an advertisement against the instance that it is for; `own` are this host's addresses.

    Raises RefusedPacketError. A list of addresses that differs is dropped unless the owner (priority 255) sent it:
    RFC 3768 7.1 demands that of version 2, and keepalived does the same.
    """
    if datagram.ttl != TTL:
        raise RefusedPacketError(Refusal.TTL, f"TTL {datagram.ttl}, expected {TTL}: it came through a router")
    if datagram.source in own:
        raise RefusedPacketError(Refusal.OWN_PACKET, f"{datagram.source} is an address of this host")
    if advert.version != expected.version:
        raise RefusedPacketError(Refusal.VERSION, f"version {advert.version}, expected {expected.version}")
    if advert.vrid != expected.vrid:
        raise RefusedPacketError(Refusal.VRID, f"VRID {advert.vrid}, expected {expected.vrid}")
    _verify_authentication(advert, expected)
    if advert.interval != expected.interval:
        raise RefusedPacketError(
            Refusal.INTERVAL, f"an advert interval of {advert.interval:g} s, expected {expected.interval:g} s"
        )
    if advert.priority != PRIORITY_OWNER:
        _verify_addresses(advert, expected)


def _verify_authentication(advert: Advert, expected: Expected) -> None:
    """The data is never put into the message: it is the password."""
    if advert.auth_type is not expected.auth_type:
        raise RefusedPacketError(
            Refusal.AUTH_TYPE, f"authentication {advert.auth_type.value}, expected {expected.auth_type.value}"
        )
    if advert.auth_type is AuthType.PASS and advert.auth_data != expected.auth_data:
        raise RefusedPacketError(Refusal.AUTH_DATA, "another password")


def _verify_addresses(advert: Advert, expected: Expected) -> None:
    if len(advert.addresses) != len(expected.addresses):
        raise RefusedPacketError(
            Refusal.ADDRESS_COUNT, f"{len(advert.addresses)} addresses, expected {len(expected.addresses)}"
        )
    strange = set(advert.addresses) - expected.addresses
    if strange:
        listed = ", ".join(sorted(str(address) for address in strange))
        raise RefusedPacketError(Refusal.ADDRESS_LIST, f"addresses that are not configured here: {listed}")
