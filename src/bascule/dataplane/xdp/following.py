# SPDX-License-Identifier: Apache-2.0
"""Writes into the director's tables how its real servers are reached, and whose frames it takes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import numpy as np

from bascule.dataplane.xdp.layout import MAX_ACCEPTED, SERVER_PRESENT, mac_word
from bascule.dataplane.xdp.loader import Director
from bascule.dataplane.xdp.neighbours import Path, Paths
from bascule.linux import addresses
from bascule.linux.links import Link, accepted_addresses, may_be_virtual
from bascule.linux.netlink import Netlink
from bascule.model.base import IPAddress


class Following:
    """Keeps MACs and interfaces of the tables as the kernel knows them."""

    def __init__(self, director: Director, netlink: Netlink) -> None:
        """Nothing looked at yet; the MACs that a predecessor left stay until another is known."""
        self._director = director
        self._netlink = netlink
        self._paths = Paths(netlink)
        self._accepted: tuple[tuple[int, bytes], ...] | None = None
        self._configured: tuple[ipaddress.IPv4Address, ...] = ()
        self.trouble: dict[ipaddress.IPv4Address, str] = {}
        """Why a real server is not reached at layer 2 now, in words."""
        self.unusable: dict[ipaddress.IPv4Address, str] = {}
        """Those among them that direct routing can never reach as things are configured."""
        self.crowded = 0
        """Virtual MACs whose frames are not balanced, because there is no room for them."""

    def configure(self, servers: Iterable[IPAddress]) -> None:
        """The real servers that the file names: looked after even while a failed check keeps them out of the tables."""
        self._configured = tuple(address for address in servers if isinstance(address, ipaddress.IPv4Address))

    def accept(self, indexes: tuple[int, ...], links: dict[int, Link]) -> None:
        """Take the frames for these interfaces' own MACs and for the virtual routers' that are active on them."""
        virtual = any(may_be_virtual(link, index) for link in links.values() for index in indexes)
        found = addresses.dump(self._netlink) if virtual else []
        holding = {entry.index for entry in found if entry.address.version == 4}
        pairs = tuple((index, mac) for index in indexes for mac in accepted_addresses(links, index, holding))
        self.crowded = max(0, len(pairs) - MAX_ACCEPTED)
        if pairs[:MAX_ACCEPTED] != self._accepted:
            self._accepted = pairs[:MAX_ACCEPTED]
            self._director.accept(self._accepted)

    def look(self, now: float) -> None:
        """Follow every present or configured real server at monotonic time `now`."""
        servers = self._director.servers
        present = np.flatnonzero(servers["flags"] & np.uint32(SERVER_PRESENT))
        indexes: dict[ipaddress.IPv4Address, list[int]] = {address: [] for address in self._configured}
        for found in present:
            indexes.setdefault(ipaddress.IPv4Address(int(servers["address"][found])), []).append(int(found))
        paths = self._paths.look(indexes, now)
        for address, path in paths.items():
            for index in indexes[ipaddress.IPv4Address(int(address))]:
                self._write(index, path)
        named = {ipaddress.IPv4Address(int(address)): path for address, path in paths.items()}
        self.trouble = {address: path.trouble for address, path in named.items() if path.trouble}
        self.unusable = {address: text for address, text in self.trouble.items() if not named[address].usable}

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
