# SPDX-License-Identifier: Apache-2.0
"""Every link of the network namespace with what it sits on: whose frames arrive where (rtnetlink(7), RTM_GETLINK).

Read-only; interfaces.py finds a single one for the realtime role.
"""

from __future__ import annotations

import dataclasses
import errno
import struct
import sys
from collections.abc import Collection

from bascule.linux import interfaces
from bascule.linux.netlink import Netlink, NetlinkError, attribute, attributes

_HEADER_BYTES = 16
_PARENT, _INFO, _ALIAS, _GROUP, _EXTENDED_MASK = 5, 18, 20, 27, 29
_INFO_KIND, _INFO_DATA, _FIRST, _SECOND = 1, 2, 1, 2
_XDP, _XDP_ATTACHED = 43, 2
_NO_STATISTICS = 1 << 3
"""RTEXT_FILTER_SKIP_STATS."""

XDP_MODES = {1: "native", 2: "generic", 3: "offloaded", 4: "several"}
"""IFLA_XDP_ATTACHED."""

VIRTUAL_ROUTER_PREFIX = bytes.fromhex("00005e0001")
"""IPv4 virtual router MAC addresses begin so; the last byte is the VRID (RFC 9568 7.3)."""

OWN_ALIAS = "bascule virtual router"
"""Aliases (ip-link(8)) of the macvlans and ipvlans that the vrrp role made begin so; no others are ever changed."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Link:
    """An interface and its place among the others."""

    index: int
    name: str
    hardware_address: bytes
    up: bool
    running: bool
    parent: int | None = None
    """The index of the interface beneath it; None when it stands alone, or its parent is in another namespace."""
    kind: str = ""
    """`veth`, `macvlan` ... as ip-link(8) calls it; empty for hardware."""
    xdp: str | None = None
    """How an XDP program sits on it: `native`, `generic`; None = there is none."""
    alias: str = ""
    mode: int | None = None
    """Of a macvlan, as linux/if_link.h numbers them; of an ipvlan its flags; of a VRF its table."""
    group: int = 0
    """Which links it can be changed or removed together with."""


def dump(netlink: Netlink) -> dict[int, Link]:
    """Every link by index. Raises NetlinkError or NetlinkTimeoutError."""
    body = bytes(_HEADER_BYTES) + attribute(_EXTENDED_MASK, struct.pack("=I", _NO_STATISTICS))
    found: dict[int, Link] = {}
    for message in netlink.dump(interfaces.GET_LINK, body, "list the interfaces"):
        interface = interfaces.parse(message)
        if interface is None:
            continue
        given = attributes(message.body[_HEADER_BYTES:])
        info = attributes(given.get(_INFO, b""))
        kind = info.get(_INFO_KIND, b"").rstrip(b"\0").decode()
        found[interface.index] = Link(
            index=interface.index,
            name=interface.name,
            hardware_address=interface.hardware_address,
            up=interface.up,
            running=interface.running,
            parent=_word(given.get(_PARENT, b"")),
            kind=kind,
            xdp=_xdp_mode(given),
            alias=given.get(_ALIAS, b"").rstrip(b"\0").decode(errors="replace"),
            mode=_mode(kind, info.get(_INFO_DATA, b"")),
            group=_word(given.get(_GROUP, b"")) or 0,
        )
    return found


def _xdp_mode(given: dict[int, bytes]) -> str | None:
    attached = attributes(given.get(_XDP, b"")).get(_XDP_ATTACHED, b"\0")
    return XDP_MODES.get(attached[0])


def _mode(kind: str, data: bytes) -> int | None:
    """What a kind of link says of itself: for macvlans and VRFs the first attribute, for ipvlans the second."""
    if kind not in ("macvlan", "vrf", "ipvlan"):
        return None
    number = attributes(data).get(_SECOND if kind == "ipvlan" else _FIRST, b"")
    return int.from_bytes(number, sys.byteorder) if number else None


def _word(data: bytes) -> int | None:
    return int(struct.unpack("=I", data)[0]) if len(data) == 4 else None


def vrf_table(netlink: Netlink, name: str) -> int:
    """The routing table of a VRF. Raises NetlinkError, also where there is none of this name."""
    for link in dump(netlink).values():
        if link.name == name and link.kind == "vrf" and link.mode is not None:
            return link.mode
    raise NetlinkError(errno.ENODEV, f"look for the VRF {name}")


def may_be_virtual(link: Link, index: int) -> bool:
    """Whether a link is a macvlan of a virtual router on the interface `index`: by its MAC, or because we made it."""
    marked = link.hardware_address.startswith(VIRTUAL_ROUTER_PREFIX) or link.alias.startswith(OWN_ALIAS)
    return link.kind == "macvlan" and link.parent == index and marked


def accepted_addresses(links: dict[int, Link], index: int, holding: Collection[int]) -> tuple[bytes, ...]:
    """The MACs whose frames an interface takes in: its own, and those of the virtual routers that are active on it.

    `holding`: the indexes of the links with an IPv4 address. A virtual router that is not active has its macvlan, but
    no virtual address on it: a frame for its MAC that a switch floods is another director's.
    """
    held = [links[index].hardware_address]
    held += [
        link.hardware_address
        for link in links.values()
        if may_be_virtual(link, index) and link.up and link.running and link.index in holding
    ]
    return tuple(dict.fromkeys(held))
