# SPDX-License-Identifier: Apache-2.0
"""The VRRP advertisement on the wire: version 2 (RFC 3768 5; authentication: RFC 2338 5.3.6, which keepalived kept)
and version 3 (RFC 9568 5, RFC 5798 5) over IPv4 and IPv6.

Version 2 over IPv6 is in no RFC; keepalived 2.2.7 sends it (`version 2` above all IPv6 addresses of an instance): IPv6
addresses, a checksum with the pseudo-header, which its kernel makes and verifies, and no authentication data, not even
with PASS.

Bytes in, frozen values out, and back. Not here: sockets, and what an advertisement means (machine.py).
Everything that is wrong with a packet has a name in `Refusal`; hostile bytes raise nothing but `RefusedPacketError`.

`decode` checks what the packet alone tells (RFC 3768 7.1, RFC 9568 7.1: version, type, length, checksum); what only an
instance knows is checked in acceptance.py.

The two RFCs of version 3 differ in what an IPv4 checksum covers, and old keepaliveds have a third way between unicast
peers (`ChecksumForm`). Each is received, and the advert says which it was; the sender chooses.
"""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bascule.errors import PeerMisbehavedError
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import AuthType, ChecksumForm

if TYPE_CHECKING:
    from bascule.vrrp.ah import Header
    from bascule.vrrp.trailer import Trailer

PROTOCOL = 112
"""VRRP's number in the IP header."""

GROUP_IPV4 = ipaddress.IPv4Address("224.0.0.18")
GROUP_IPV6 = ipaddress.IPv6Address("ff02::12")
TTL = 255
"""Sent and required: a router lowers it, so a packet from outside the segment is known (RFC 3768 5.2.3)."""

ADVERTISEMENT = 1
PRIORITY_STOP = Priority(0)
PRIORITY_OWNER = Priority(255)
AUTH_LENGTH = 8
ADDRESSES_MAX = 255

INTERVAL_MAX = 4095
"""Centiseconds, in version 3: 12 bits."""

CHECKSUM = slice(6, 8)
"""Where it is in the header."""

