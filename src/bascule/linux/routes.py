# SPDX-License-Identifier: Apache-2.0
"""How the kernel would reach an address: on-link, through whom, by which interface (rtnetlink(7), RTM_GETROUTE)."""

from __future__ import annotations

import dataclasses
import errno
import ipaddress
import socket
import struct

from bascule.linux.netlink import Netlink, NetlinkError, attribute, attributes
from bascule.model.base import IPAddress

NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26
_DESTINATION, _OUT_INTERFACE, _GATEWAY = 1, 4, 5
_VIA = 18
_INFO = struct.Struct("=BBBBBBBBI")
_UNICAST, _LOCAL = 1, 2
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL, errno.EACCES)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Route:
    """The way to one address."""

    index: int
    """Of the interface by which packets leave."""
    gateway: IPAddress | None = None
    """None = the address is on-link."""
    local: bool = False
    """It is an address of this machine."""


def reach(netlink: Netlink, address: IPAddress) -> Route | None:
    """The way to `address` now; None when there is none. Raises NetlinkError or NetlinkTimeoutError."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    body = _INFO.pack(family, address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0) + attribute(_DESTINATION, address.packed)
    try:
        answers = netlink.get(GET_ROUTE, body, f"look for the way to {address}")
    except NetlinkError as error:
        if error.errno in _UNREACHABLE:
            return None
        raise
    for message in answers:
        if message.kind == NEW_ROUTE and len(message.body) >= _INFO.size:
            return _parse(message.body)
    return None


def _parse(body: bytes) -> Route | None:
    kind = _INFO.unpack_from(body)[7]
    found = attributes(body[_INFO.size :])
    if kind not in (_UNICAST, _LOCAL) or len(found.get(_OUT_INTERFACE, b"")) != 4:
        return None
    return Route(index=struct.unpack("=I", found[_OUT_INTERFACE])[0], gateway=_gateway(found), local=kind == _LOCAL)


def _gateway(found: dict[int, bytes]) -> IPAddress | None:
    """The next hop; RTA_VIA carries one of the other family behind two bytes that name it."""
    if _GATEWAY in found:
        return ipaddress.ip_address(found[_GATEWAY])
    return ipaddress.ip_address(found[_VIA][2:]) if _VIA in found else None
