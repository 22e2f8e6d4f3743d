# SPDX-License-Identifier: Apache-2.0
"""From what waits at ports to the instances that it is for; what is nobody's is counted and may be an alarm."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_intake, vrrp_plan
from bascule.daemon.roles.vrrp_alarm import Bell
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_intake import Heard, boottime
from bascule.daemon.roles.vrrp_ports import Port, Ports
from bascule.daemon.roles.vrrp_rim import Outcome
from bascule.vrrp import packet
from bascule.vrrp.packet import RefusedPacketError


class Hearing:
    """Which instance a packet is for."""

    def __init__(
        self,
        log: Log,
        ports: Ports,
        bell: Bell,
        instances: Mapping[str, Instance],
        follow: Callable[[Instance, Outcome], None],
    ) -> None:
        """Nobody hears before `settle`. `follow` gets what came of each advert."""
        self._log = log
        self._ports = ports
        self._bell = bell
        self._instances = instances
        self._follow = follow
        self._by_router: dict[tuple[str, int, int], Instance] = {}
        self._beneath: dict[str, str] = {}
        """By interface that adverts are heard on: the one of the configuration."""
        self._routers: frozenset[tuple[str, int, int]] = frozenset()
        self._reading: set[str] = set()

    def settle(self) -> None:
        """Know the instances that there are now."""
        instances = self._instances.values()
        self._by_router = {(i.seat.talks, i.config.vrid, i.config.family): i for i in instances}
        self._beneath = {i.seat.talks: i.seat.base for i in instances}
        self._routers = frozenset(vrrp_plan.router_of(instance.config) for instance in instances)

    def packets(self, port: Port, awake_since: float = math.inf) -> None:
        """Hand in what waits at a port, in its order: a drain asked for meanwhile must not put newer before older."""
        if port.name in self._reading:
            return
        self._reading.add(port.name)
        try:
            for heard in vrrp_intake.adverts(port, self._log):
                self._deliver(port, heard, awake_since)
        finally:
            self._reading.discard(port.name)

    def _deliver(self, port: Port, heard: Heard, awake_since: float) -> None:
        vrid, family = heard.advert.vrid, heard.datagram.source.version
        instance = self._by_router.get((port.name, vrid, family))
        if instance is None:
            # A copy for the interface next to the one that its instance hears is no stranger.
            if (self._beneath.get(port.name), vrid, family) not in self._routers:
                self._refuse(port, heard)
            return
        own = self._ports.own(port)
        outcome = instance.hear(heard.advert, heard.datagram, own, heard.at, boottime(), awake_since)
        if outcome.refused is not None:
            self._bell.refused(instance, heard.datagram, outcome.refused)
        self._follow(instance, outcome)

    def _refuse(self, port: Port, heard: Heard) -> None:
        vrid, family = heard.advert.vrid, heard.datagram.source.version
        stranger = RefusedPacketError(packet.Refusal.VRID, f"no instance here has VRID {vrid} over IPv{family}")
        vrrp_intake.refuse(port, heard.datagram, stranger, self._log)
        self._bell.stranger(self._instances.values(), heard.advert, heard.datagram)
