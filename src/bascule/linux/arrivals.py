# SPDX-License-Identifier: Apache-2.0
"""A datagram as sockets that keep no IP header give it: what the kernel tells beside the payload (ip(7), ipv6(7))."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
import struct

from bascule.linux.stamps import Ancillary
from bascule.model.base import IPAddress

IP_PKTINFO = 8
"""Python's socket module has no name for it."""

_TTL = struct.Struct("=i")
_PACKET_INFO = struct.Struct("=i4s4s")
_IPV6_PACKET_INFO = struct.Struct("=16si")

SPACE = socket.CMSG_SPACE(_IPV6_PACKET_INFO.size) + socket.CMSG_SPACE(_TTL.size)
"""What recvmsg needs for the packet information and the TTL, of either IP version."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Received:
    """A packet without its IP header, and what that said."""

    payload: bytes
    source: IPAddress
    destination: IPAddress
    ttl: int
    """The hop limit, over IPv6."""
    age: float
    """Seconds since the kernel got it."""
    header: bytes = b""
    """The IP header, of IPv4."""


def arrived(family: int, payload: bytes, ancillary: Ancillary, sender: str, age: float) -> Received | None:
    """What came over IP version `family` from `sender`, an address with or without its scope.

    None when the kernel did not tell where it was sent to, and with which TTL.
    """
    level = socket.IPPROTO_IP if family == 4 else socket.IPPROTO_IPV6
    said = {kind: value for where, kind, value in ancillary if where == level}
    where = said.get(IP_PKTINFO if family == 4 else socket.IPV6_PKTINFO, b"")
    hops = said.get(socket.IP_TTL if family == 4 else socket.IPV6_HOPLIMIT, b"")
    if len(where) < (_PACKET_INFO.size if family == 4 else _IPV6_PACKET_INFO.size) or len(hops) < _TTL.size:
        return None
    packed = _PACKET_INFO.unpack_from(where)[2] if family == 4 else _IPV6_PACKET_INFO.unpack_from(where)[0]
    return Received(
        payload=payload,
        source=ipaddress.ip_address(sender.partition("%")[0]),
        destination=ipaddress.ip_address(packed),
        ttl=_TTL.unpack_from(hops)[0],
        age=age,
    )
