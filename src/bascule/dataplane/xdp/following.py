# SPDX-License-Identifier: Apache-2.0
"""Writes into the director's tables how its real servers are reached, and whose frames it takes."""

from __future__ import annotations

import ipaddress

import numpy as np

from bascule.dataplane.xdp.layout import MAX_ACCEPTED, SERVER_PRESENT, mac_word
from bascule.dataplane.xdp.loader import Director
from bascule.dataplane.xdp.neighbours import Path, Paths
from bascule.linux.links import Link, accepted_addresses
from bascule.linux.netlink import Netlink


class Following:
    """Keeps MACs and interfaces of the tables as the kernel knows them."""

    def __init__(self, director: Director, netlink: Netlink) -> None:
        """Nothing looked at yet; the MACs that a predecessor left stay until another is known."""
        self._director = director
        self._paths = Paths(netlink)
        self._accepted: tuple[tuple[int, bytes], ...] | None = None
        self.trouble: dict[ipaddress.IPv4Address, str] = {}
        """Why a real server cannot be reached at layer 2, in words."""

    def accept(self, indexes: tuple[int, ...], links: dict[int, Link]) -> None:
        """Take the frames for these interfaces' own MACs and for the virtual routers' on them."""
        pairs = tuple((index, mac) for index in indexes for mac in accepted_addresses(links, index))[:MAX_ACCEPTED]
        if pairs != self._accepted:
            self._director.accept(pairs)
            self._accepted = pairs

    def look(self, now: float) -> None:
        """Follow every present real server at monotonic time `now`."""
        servers = self._director.servers
        present = np.flatnonzero(servers["flags"] & np.uint32(SERVER_PRESENT))
        indexes: dict[ipaddress.IPv4Address, list[int]] = {}
        for found in present:
            indexes.setdefault(ipaddress.IPv4Address(int(servers["address"][found])), []).append(int(found))
        paths = self._paths.look(indexes, now)
        for address, path in paths.items():
            for index in indexes[ipaddress.IPv4Address(int(address))]:
                self._write(index, path)
        self.trouble = {
            ipaddress.IPv4Address(int(address)): path.trouble for address, path in paths.items() if path.trouble
        }

    def _write(self, index: int, path: Path) -> None:
        """One server's way. Without a MAC no packet uses the rest, so that comes off first and goes on last."""
        servers = self._director.servers
        if not path.usable:
            servers["mac"][index] = 0
            return
        if path.mac is None or path.source_mac is None:
            return
        mac, source = mac_word(path.mac), mac_word(path.source_mac)
        if servers["ifindex"][index] != path.index or servers["source_mac"][index] != source:
            servers["mac"][index] = 0
            servers["ifindex"][index] = path.index
            servers["source_mac"][index] = source
        if servers["mac"][index] != mac:
            servers["mac"][index] = mac
