# SPDX-License-Identifier: Apache-2.0
"""Late frames: after a planned switch the old director goes on serving a virtual address for a second, unasked.

Hosts that have not yet taken in the successor's announcement still send here. So what comes for the address is still
taken in, and nobody's ARP request or neighbour solicitation is answered for it. For IPv4 the address stays on the
loopback interface, and the interface is told not to answer for addresses of host scope (arp_ignore 3), which no other
address of a network has, and to ask under its own address (arp_announce 2). For IPv6 a local route does it, which is
there at once (local_routes.py). Everything is as before a second later; should this process not live to see that,
routes and addresses have a lifetime of their own, and the next one gives the settings back (vrrp_late_note.py).

Such a route also serves whoever becomes active, for whom the kernel is not ready when it says so (`ahead`).
"""

from __future__ import annotations

import dataclasses
import ipaddress
import math
import pathlib
import socket
from collections.abc import Callable

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_addresses import Placed
from bascule.daemon.roles.vrrp_late_note import LOOPBACK, LateNote
from bascule.errors import KernelRefusedError
from bascule.linux import addresses, local_routes, sysctl
from bascule.linux.netlink import Netlink
from bascule.model.base import IPAddress

SECONDS = 1.0
LIFETIME = 2.0

_QUIET = {"arp_ignore": 3, "arp_announce": 2}
_WHOLE = 32


@dataclasses.dataclass(slots=True)
class _Served:
    until: float
    addresses: tuple[IPAddress, ...]
    interfaces: frozenset[str]
    ahead: bool = False
    """Served by one that becomes active, and not by one that was."""


class LateFrames:
    """Who is served how long. What the kernel refuses is logged: then late frames are lost, and nothing else."""

    def __init__(
        self, netlink: Netlink, log: Log, held: Callable[[int, IPAddress], bool], folder: pathlib.Path
    ) -> None:
        """`held`: whether an interface, by number, has an address already; such a one is left alone. `folder`: where
        the note is for whoever comes after this process.
        """
        self._netlink = netlink
        self._log = log
        self._held = held
        self._served: dict[str, _Served] = {}
        self._note = LateNote(netlink, log, folder)
        self._changed: dict[str, tuple[str, ...]] = {}
        """By interface: the settings to give back."""

    def clear(self) -> None:
        """End what a predecessor that was killed, or replaced, left."""
        self._note.clear()

    def begin(self, owner: str, entries: tuple[Placed, ...], now: float) -> None:
        """Serve an instance's addresses; they are on their interfaces still, and are to be taken off after this."""
        self.end(owner)
        put: list[IPAddress] = []
        silent: set[str] = set()
        ours: set[ipaddress.IPv4Address] = set()
        try:
            loopback = socket.if_nametoindex(LOOPBACK)
            four = [e.address for e in entries if isinstance(e.address, ipaddress.IPv4Address)]
            ours.update(address for address in four if not self._held(loopback, address))
            self._note.add(sorted(ours))
            for entry in entries:
                if isinstance(entry.address, ipaddress.IPv6Address):
                    local_routes.put(self._netlink, entry.address, int(LIFETIME))
                    put.append(entry.address)
                    continue
                silent.add(entry.interface)
                self._silence(entry.interface)
                if entry.address in ours:
                    self._put(loopback, entry.address)
                    put.append(entry.address)
        except (KernelRefusedError, OSError) as error:
            self._log.warning("late_frames_not_served", instance=owner, error=error)
            self._note.drop(ours.difference(put))
        self._served[owner] = _Served(now + SECONDS, tuple(put), frozenset(silent))

    def ahead(self, owner: str, entries: tuple[Placed, ...], now: float) -> None:
        """Take in what comes for the IPv6 addresses that an instance puts on now and announces at once."""
        self.end(owner)
        found = tuple(e.address for e in entries if isinstance(e.address, ipaddress.IPv6Address))
        try:
            for address in found:
                local_routes.put(self._netlink, address, int(LIFETIME))
        except (KernelRefusedError, OSError) as error:
            self._log.warning("not_served_ahead", instance=owner, error=error)
        if found:
            self._served[owner] = _Served(now + SECONDS, found, frozenset(), ahead=True)

    def end_ahead(self, owner: str) -> None:
        """An instance gives its addresses up: nothing is taken in ahead any more. Late frames are."""
        if owner in self._served and self._served[owner].ahead:
            self.end(owner)

    def deadline(self) -> float:
        """When the next one's time is over."""
        return min((served.until for served in self._served.values()), default=math.inf)

    def expire(self, now: float) -> list[str]:
        """End what is over, and say whose it was."""
        over = [owner for owner, served in self._served.items() if now >= served.until]
        for owner in over:
            self.end(owner)
        return over

    def end(self, owner: str) -> None:
        """Serve an instance's late frames no longer: the second is over, or it is active again."""
        served = self._served.pop(owner, None)
        if served is None:
            return
        needed = {name for other in self._served.values() for name in other.interfaces}
        try:
            for address in served.addresses:
                if isinstance(address, ipaddress.IPv6Address):
                    local_routes.remove(self._netlink, address)
                else:
                    addresses.remove_named(self._netlink, LOOPBACK, address, _WHOLE)
            self._note.drop(served.addresses)
            for interface in served.interfaces - needed:
                self._restore(interface)
        except KernelRefusedError as error:
            self._log.warning("late_frames_not_ended", instance=owner, error=error)

    def _put(self, loopback: int, address: IPAddress) -> None:
        scope = addresses.SCOPES["host"]
        addresses.add(self._netlink, loopback, address, _WHOLE, lifetime=LIFETIME, scope=scope)

    def _silence(self, interface: str) -> None:
        if interface in self._changed:
            return
        for name, wanted in _QUIET.items():
            own, everywhere = (f"net/ipv4/conf/{where}/{name}" for where in (interface, "all"))
            value = int(sysctl.read(own))
            # 1 and 2 answer only for addresses of the interface itself: they are as quiet here.
            if max(value, int(sysctl.read(everywhere))) == 0 or name == "arp_announce":
                self._changed[interface] = (*self._changed.get(interface, ()), own)
                self._note.set(own, max(wanted, value))

    def _restore(self, interface: str) -> None:
        for name in self._changed.pop(interface, ()):
            self._note.give_back(name)
