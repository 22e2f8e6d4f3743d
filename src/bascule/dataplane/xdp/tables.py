# SPDX-License-Identifier: Apache-2.0
"""The edits of services and real servers in the XDP director's live tables.

Packets read these tables while we write. So a record is filled before anything points to it, a list never shows an
index that is not filled, and each single store is aligned. After a crash between two stores `repair` makes whole.
"""

from __future__ import annotations

import ipaddress
import math

import numpy as np

from bascule.dataplane.xdp.allocation import Allocation, Pointed, service_name
from bascule.dataplane.xdp.layout import (
    SERVER_PRESENT,
    SERVERS_PER_SERVICE,
    SERVICE_PERSISTENT,
    SERVICE_PRESENT,
)
from bascule.dataplane.xdp.loader import Director
from bascule.dataplane.xdp.views import SCHEDULERS, listed
from bascule.errors import KernelRefusedError
from bascule.model.service import ForwardingMethod, Protocol, RealServer, ServerId, ServiceId, VirtualService

EVERY_CLIENT_BIT = 0xFFFFFFFF
NUMBERS = {scheduler: number for number, scheduler in SCHEDULERS.items()}


class Tables:
    """Services and real servers, written in place. Every edit raises KernelRefusedError and then changed nothing."""

    def __init__(self, director: Director, pointed: Pointed) -> None:
        """Read what is there; `pointed` says which indexes connections and templates name."""
        self._director = director
        self.names = Allocation(director.services, director.servers, pointed)

    def add_service(self, service: VirtualService) -> None:
        """Put a service in, without its servers."""
        check_service(service)
        if self._present(service.id) is not None:
            raise KernelRefusedError(f"{service.id}: Service already exists")
        known = self.names.service(service.id)
        index = self.names.claim_service(service.id)
        if known is None:
            self._director.clear_service_counters(index)
        record = self._director.services
        record["server_count"][index] = 0
        record["client_mask"][index] = EVERY_CLIENT_BIT
        self._weights_changed(index)
        self._write_manner(index, service)
        self._publish(service.id, index)

    def edit_service(self, service: VirtualService) -> None:
        """Change scheduler and persistence."""
        check_service(service)
        self._write_manner(self._service(service.id), service)

    def remove_service(self, name: ServiceId) -> None:
        """Take a service out with its servers; they are remembered while connections point to them."""
        index = self._service(name)
        self._director.withdraw_service(ipaddress.IPv4Address(int(name.address)), name.port, name.protocol.number)
        for server in listed(self._director, index):
            self._director.servers["flags"][server] = 0
        self._director.services["flags"][index] = 0
        self._director.services["server_count"][index] = 0

    def add_server(self, name: ServiceId, server: RealServer) -> None:
        """Put a real server in; one that was there before gets its index back, and all that hangs on it."""
        check_server(name, server)
        service = self._service(name)
        in_use = listed(self._director, service)
        known = self.names.server(service, server.id)
        if known in in_use:
            raise KernelRefusedError(f"{name}: {server.id.text(name.protocol)}: Destination already exists")
        if len(in_use) >= SERVERS_PER_SERVICE:
            raise KernelRefusedError(f"{name}: no room for more than {SERVERS_PER_SERVICE} real servers")
        index = self.names.claim_server(service, server.id)
        if known is None:
            self._director.clear_server_counters(index)
        self._director.servers["weight"][index] = server.weight
        self._director.servers["flags"][index] = SERVER_PRESENT
        self._insert_first(service, index, in_use)
        self._weights_changed(service)

    def edit_server(self, name: ServiceId, server: RealServer) -> None:
        """Change a weight."""
        check_server(name, server)
        service = self._service(name)
        self._director.servers["weight"][self._server(service, name, server.id)] = server.weight
        self._weights_changed(service)

    def remove_server(self, name: ServiceId, server: ServerId) -> int:
        """Take a real server out: its connections' packets are dropped while it is away. Returns its index."""
        service = self._service(name)
        index = self._server(service, name, server)
        self._director.servers["flags"][index] = 0
        self._close_gap(service, index)
        self._weights_changed(service)
        return index

    def repair(self) -> None:
        """Make whole what a crash between two stores left: lists, presence and directory agree afterwards."""
        services, servers = self._director.services, self._director.servers
        published = self._director.directory_entries()
        for index in np.flatnonzero(services["address"]):
            service, name = int(index), service_name(services[index])
            key = (ipaddress.IPv4Address(int(name.address)), name.port, name.protocol.number)
            present = bool(services["flags"][service] & SERVICE_PRESENT)
            if present and published.get(key) != service:
                self._publish(name, service)
            if not present and published.get(key) == service:
                self._director.withdraw_service(*key)
            kept = self._sound(service) if present else ()
            self._director.lists[service][: len(kept)] = kept
            services["server_count"][service] = len(kept)
            for server in self.names.servers_of(service):
                servers["flags"][server] = SERVER_PRESENT if server in kept else 0
            self._weights_changed(service)

    def _sound(self, service: int) -> tuple[int, ...]:
        """The listed servers that are this service's and present, each once."""
        servers = self._director.servers
        return tuple(
            index
            for index in dict.fromkeys(listed(self._director, service))
            if servers["service"][index] == service and servers["flags"][index] & SERVER_PRESENT
        )

    def _write_manner(self, index: int, service: VirtualService) -> None:
        """Scheduler, persistence, presence; flags last."""
        record = self._director.services
        number = int(NUMBERS[service.scheduler])
        if record["scheduler"][index] != number:
            record["scheduler"][index] = number
            self._director.cursors[index] = np.zeros((), dtype=self._director.cursors.dtype)
        flags = SERVICE_PRESENT
        if service.persistence is not None:
            record["persistence"][index] = max(1, round(service.persistence * self._director.hz))
            flags |= SERVICE_PERSISTENT
        record["flags"][index] = flags

    def _publish(self, name: ServiceId, index: int) -> None:
        address = ipaddress.IPv4Address(int(name.address))
        self._director.publish_service(address, name.port, name.protocol.number, index)

    def _insert_first(self, service: int, index: int, in_use: tuple[int, ...]) -> None:
        """The newest server stands first, as in IPVS. Shifts from the end, so that a reader may see one twice."""
        entries = self._director.lists[service]
        for position in range(len(in_use), 0, -1):
            entries[position] = entries[position - 1]
        entries[0] = index
        self._director.services["server_count"][service] = len(in_use) + 1

    def _close_gap(self, service: int, index: int) -> None:
        in_use = listed(self._director, service)
        entries = self._director.lists[service]
        for position in range(in_use.index(index), len(in_use) - 1):
            entries[position] = entries[position + 1]
        self._director.services["server_count"][service] = len(in_use) - 1

    def _weights_changed(self, service: int) -> None:
        """What wrr needs to know of all weights together."""
        weights = [int(self._director.servers["weight"][index]) for index in listed(self._director, service)]
        self._director.services["max_weight"][service] = max(weights, default=0)
        self._director.services["weight_gcd"][service] = math.gcd(*weights)

    def _present(self, name: ServiceId) -> int | None:
        index = self.names.service(name)
        if index is None or not self._director.services["flags"][index] & SERVICE_PRESENT:
            return None
        return index

    def _service(self, name: ServiceId) -> int:
        index = self._present(name)
        if index is None:
            raise KernelRefusedError(f"{name}: No such service")
        return index

    def _server(self, service: int, name: ServiceId, server: ServerId) -> int:
        index = self.names.server(service, server)
        if index is None or index not in listed(self._director, service):
            raise KernelRefusedError(f"{name}: {server.text(name.protocol)}: No such destination")
        return index


