# SPDX-License-Identifier: Apache-2.0
"""The hands of all instances: what they ask of the world (vrrp_rim.py) is carried out here, and renewed, and ended.

Addresses, routes and rules, announcements, late frames, what is not accepted, which macvlan forwards: each of these has
a module of its own, and nothing is decided here.
"""

from __future__ import annotations

import math
import pathlib
import time
from collections.abc import Collection, Mapping

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_plan
from bascule.daemon.roles.vrrp_addresses import Keeper, Placed, Taken, placed
from bascule.daemon.roles.vrrp_agenda import Agenda
from bascule.daemon.roles.vrrp_forwarding import Forwarding
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_late import LateFrames
from bascule.daemon.roles.vrrp_pacer import Pacer
from bascule.daemon.roles.vrrp_ports import Ports
from bascule.daemon.roles.vrrp_routes import RouteKeeper
from bascule.daemon.roles.vrrp_silence import Silence
from bascule.linux.addresses import InterfaceAddress
from bascule.linux.netlink import Netlink
from bascule.linux.rawsocket import AH
from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import Configuration

STATIC = ""
"""Owner of what stays on the machine whoever is active: no instance's name."""


class Hands:
    """Everything that instances put, send and announce."""

    def __init__(
        self, netlink: Netlink, log: Log, ports: Ports, instances: Mapping[str, Instance], folder: pathlib.Path
    ) -> None:
        """Nothing is put. `instances`: those there are, by name, now and later. `folder`: for what must outlive this
        process.

        Raises KernelRefusedError when the kernel's addresses cannot be read.
        """
        self._ports = ports
        self._instances = instances
        self.keeper = Keeper(netlink, log)
        self.routes = RouteKeeper(netlink, log)
        self._silence = Silence(log)
        self._silence.clear()
        self._forwarding = Forwarding(log)
        self._pacer = Pacer(ports.announce, log)
        self._late = LateFrames(netlink, log, ports.holds, folder)
        self._repeats = Agenda()

    def send(self, interface: str, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        """Send a VRRP message (Rim)."""
        self._ports.require(interface).sockets[source.version].send(payload, source, destination, ttl)

    def send_whole(self, interface: str, packet: bytes, source: IPAddress, destination: IPAddress) -> None:
        """Send an IPv4 packet with an authentication header (Rim)."""
        self._ports.require(interface).sockets[AH].send(packet, source, destination)

    def announce(self, interface: str, address: IPAddress) -> None:
        """Send one gratuitous ARP or neighbour advertisement, or line it up (Rim)."""
        self._pacer.announce(interface, address, boottime())

    def put(self, owner: str, wanted: tuple[Placed, ...], lifetime: Seconds | None, now: float) -> None:
        """Have addresses on, then the instance's routes and rules (Rim)."""
        instance = self._instances[owner]
        self._late.ahead(owner, wanted, now)
        self._forward(owner, True)
        accepts = vrrp_plan.accepts(instance.config)
        self._silence.keep(owner, () if accepts else (entry.address for entry in wanted))
        self.keeper.put(owner, wanted, lifetime, now)
        self._repeat(owner, now)
        self.routes.put(owner, vrrp_plan.entries_of(instance.config))

    def take(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        """Have rules, routes and addresses off, and say no more of them (Rim)."""
        self._late.end_ahead(owner)
        self._hush(owner, unwanted)
        self._take(owner, unwanted)
        self._forward(owner, False)

    def leave(self, owner: str, unwanted: tuple[Placed, ...], now: float) -> None:
        """Have addresses off, but serve late frames (Rim)."""
        self._hush(owner, unwanted)
        self._late.begin(owner, unwanted, now)
        self._take(owner, unwanted)

    def _take(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        self.routes.take(owner, vrrp_plan.entries_of(self._instances[owner].config))
        self.keeper.take(owner, unwanted)
        self._silence.keep(owner, ())

    def _forward(self, owner: str, active: bool) -> None:
        instance = self._instances[owner]
        self._forwarding.keep(owner, instance.seat, active, instance.config.family)

    def _hush(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        """Announce no more: the last announcement on a segment must be the active's."""
        self._repeats.drop(owner)
        self._pacer.hush((entry.interface, entry.address) for entry in unwanted)

    def _repeat(self, owner: str, now: float) -> None:
        """When an active's interfaces that send no adverts announce next."""
        interval = self._instances[owner].config.garp_extra_interval
        if interval > 0:
            self._repeats.put(owner, now + interval)
        else:
            self._repeats.drop(owner)

    def clear(self) -> None:
        """End what a predecessor left that no configuration speaks of."""
        self._late.clear()
        self._forwarding.clear()

    def pace(self, wanted: Configuration) -> None:
        """Keep a configuration's gaps between announcements."""
        self._pacer.configure(wanted.announcement_gaps)

    def put_static(self, wanted: Configuration) -> None:
        """Have on what stays on the machine whoever is active."""
        self.keeper.put(STATIC, placed(wanted.static_addresses, wanted.globals.default_interface), None, boottime())
        self.routes.put(STATIC, (*wanted.static_routes, *wanted.static_rules))

    def forget(self, owner: str) -> None:
        """An instance is gone."""
        self._forwarding.forget(owner)

    def deadline(self) -> float:
        """When `timers` is to be called next."""
        return min(
            other.deadline() for other in (self.keeper, self._pacer, self._late, self._repeats, self._forwarding)
        )

    def timers(self) -> None:
        """Renew addresses, announce what has its time, and end the late frames that are over."""
        now = boottime()
        if self.keeper.deadline() <= now:
            self.keeper.renew(now)
        for name in self._repeats.due(now):
            self._instances[name].announce_elsewhere(now)
            self._repeat(name, now)
        if self._pacer.deadline() <= now:
            self._pacer.run(now)
        for owner in self._late.expire(now):
            if owner in self._instances:
                self._forward(owner, False)
        self._forwarding.timers()

    def again(self, made: Collection[str]) -> None:
        """Interfaces were made anew, which forward as the namespace does."""
        self._forwarding.again(made)

    def put_back(self, lost: Collection[InterfaceAddress], made: frozenset[str]) -> dict[str, list[Taken]]:
        """Put back what others took off, or went with interfaces that were made anew. By instance: what."""
        owners = self.keeper.put_back(lost, made)
        self.routes.again(set(owners))
        return {owner: taken for owner, taken in owners.items() if owner != STATIC}

    def stop(self) -> None:
        """Take off what is nobody's; the instances' own they have given up."""
        self.routes.take(STATIC, ())
        self.keeper.take(STATIC, ())
        self.keeper.close()
        self._forwarding.timers()

    def serve_late(self) -> None:
        """Until no late frames are served any more."""
        while self._late.deadline() < math.inf:
            time.sleep(max(0.0, self._late.deadline() - boottime()))
            self._late.expire(boottime())
