# SPDX-License-Identifier: Apache-2.0
"""Making and removing interfaces on top of others, marked as ours (ip-link(8), rtnetlink(7)).

What is particular to a kind is in macvlan.py and ipvlan.py.
Names are not enough to know our own again after a crash: a user may have the same ones.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable

from bascule.linux.interfaces import DELETE_LINK, NEW_LINK
from bascule.linux.links import OWN_ALIAS
from bascule.linux.netlink import CREATE, EXCLUSIVE, Netlink, NetlinkError, attribute

NAME_MAX = 15
"""Bytes of an interface's name."""

_HEADER = struct.Struct("=BxHiII")
_HARDWARE_ADDRESS, _NAME, _PARENT, _LINK_INFO, _ALIAS, _GROUP = 1, 3, 5, 18, 20, 27
_INFO_KIND, _INFO_DATA = 1, 2
_UP = 1


def create(
    netlink: Netlink,
    kind: str,
    parent: int,
    name: str,
    data: bytes,
    hardware_address: bytes | None = None,
    alias: str = OWN_ALIAS,
) -> None:
    """Make an interface of a kind, of which `data` are the attributes, marked by `alias`; it is down.

    `hardware_address`: None = the kernel's choice. Raises NetlinkError or NetlinkTimeoutError.
    """
    body = _HEADER.pack(0, 0, 0, 0, 0)
    body += attribute(_PARENT, struct.pack("=I", parent)) + _named(name)
    body += attribute(_HARDWARE_ADDRESS, hardware_address) if hardware_address is not None else b""
    body += attribute(_LINK_INFO, attribute(_INFO_KIND, kind.encode()) + attribute(_INFO_DATA, data))
    netlink.request(NEW_LINK, CREATE | EXCLUSIVE, body, f"make the {kind} {name}")
    # The kernel takes an alias for a link that is there, and not while it makes one.
    marked = _HEADER.pack(0, 0, 0, 0, 0) + _named(name) + attribute(_ALIAS, alias.encode())
    netlink.request(NEW_LINK, 0, marked, f"mark the {kind} {name}")


def set_up(netlink: Netlink, index: int) -> None:
    """Set an interface up. Raises NetlinkError or NetlinkTimeoutError."""
    netlink.request(NEW_LINK, 0, _HEADER.pack(0, 0, index, _UP, _UP), f"set interface {index} up")


def remove(netlink: Netlink, index: int) -> bool:
    """Remove an interface. False: it was not there. Raises NetlinkError or NetlinkTimeoutError."""
    try:
        netlink.request(DELETE_LINK, 0, _HEADER.pack(0, 0, index, 0, 0), f"remove interface {index}")
    except NetlinkError as error:
        if error.errno == errno.ENODEV:
            return False
        raise
    return True


def remove_together(netlink: Netlink, indexes: Iterable[int], group: int) -> None:
    """Remove interfaces in one go, as members of a group (ip-link(8)) that no other interface is in.

    The kernel waits for its readers once for each removal: of hundreds, one by one, that takes seconds. One that is not
    there any more is no error. Raises NetlinkError or NetlinkTimeoutError.
    """
    number = attribute(_GROUP, struct.pack("=I", group))
    members = 0
    for index in indexes:
        try:
            member = _HEADER.pack(0, 0, index, 0, 0) + number
            netlink.request(NEW_LINK, 0, member, f"put interface {index} into a group")
        except NetlinkError as error:
            if error.errno != errno.ENODEV:
                raise
            continue
        members += 1
    if members:
        netlink.request(DELETE_LINK, 0, _HEADER.pack(0, 0, 0, 0, 0) + number, f"remove {members} interfaces")


def _named(name: str) -> bytes:
    return attribute(_NAME, name.encode() + b"\0")
