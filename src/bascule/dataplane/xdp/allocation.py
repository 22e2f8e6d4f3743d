# SPDX-License-Identifier: Apache-2.0
"""Which index of the service and server tables stands for whom.

The tables themselves remember: a record whose name fields are set is taken, whether or not it is present. So a real
server that was removed keeps its index, its connections and its counters until it returns, and the next process finds
everything by reading. An index is taken back only when the table is full otherwise, and only when no connection and
no template points to it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bascule.dataplane.xdp.layout import SERVER_PRESENT, SERVICE_PRESENT
from bascule.errors import KernelRefusedError
from bascule.model.service import Protocol, ServerId, ServiceId

Records: TypeAlias = npt.NDArray[Any]
"""Structured records over an mmapped map."""

Pointed = Callable[[], tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]
"""For each service index and each server index: whether a connection or template names it."""

PROTOCOLS = {protocol.number: protocol for protocol in Protocol}


class Allocation:
    """The names of all taken indexes, over the live tables. Index 0 is nobody."""

    def __init__(self, services: Records, servers: Records, pointed: Pointed) -> None:
        """Read which indexes are taken."""
        self._services = services
        self._servers = servers
        self._pointed = pointed
        self._service_index = {service_name(services[index]): int(index) for index in _taken(services, "address")}
        self._server_index = {
            (int(servers["service"][index]), server_name(servers[index])): int(index)
            for index in _taken(servers, "service")
        }

    def service(self, name: ServiceId) -> int | None:
        """The index of a service, present or remembered."""
        return self._service_index.get(name)

    def server(self, service: int, name: ServerId) -> int | None:
        """The index of a real server of a service, present or remembered."""
        return self._server_index.get((service, name))

    def servers_of(self, service: int) -> tuple[int, ...]:
        """Every index, present or remembered, that belongs to a service."""
        return tuple(int(index) for index in np.flatnonzero(self._servers["service"] == service))

    def claim_service(self, name: ServiceId) -> int:
        """The index that this service has or now gets; not yet present. Raises KernelRefusedError when full."""
        known = self.service(name)
        if known is not None:
            return known
        index = self._free(self._services, "address", self._reclaim_services, "services")
        record = self._services
        record["port"][index], record["protocol"][index] = name.port, name.protocol.number
        record["address"][index] = int(name.address)
        self._service_index[name] = index
        return index

    def claim_server(self, service: int, name: ServerId) -> int:
        """The index that this real server has or now gets; not yet present. Raises KernelRefusedError when full."""
        known = self.server(service, name)
        if known is not None:
            return known
        index = self._free(self._servers, "service", self._reclaim_servers, "real servers")
        record = self._servers
        record["address"][index], record["port"][index] = int(name.address), name.port
        record["service"][index] = service
        self._server_index[(service, name)] = index
        return index

    def highest_service(self) -> int:
        """The highest service index in use; 0 when there is none."""
        return max(self._service_index.values(), default=0)

    def highest_server(self) -> int:
        """The highest server index in use; 0 when there is none."""
        return max(self._server_index.values(), default=0)

    def _free(self, records: Records, field: str, reclaim: Callable[[], None], what: str) -> int:
        """The lowest free index, after taking back what nothing points to if there was none."""
        for attempt in (None, reclaim):
            if attempt is not None:
                attempt()
            free = np.flatnonzero(records[field][1:] == 0)
            if len(free):
                index = int(free[0]) + 1
                records[index] = np.zeros((), dtype=records.dtype)
                return index
        raise KernelRefusedError(f"no room for more {what}: the table holds {len(records) - 1}")

    def _reclaim_servers(self) -> None:
        _, pointed = self._pointed()
        for key, index in tuple(self._server_index.items()):
            if not self._servers["flags"][index] & SERVER_PRESENT and not pointed[index]:
                self._servers["service"][index] = 0
                del self._server_index[key]

    def _reclaim_services(self) -> None:
        self._reclaim_servers()
        pointed, _ = self._pointed()
        owners = {service for service, _ in self._server_index}
        for name, index in tuple(self._service_index.items()):
            present = bool(self._services["flags"][index] & SERVICE_PRESENT)
            if not present and not pointed[index] and index not in owners:
                self._services["address"][index] = 0
                del self._service_index[name]


def service_name(record: Records) -> ServiceId:
    """The name in a service's record."""
    return ServiceId(
        protocol=PROTOCOLS[int(record["protocol"])],
        address=ipaddress.IPv4Address(int(record["address"])),
        port=int(record["port"]),
    )


def server_name(record: Records) -> ServerId:
    """The name in a server's record."""
    return ServerId(address=ipaddress.IPv4Address(int(record["address"])), port=int(record["port"]))


def _taken(records: Records, field: str) -> npt.NDArray[np.intp]:
    return np.flatnonzero(records[field][1:]) + 1
