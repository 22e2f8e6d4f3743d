# SPDX-License-Identifier: Apache-2.0
"""The neighbour table: which MAC an on-link address has, and asking for it (RFC 826, rtnetlink(7), RTM_GETNEIGH)."""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
import socket
import struct

from bascule.linux.netlink import CREATE, Netlink, NetlinkMessage, attribute, attributes
from bascule.model.base import IPAddress

NEW_NEIGHBOUR, GET_NEIGHBOUR = 28, 30
GROUP_NEIGHBOUR, GROUP_IPV4_ROUTE = 3, 7
"""RTNLGRP numbers, for a Monitor."""

_DESTINATION, _LINK_ADDRESS = 1, 2
_USE = 0x01
_INFO = struct.Struct("=BxxxiHBB")


class NeighbourState(enum.IntFlag):
    """NUD_* of linux/neighbour.h."""

    NONE = 0x00
    INCOMPLETE = 0x01
    """Asked for, no answer yet."""
    REACHABLE = 0x02
    STALE = 0x04
    """Known, but not confirmed lately."""
    DELAY = 0x08
    PROBE = 0x10
    FAILED = 0x20
    """Asked for in vain."""
    NOARP = 0x40
    PERMANENT = 0x80


UNKNOWN = NeighbourState.INCOMPLETE | NeighbourState.FAILED
"""States in which the MAC says nothing."""

NEEDS_ASKING = NeighbourState.STALE | NeighbourState.FAILED
"""States that the kernel does not leave unless somebody uses the entry."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Neighbour:
    """One entry of the table."""

    index: int
    """Of the interface."""
    address: IPAddress
    state: NeighbourState
    mac: bytes | None
    """Six bytes; None while unknown."""


def dump(netlink: Netlink) -> dict[tuple[int, IPAddress], Neighbour]:
    """Every IPv4 neighbour by interface and address. Raises NetlinkError or NetlinkTimeoutError."""
    body = _INFO.pack(socket.AF_INET, 0, 0, 0, 0)
    answers = netlink.dump(GET_NEIGHBOUR, body, "list the neighbours")
    found = [neighbour for neighbour in map(parse, answers) if neighbour is not None]
    return {(neighbour.index, neighbour.address): neighbour for neighbour in found}


def parse(message: NetlinkMessage) -> Neighbour | None:
    """The neighbour that a message speaks of; None for other messages."""
    if message.kind != NEW_NEIGHBOUR or len(message.body) < _INFO.size:
        return None
    family, index, number, _, _ = _INFO.unpack_from(message.body)
    found = attributes(message.body[_INFO.size :])
    if (family, len(found.get(_DESTINATION, b""))) not in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        return None
    state = NeighbourState(number)
    mac = found.get(_LINK_ADDRESS, b"")
    return Neighbour(
        index=index,
        address=ipaddress.ip_address(found[_DESTINATION]),
        state=state,
        mac=mac if len(mac) == 6 and not state & UNKNOWN else None,
    )


def ask(netlink: Netlink, index: int, address: IPAddress) -> None:
    """Have the kernel find out, or confirm, the MAC of an on-link address, as if a packet were to go there.

    Returns at once; the answer shows in the table. Raises NetlinkError or NetlinkTimeoutError.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    body = _INFO.pack(family, index, 0, _USE, 0) + attribute(_DESTINATION, address.packed)
    netlink.request(NEW_NEIGHBOUR, CREATE, body, f"ask for the neighbour {address}")
