# SPDX-License-Identifier: Apache-2.0
"""Addresses on interfaces: put (with a lifetime), renew, take off, list. IPv4 and IPv6, rtnetlink(7).

A lifetime makes the kernel take the address off by itself when nobody renews it: seconds, as fine as the kernel is.
An IPv6 host address (/128) is put on as deprecated, as keepalived does it: it answers, but nothing is sent from it
unasked.
"""

from __future__ import annotations

import dataclasses
import errno
import ipaddress
import math
import socket
import struct
from collections.abc import Iterable
from typing import TypedDict, Unpack

from bascule.linux.netlink import CREATE, REPLACE, Netlink, NetlinkError, NetlinkMessage, Order, attribute, attributes
from bascule.model.base import IPAddress

NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
_ADDRESS, _LOCAL, _LABEL, _BROADCAST, _CACHE_INFO, _FLAGS = 1, 2, 3, 4, 6, 8
_INFO = struct.Struct("=BBBBI")
_LIFETIMES = struct.Struct("=IIII")
_FOR_EVER = 0xFFFFFFFF
FLAGS = {"nodad": 0x02, "home": 0x10, "mngtmpaddr": 0x100, "noprefixroute": 0x200, "autojoin": 0x400}
"""ip-address(8)'s words for what an address may have (IFA_F_...)."""

NO_DAD = FLAGS["nodad"]
"""Without it, duplicate address detection keeps an IPv6 address unusable for a second."""
_UNUSABLE = 0x08 | 0x40
"""Duplicate address detection found a duplicate, or is not through yet."""
_HOST_PREFIX = 128

SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
"""ip-address(8)'s words for scopes."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class InterfaceAddress:
    """An address on an interface."""

    index: int
    address: IPAddress
    prefix_length: int
    scope: int = 0
    lifetime: int | None = None
    """Seconds left; None = for ever."""
    usable: bool = True
    """False: the kernel does not send from it, because it may be another host's."""
    taken_by: int | None = None
    """Of one that was taken off: the netlink port of who asked for it (requesters.py); None = not known."""


class Options(TypedDict, total=False):
    """What an address may have besides its place."""

    lifetime: float | None
    """Seconds, rounded up, that start anew when it is put again; None = for ever."""
    label: str | None
    scope: int
    preferred: float | None
    """Seconds after which nothing is sent from it unasked; None = as keepalived has it."""
    peer: IPAddress | None
    """The other end of a point-to-point link."""
    broadcast: IPAddress | None
    flags: int | None
    """Of `FLAGS`; None = NO_DAD over IPv6."""


def add(netlink: Netlink, index: int, address: IPAddress, prefix_length: int, **options: Unpack[Options]) -> None:
    """Have an address on the interface. Raises NetlinkError or NetlinkTimeoutError."""
    order = put(index, address, prefix_length, **options)
    netlink.request(order.kind, order.flags, order.body, order.what)


def put(index: int, address: IPAddress, prefix_length: int, **options: Unpack[Options]) -> Order:
    """What `add` asks for, to be asked for with others."""
    lifetime, preferred = options.get("lifetime"), options.get("preferred")
    seconds = _FOR_EVER if lifetime is None else max(1, math.ceil(lifetime))
    if preferred is None:
        preferred = 0 if address.version == 6 and prefix_length == _HOST_PREFIX else _FOR_EVER
    body = _head(index, address, prefix_length, options.get("scope", 0), options.get("peer"))
    body += attribute(_CACHE_INFO, _LIFETIMES.pack(min(math.ceil(preferred), seconds), seconds, 0, 0))
    label, broadcast, flags = options.get("label"), options.get("broadcast"), options.get("flags")
    if label is not None:
        body += attribute(_LABEL, label.encode() + b"\0")
    if broadcast is not None:
        body += attribute(_BROADCAST, broadcast.packed)
    flags = (NO_DAD if address.version == 6 else 0) if flags is None else flags
    if flags:
        body += attribute(_FLAGS, struct.pack("=I", flags))
    return Order(NEW_ADDRESS, CREATE | REPLACE, body, f"put {address}/{prefix_length} on interface {index}")


def remove(netlink: Netlink, index: int, address: IPAddress, prefix_length: int, peer: IPAddress | None = None) -> bool:
    """Take an address off. False: it was not there. Raises NetlinkError or NetlinkTimeoutError."""
    body = _head(index, address, prefix_length, 0, peer)
    try:
        netlink.request(DELETE_ADDRESS, 0, body, f"take {address}/{prefix_length} off interface {index}")
    except NetlinkError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV):
            return False
        raise
    return True


def remove_named(
    netlink: Netlink, interface: str, address: IPAddress, prefix_length: int, peer: IPAddress | None = None
) -> bool:
    """Take an address off an interface given by name. False: not there, or no such interface. Raises as `remove`."""
    try:
        index = socket.if_nametoindex(interface)
    except OSError:
        return False
    return remove(netlink, index, address, prefix_length, peer)


def dump(netlink: Netlink) -> list[InterfaceAddress]:
    """Every address of the network namespace. Raises NetlinkError or NetlinkTimeoutError."""
    answers = netlink.dump(GET_ADDRESS, _INFO.pack(0, 0, 0, 0, 0), "list the addresses")
    return [found for found in map(parse, answers) if found is not None]


def parse(message: NetlinkMessage) -> InterfaceAddress | None:
    """The address that a message speaks of; None for other messages and families."""
    if message.kind not in (NEW_ADDRESS, DELETE_ADDRESS) or len(message.body) < _INFO.size:
        return None
    family, prefix_length, flags, scope, index = _INFO.unpack_from(message.body)
    found = attributes(message.body[_INFO.size :])
    packed = found.get(_LOCAL, found.get(_ADDRESS, b""))
    if (family, len(packed)) not in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        return None
    return InterfaceAddress(
        index=index,
        address=ipaddress.ip_address(packed),
        prefix_length=prefix_length,
        scope=scope,
        lifetime=_lifetime(found.get(_CACHE_INFO, b"")),
        usable=not flags & _UNUSABLE,
        taken_by=message.port if message.kind == DELETE_ADDRESS else None,
    )


def primary(
    found: Iterable[InterfaceAddress],
    index: int,
    without: frozenset[IPAddress],
    family: int = 4,
    link_local: bool = True,
) -> IPAddress | None:
    """The interface's first usable address of an IP version that is none of `without`: whom its adverts come from.

    Over IPv6 the first link-local address, or with `link_local` False the first of the others.
    """
    for entry in found:
        address = entry.address
        if entry.index != index or address.version != family or address in without or not entry.usable:
            continue
        if family == 4 or address.is_link_local is link_local:
            return address
    return None


def _head(index: int, address: IPAddress, prefix_length: int, scope: int, peer: IPAddress | None) -> bytes:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    body = _INFO.pack(family, prefix_length, 0, scope, index)
    return body + attribute(_LOCAL, address.packed) + attribute(_ADDRESS, (peer or address).packed)


def _lifetime(cache_info: bytes) -> int | None:
    if len(cache_info) < _LIFETIMES.size:
        return None
    _, valid, _, _ = _LIFETIMES.unpack_from(cache_info)
    return None if valid == _FOR_EVER else int(valid)