def check_service(service: VirtualService) -> None:
    """Raise KernelRefusedError, naming the service, for what the XDP director cannot do (yet)."""
    name = service.id
    if name.address.version != 4:
        raise KernelRefusedError(f"{name}: the XDP director does not do IPv6 yet")
    if name.protocol not in (Protocol.TCP, Protocol.UDP):
        raise KernelRefusedError(f"{name}: the XDP director does not do {name.protocol.value.upper()} yet")
    if service.scheduler not in NUMBERS:
        known = ", ".join(sorted(scheduler.value for scheduler in NUMBERS))
        raise KernelRefusedError(f"{name}: the XDP director has no scheduler {service.scheduler.value} yet ({known})")


def check_server(name: ServiceId, server: RealServer) -> None:
    """Raise KernelRefusedError, naming the real server, for what the XDP director cannot do (yet)."""
    who = f"{name}: {server.id.text(name.protocol)}"
    if server.forwarding is not ForwardingMethod.DR:
        raise KernelRefusedError(f"{who}: the XDP director forwards by DR only, not by {server.forwarding.value} yet")
    if server.address.version != 4:
        raise KernelRefusedError(f"{who}: the XDP director does not do IPv6 yet")
    if server.upper_threshold or server.lower_threshold:
        raise KernelRefusedError(f"{who}: the XDP director has no connection thresholds yet")