_HEADER = struct.Struct("!BBBBBBH")
_HEADER_V3 = struct.Struct("!BBBBHH")
_PSEUDO_IPV4 = struct.Struct("!4s4sBBH")
_PSEUDO_IPV6 = struct.Struct("!16s16sII")
_RESERVED_V3 = 0xF000
_CENTISECONDS = 100
_VERSIONS = (2, 3)
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
    DESTINATION = "destination"
    """By multicast, where adverts are expected by unicast."""
    STALE = "stale"
    """Authentic, but made too long ago by our clock, or too far ahead of it."""
    REPLAY = "replay"
    """Authentic, but not new: recorded and sent again."""
    SENDER = "sender"
    """By unicast from a host that is no peer."""


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
    """Whole seconds, 1 to 255, in version 2; hundredths of a second, 1 to 4095 of them, in version 3."""
    addresses: tuple[IPAddress, ...]
    auth_type: AuthType = AuthType.NONE
    auth_data: bytes = bytes(AUTH_LENGTH)
    """Always 8 bytes; zeros without authentication. Sent in version 2 over IPv4 alone."""
    version: int = 2
    checksum_form: ChecksumForm = ChecksumForm.MESSAGE
    """Always this in version 2 over IPv4, and with the pseudo-header over IPv6."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Datagram:
    """A packet as it came: the VRRP message and what the IP header said."""

    payload: bytes
    source: IPAddress
    destination: IPAddress = GROUP_IPV4
    ttl: int = TTL
    header: bytes = b""
    """The IP header, where an authentication header may follow it."""
    ah: Header | None = None
    """The authentication header that stood before the message."""
    trailer: Trailer | None = None
    """What stood behind it, for `auth_hmac`."""


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


def group_of(family: int) -> IPAddress:
    """The multicast group of an IP version."""
    return GROUP_IPV4 if family == 4 else GROUP_IPV6


def encode(
    advert: Advert,
    source: IPAddress | None = None,
    destination: IPAddress | None = None,
    group: IPAddress | None = None,
) -> bytes:
    """The message of `advert`, checksum in place. The values fit their fields: the configuration loader saw to it.

    A checksum with the pseudo-header needs to know where the packet comes from; it goes to the group unless said
    otherwise. `group`: the one of this network, None = the protocol's. Raises ValueError when the source is missing.
    """
    number = _AUTH_NUMBERS[advert.auth_type]
    start = (advert.version << 4 | ADVERTISEMENT, advert.vrid, advert.priority, len(advert.addresses))
    addresses = b"".join(address.packed for address in advert.addresses)
    if advert.version == 2:
        after = advert.auth_data if source is None or source.version == 4 else b""
        message = _HEADER.pack(*start, number, int(advert.interval), 0) + addresses + after
    else:
        message = _HEADER_V3.pack(*start, round(advert.interval * _CENTISECONDS), 0) + addresses
    covered = message
    if advert.checksum_form is not ChecksumForm.MESSAGE:
        if source is None:
            raise ValueError("a checksum with the pseudo-header needs the source")
        old = advert.checksum_form is ChecksumForm.OLD_UNICAST
        wanted = group if old else destination or group
        covered = pseudo_header(source, wanted or group_of(source.version), len(message)) + message
    return _summed(message, checksum(covered))


def with_more(message: bytes, more: bytes) -> bytes:
    """The message and what follows it, the checksum with the pseudo-header made to cover both (RFC 1624 3).

    Both are of an even number of bytes.
    """
    old = int.from_bytes(message[CHECKSUM], "big")
    added = len(more).to_bytes(2, "big") + more
    return _summed(message, checksum((~old & 0xFFFF).to_bytes(2, "big") + added)) + more


def _summed(message: bytes, value: int) -> bytes:
    return message[: CHECKSUM.start] + value.to_bytes(2, "big") + message[CHECKSUM.stop :]


def pseudo_header(source: IPAddress, destination: IPAddress, length: int) -> bytes:
    """What a checksum covers besides the message of `length` bytes (RFC 9568 5.2.8, RFC 8200 8.1)."""
    if source.version == 4:
        return _PSEUDO_IPV4.pack(source.packed, destination.packed, 0, PROTOCOL, length)
    return _PSEUDO_IPV6.pack(source.packed, destination.packed, length, PROTOCOL)


def decode(datagram: Datagram, groups: Iterable[IPAddress] = (GROUP_IPV4,)) -> Advert:
    """The advertisement in `datagram`. Raises RefusedPacketError and nothing else, whatever the bytes.

    `groups`: those that an old unicast checksum may have been made with.
    """
    data = datagram.payload
    if len(data) < _HEADER.size:
        raise RefusedPacketError(Refusal.TRUNCATED, f"{len(data)} bytes, a header has {_HEADER.size}")
    version, kind = data[0] >> 4, data[0] & 0xF
    if version not in _VERSIONS:
        wanted = " or ".join(map(str, _VERSIONS))
        raise RefusedPacketError(Refusal.VERSION, f"version {version}, expected {wanted}")
    if kind != ADVERTISEMENT:
        raise RefusedPacketError(Refusal.TYPE, f"type {kind}, expected {ADVERTISEMENT}")
    return _decode_v2(datagram) if version == 2 else _decode_v3(datagram, groups)


def advert_size(datagram: Datagram) -> int | None:
    """How long the advert at the start of a datagram says it is; None when that is not to be seen."""
    data = datagram.payload
    if len(data) < _HEADER.size or data[0] >> 4 not in _VERSIONS:
        return None
    after = AUTH_LENGTH if data[0] >> 4 == 2 and datagram.source.version == 4 else 0
    return _HEADER.size + data[3] * len(datagram.source.packed) + after


def _decode_v2(datagram: Datagram) -> Advert:
    data = datagram.payload
    _, vrid, priority, count, auth_number, interval, _ = _HEADER.unpack_from(data)
    six, size = datagram.source.version == 6, len(datagram.source.packed)
    _check_length(len(data), count, size, 0 if six else AUTH_LENGTH)
    sent = _sent(datagram)
    covered = pseudo_header(datagram.source, datagram.destination, len(sent)) + sent if six else sent
    if checksum(covered) != 0:
        raise RefusedPacketError(Refusal.CHECKSUM, "the checksum does not fit the message")
    return Advert(
        vrid=_vrid(vrid),
        priority=Priority(priority),
        interval=Seconds(float(_interval(interval))),
        addresses=_addresses(data, count, size),
        auth_type=_auth_type(auth_number),
        auth_data=bytes(AUTH_LENGTH) if six else data[-AUTH_LENGTH:],
        checksum_form=ChecksumForm.PSEUDO_HEADER if six else ChecksumForm.MESSAGE,
    )


def _decode_v3(datagram: Datagram, groups: Iterable[IPAddress]) -> Advert:
    """The four reserved bits are not looked at, as RFC 9568 5.2.6 has it."""
    data = datagram.payload
    _, vrid, priority, count, interval, _ = _HEADER_V3.unpack_from(data)
    size = len(datagram.source.packed)
    _check_length(len(data), count, size, 0)
    return Advert(
        vrid=_vrid(vrid),
        priority=Priority(priority),
        interval=Seconds(_interval(interval & ~_RESERVED_V3) / _CENTISECONDS),
        addresses=_addresses(data, count, size),
        version=3,
        checksum_form=_checksum_form(datagram, groups),
    )


def _checksum_form(datagram: Datagram, groups: Iterable[IPAddress]) -> ChecksumForm:
    """Which of the forms the checksum of a message of version 3 has."""
    data, source = _sent(datagram), datagram.source
    if checksum(pseudo_header(source, datagram.destination, len(data)) + data) == 0:
        return ChecksumForm.PSEUDO_HEADER
    if source.version == 4 and checksum(data) == 0:
        return ChecksumForm.MESSAGE
    if source.version == 4 and not datagram.destination.is_multicast:
        possible = (pseudo_header(source, group, len(data)) for group in groups if group.version == 4)
        if any(checksum(header + data) == 0 for header in possible):
            return ChecksumForm.OLD_UNICAST
    raise RefusedPacketError(
        Refusal.CHECKSUM, "the checksum does not fit the message, with the pseudo-header or without"
    )


def _sent(datagram: Datagram) -> bytes:
    """What a checksum is of: over IPv6 kernels make it, of all that is sent, also of a trailer."""
    if datagram.trailer is None or datagram.source.version == 4:
        return datagram.payload
    return datagram.payload + datagram.trailer.packed


def _check_length(length: int, count: int, address: int, after: int) -> None:
    """`address` bytes each, and `after` them so many more."""
    wanted = _HEADER.size + count * address + after
    if length < wanted:
        raise RefusedPacketError(Refusal.TRUNCATED, f"{length} bytes, {count} addresses need {wanted}")
    if length > wanted:
        raise RefusedPacketError(Refusal.TRAILING, f"{length} bytes, {count} addresses need {wanted}")


def _vrid(number: int) -> Vrid:
    if number == 0:
        raise RefusedPacketError(Refusal.VRID, "VRID 0 does not exist")
    return Vrid(number)


def _interval(number: int) -> int:
    if number == 0:
        raise RefusedPacketError(Refusal.INTERVAL, "an advert interval of 0")
    return number


def _auth_type(number: int) -> AuthType:
    if number not in _AUTH_TYPES:
        raise RefusedPacketError(Refusal.AUTH_TYPE, f"authentication type {number} does not exist")
    return _AUTH_TYPES[number]


def _addresses(data: bytes, count: int, size: int) -> tuple[IPAddress, ...]:
    if count == 0:
        raise RefusedPacketError(Refusal.ADDRESS_COUNT, "no address")
    starts = range(_HEADER.size, _HEADER.size + count * size, size)
    return tuple(ipaddress.ip_address(data[start : start + size]) for start in starts)
