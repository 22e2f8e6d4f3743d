# SPDX-License-Identifier: Apache-2.0
"""What instances stand on: the address that each sends from, its interfaces' carriers, and what of it is a fault.

Knowledge only: nothing is put or told here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from bascule.daemon.roles import vrrp_elsewhere, vrrp_plan
from bascule.daemon.roles.vrrp_addresses import Keeper
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_ports import Ports
from bascule.daemon.roles.vrrp_seats import Seat
from bascule.daemon.roles.vrrp_sync import Sync
from bascule.daemon.roles.vrrp_tracking import Tracking
from bascule.model.base import IPAddress
from bascule.model.configuration import VrrpInstance
from bascule.model.messages import Handover
from bascule.vrrp.events import LINK_DOWN, Fault, StandingChanged

NO_ADDRESS = Fault("the interface has no address to send from", mute=True)

NOTHING_HANDED_OVER = Handover(active=())

NO_SOURCE: dict[int, IPAddress] = {4: ipaddress.IPv4Address(0), 6: ipaddress.IPv6Address(0)}
"""Stands for the source of an instance whose interface has no address; it is in FAULT and sends nothing."""


class Footing:
    """Of all instances."""

    def __init__(
        self, ports: Ports, keeper: Keeper, tracking: Tracking, sync: Sync, instances: Mapping[str, Instance]
    ) -> None:
        """`instances`: those that run, by name, now and later; `configure` says which there will be."""
        self._ports = ports
        self._keeper = keeper
        self._tracking = tracking
        self._sync = sync
        self._instances = instances
        self.virtual: frozenset[IPAddress] = frozenset()
        """Every virtual address of the configuration: none is a source."""
        self._entries: dict[str, VrrpInstance] = {}
        self._seats: dict[str, Seat] = {}

    def spare(self, entries: Mapping[str, VrrpInstance]) -> None:
        """Have the virtual addresses of instances be nobody's source."""
        listed = (a for e in entries.values() for a in (*e.virtual_addresses, *e.excluded_addresses))
        self.virtual = frozenset(address.address for address in listed)

    def configure(self, entries: dict[str, VrrpInstance], seats: dict[str, Seat]) -> None:
        """Know the instances that run or are about to, and where they work."""
        self._entries, self._seats = entries, seats

    def owned(self, entry: VrrpInstance, handover: Handover = NOTHING_HANDED_OVER) -> frozenset[IPAddress]:
        """What an instance has put on here itself, now or before a restart, is no address of the host's own."""
        put = {placed.address for placed in self._keeper.wanted(entry.name)}
        if entry.name in handover.active:
            put |= {virtual.address for virtual in entry.virtual_addresses} - set(handover.owned)
        return vrrp_plan.owned(entry, self._ports.lasting(entry.interface), frozenset(put))

    def source(self, entry: VrrpInstance, owned: frozenset[IPAddress]) -> IPAddress | None:
        """An owner whose interface has no other address sends from one that it owns."""
        between = self._seats.get(entry.name) if entry.ipvlan is not None else None
        port = self._ports.require(entry.interface if between is None else between.talks)
        found = self._ports.source(port, self.virtual, entry)
        return found or (self._ports.source(port, self.virtual - owned, entry) if owned else None)

    def standing(self, name: str) -> StandingChanged:
        """What holds of an instance now: its interface, what it tracks, and the faults of its group."""
        faults = self._sync.faults(name, self._faults)
        return StandingChanged(faults=faults, change=self._tracking.standing(name)[1])

    def _faults(self, name: str) -> tuple[Fault, ...]:
        entry, instance = self._entries[name], self._instances.get(name)
        seat = self._seats[name] if instance is None else instance.seat
        faults = (*self._tracking.standing(name)[0], *vrrp_elsewhere.faults(entry, seat, self._ports))
        if not self._up(seat):
            return (LINK_DOWN, *faults) if entry.track_primary else faults
        owned = self.owned(entry) if instance is None else instance.owned
        return (NO_ADDRESS, *faults) if self.source(entry, owned) is None else faults

    def _up(self, seat: Seat) -> bool:
        """Of what is made on another interface, that one's carrier counts: its own comes later."""
        made = (self._ports.require(name).facts.up for name in seat.names if name != seat.base)
        return self._ports.require(seat.base).up and all(made)
