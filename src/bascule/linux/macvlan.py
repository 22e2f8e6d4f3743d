# SPDX-License-Identifier: Apache-2.0
"""Making the macvlans of virtual MAC addresses, and their settings (ip-link(8), rtnetlink(7)).

Removing them is own_links.py's.

Private mode: what leaves one is not handed to another on the same interface. A macvlan with the source address of a
frame that comes in gets that frame alone, the interface beneath it does not: adverts of a peer with the same virtual
MAC are therefore heard on the macvlan.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

from bascule.linux import own_links, sysctl
from bascule.linux.netlink import Netlink, attribute

KIND = "macvlan"

PRIVATE = 1
"""IFLA_MACVLAN_MODE."""

_MODE = 1

_DISABLES = "net/ipv6/conf/{}/disable_ipv6"

HOLDER_4 = {
    _DISABLES: 1,
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
    _DISABLES: 0,
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
    data = attribute(_MODE, struct.pack("=I", PRIVATE))
    own_links.create(netlink, KIND, parent, name, data, hardware_address)


def holder(families: Collection[int]) -> dict[str, int]:
    """Settings of a macvlan with addresses of these IP versions."""
    if 6 not in families:
        return HOLDER_4
    # First that it makes up no address, then that it has IPv6.
    return HOLDER_6 if 4 not in families else HOLDER_6 | {k: v for k, v in HOLDER_4.items() if k != _DISABLES}


def apply(settings: dict[str, int], name: str) -> None:
    """Give an interface its settings; what stands already is left alone. Raises KernelRefusedError."""
    for pattern, value in settings.items():
        setting = pattern.format(name)
        if sysctl.read(setting) != str(value):
            sysctl.write(setting, value)
