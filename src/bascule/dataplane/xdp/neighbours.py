# SPDX-License-Identifier: Apache-2.0
"""How each real server is reached at layer 2, followed as it changes: interface, both MACs, or what is in the way.

Direct routing writes the real server's MAC into the frame, so the server must be on a segment of this director. The
kernel keeps the neighbour table; we read it, ask where it does not know, and ask again where it no longer is sure.
A MAC that was known once is kept until another one is: a server that misses a few questions still gets its frames.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from bascule.linux import links, neighbours, routes
from bascule.linux.links import Link
from bascule.linux.neighbours import NEEDS_ASKING, Neighbour
from bascule.linux.netlink import Netlink, NetlinkError
from bascule.model.base import IPAddress

CONFIRM_INTERVAL = 5.0
"""Seconds between two questions about a neighbour that the kernel is not sure of."""

SILENCE = 3.5
"""Seconds without an answer after which a server is named as silent; the kernel asks three times, a second apart."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Path:
    """The way to one real server."""

    index: int = 0
    """Of the interface; 0 = none."""
    source_mac: bytes | None = None
    mac: bytes | None = None
    """None = not known now."""
    trouble: str | None = None
    usable: bool = True
    """False: direct routing cannot work whatever the MAC, so none may be used."""


class Paths:
    """The ways to all real servers of interest."""

    def __init__(self, netlink: Netlink) -> None:
        """Use this socket for every question."""
        self._netlink = netlink
        self._asked: dict[IPAddress, float] = {}
        self._silent_since: dict[IPAddress, float] = {}

    def look(self, addresses: Iterable[IPAddress], now: float) -> dict[IPAddress, Path]:
        """The way to each address at monotonic time `now`; asks the kernel to find out what it does not know."""
        wanted = set(addresses)
        interfaces, known = links.dump(self._netlink), neighbours.dump(self._netlink)
        for forgotten in self._asked.keys() - wanted:
            del self._asked[forgotten]
        for forgotten in self._silent_since.keys() - wanted:
            del self._silent_since[forgotten]
        return {address: self._path(address, interfaces, known, now) for address in wanted}

    def _path(
        self, address: IPAddress, interfaces: dict[int, Link], known: dict[tuple[int, IPAddress], Neighbour], now: float
    ) -> Path:
        route = routes.reach(self._netlink, address)
        obstacle = _obstacle(address, route, interfaces)
        if route is None or obstacle is not None:
            return Path(trouble=obstacle, usable=False)
        link = interfaces[route.index]
        if not link.up:
            return Path(trouble=f"{address} is reached by {link.name}, which is down")
        neighbour = known.get((link.index, address))
        self._ask(address, link, neighbour, now)
        mac = neighbour.mac if neighbour is not None else None
        return Path(
            index=link.index,
            source_mac=link.hardware_address,
            mac=mac,
            trouble=self._silence(address, link, mac, now),
        )

    def _ask(self, address: IPAddress, link: Link, neighbour: Neighbour | None, now: float) -> None:
        if neighbour is not None and not neighbour.state & NEEDS_ASKING:
            return
        known = neighbour is not None and neighbour.mac is not None
        if known and now - self._asked.get(address, float("-inf")) < CONFIRM_INTERVAL:
            return
        self._asked[address] = now
        try:
            neighbours.ask(self._netlink, link.index, address)
        except NetlinkError:
            # Its interface went away since the dump: the next look says so.
            return

    def _silence(self, address: IPAddress, link: Link, mac: bytes | None, now: float) -> str | None:
        if mac is not None:
            self._silent_since.pop(address, None)
            return None
        since = self._silent_since.setdefault(address, now)
        return f"{address} does not answer ARP on {link.name}" if now - since >= SILENCE else None


def _obstacle(address: IPAddress, route: routes.Route | None, interfaces: dict[int, Link]) -> str | None:
    """Why direct routing cannot reach the address at all; None = it can."""
    if route is None or route.index not in interfaces:
        return f"there is no route to {address}"
    if route.local:
        return f"{address} is an address of this director: a real server must be another machine"
    if route.gateway is not None:
        by = interfaces[route.index].name
        return f"{address} is not on-link (reached through {route.gateway} on {by}): DR needs it on a shared segment"
    return None
