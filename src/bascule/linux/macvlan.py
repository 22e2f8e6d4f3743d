# SPDX-License-Identifier: Apache-2.0
"""Making and removing the macvlans of virtual MAC addresses (ip-link(8), rtnetlink(7)); only those that are ours.

Private mode: what leaves one is not handed to another on the same interface. A macvlan with the source address of a
frame that comes in gets that frame alone, the interface beneath it does not: adverts of a peer with the same virtual
MAC are therefore heard on the macvlan.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable

from bascule.linux import sysctl
from bascule.linux.interfaces import DELETE_LINK, NEW_LINK
from bascule.linux.links import OWN_ALIAS
from bascule.linux.netlink import CREATE, EXCLUSIVE, Netlink, NetlinkError, attribute

PRIVATE = 1
"""IFLA_MACVLAN_MODE."""

NAME_MAX = 15
"""Bytes of an interface's name."""

_HEADER = struct.Struct("=BxHiII")
_HARDWARE_ADDRESS, _NAME, _PARENT, _LINK_INFO, _ALIAS, _GROUP = 1, 3, 5, 18, 20, 27
_INFO_KIND, _INFO_DATA, _MODE = 1, 2, 1
_UP = 1

HOLDER_4 = {
    "net/ipv6/conf/{}/disable_ipv6": 1,
    "net/ipv4/conf/{}/arp_ignore": 1,
    "net/ipv4/conf/{}/accept_local": 1,
    "net/ipv4/conf/{}/rp_filter": 0,
    "net/ipv4/conf/{}/promote_secondaries": 1,
}
"""Settings of a macvlan with IPv4 addresses: it answers ARP for its own alone, and takes what comes in by it although
the way back is the interface beneath it."""

HOLDER_6 = {
    "net/ipv6/conf/{}/addr_gen_mode": 1,
    "net/ipv6/conf/{}/accept_ra": 0,
    "net/ipv6/conf/{}/disable_ipv6": 0,
    "net/ipv4/conf/{}/arp_ignore": 8,
}
"""Settings of a macvlan with IPv6 addresses: those that it is given, and none of its own making; it answers no ARP."""

BASE_4 = {
    "net/ipv4/conf/{}/arp_ignore": 1,
    "net/ipv4/conf/{}/arp_filter": 1,
    "net/ipv4/conf/{}/arp_announce": 2,
}
"""Settings of the interface beneath: it must neither answer ARP for the addresses of its macvlans with its own MAC, nor
ask with them for the MAC of a client whom an answer goes to, which would teach the client the wrong MAC."""


def create(netlink: Netlink, parent: int, name: str, hardware_address: bytes) -> None:
    """Make a macvlan in private mode, marked as ours; it is down. Raises NetlinkError or NetlinkTimeoutError."""
    info = attribute(_INFO_KIND, b"macvlan") + attribute(_INFO_DATA, attribute(_MODE, struct.pack("=I", PRIVATE)))
    body = _HEADER.pack(0, 0, 0, 0, 0)
    body += attribute(_PARENT, struct.pack("=I", parent)) + _named(name)
    body += attribute(_HARDWARE_ADDRESS, hardware_address) + attribute(_LINK_INFO, info)
    netlink.request(NEW_LINK, CREATE | EXCLUSIVE, body, f"make the macvlan {name}")
    # The kernel takes an alias for a link that is there, and not while it makes one.
    marked = _HEADER.pack(0, 0, 0, 0, 0) + _named(name) + attribute(_ALIAS, OWN_ALIAS.encode())
    netlink.request(NEW_LINK, 0, marked, f"mark the macvlan {name}")


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


def apply(settings: dict[str, int], name: str) -> None:
    """Give an interface its settings; what stands already is left alone. Raises KernelRefusedError."""
    for pattern, value in settings.items():
        setting = pattern.format(name)
        if sysctl.read(setting) != str(value):
            sysctl.write(setting, value)


def _named(name: str) -> bytes:
    return attribute(_NAME, name.encode() + b"\0")
