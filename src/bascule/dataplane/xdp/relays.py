# SPDX-License-Identifier: Apache-2.0
"""Whose frames a predecessor has: in a planned switch, connections that began there and go on here.

An entry ends by its own time, whatever becomes of this process, and does no harm if no switch follows: until then, a
frame of no connection goes to the director that is active, as it should.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from bascule.dataplane.xdp.layout import MAX_RELAYS
from bascule.dataplane.xdp.loader import Director
from bascule.model.base import IPAddress

RELAY_SECONDS = 1.25
"""From the question that comes before a switch: the predecessor serves late frames for a second, and asks 20 ms
before; it asks again within a quarter of a second unheard.
"""


class Relays:
    """The relays of one director; those of an earlier process are forgotten with the first of ours."""

    def __init__(self, director: Director) -> None:
        """Writes nothing."""
        self._director = director
        self._until: dict[tuple[int, ipaddress.IPv4Address], int] | None = None
        """When each ends, in jiffies."""

    def arm(self, index: int, addresses: Iterable[IPAddress], mac: bytes, source_mac: bytes) -> None:
        """Relay frames for these addresses that come by an interface, whose own MAC is `source_mac`, to another MAC.

        The last director that asked for an address has it. Raises KernelRefusedError.
        """
        now = self._director.clock()[0]
        until = now + round(RELAY_SECONDS * self._director.hz)
        fresh = {(index, entry): until for entry in addresses if isinstance(entry, ipaddress.IPv4Address)}
        if mac == source_mac or not fresh:
            return
        kept = {} if self._until is None else self._until
        if self._until is None or len(kept.keys() | fresh.keys()) > MAX_RELAYS or now >= max(kept.values()):
            self._director.forget_relays()
            kept = {}
        self._until = kept | fresh
        for interface, address in fresh:
            self._director.relay(address, interface, mac, source_mac, until)
