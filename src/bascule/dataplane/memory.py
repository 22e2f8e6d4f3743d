# SPDX-License-Identifier: Apache-2.0
"""A data plane that is a dictionary: for tests, `plan` and dry runs. It forwards nothing and holds no connections.

It refuses what the kernel's planes refuse, in ipvsadm's words, so that whatever runs against it runs against them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import msgspec

from bascule.errors import KernelRefusedError
from bascule.model.base import IPAddress
from bascule.model.configuration import Configuration
from bascule.model.service import (
    Connection,
    Counters,
    RealServer,
    RealServerView,
    ServerId,
    ServiceId,
    ServiceView,
    VirtualService,
)
from bascule.model.status import AttachmentStatus

HOUSEKEEPING_INTERVAL = 3600.0
"""Seconds; there is nothing to do."""


@dataclasses.dataclass(slots=True)
class _Held:
    service: VirtualService
    servers: dict[ServerId, RealServer] = dataclasses.field(default_factory=dict)


class MemoryPlane:
    """`Plane` over a dictionary, in the order in which services and servers were added."""

    kind = "memory"

    def __init__(self) -> None:
        """An empty plane."""
        self._held: dict[ServiceId, _Held] = {}
        self._counters: dict[tuple[ServiceId, ServerId], Counters] = {}
        self.configuration: Configuration | None = None
        """What `configure` was last given."""

    def services(self) -> tuple[ServiceView, ...]:
        """Every service; all are shown as ours, ownership is the ledger's matter."""
        return tuple(
            ServiceView(
                service=held.service,
                servers=tuple(
                    RealServerView(server=server, counters=self._counters.get((name, server.id), Counters()))
                    for server in held.servers.values()
                ),
            )
            for name, held in self._held.items()
        )

    def connections(self) -> Iterator[Connection]:
        """None, ever."""
        return iter(())

    def table_size(self) -> int:
        """No connections, no table."""
        return 0

    def measure_rates(self) -> None:
        """No packets, no rates."""

    def close(self) -> None:
        """Nothing to let go of."""

    def configure(self, configuration: Configuration) -> None:
        """Keep the configuration; a dictionary sits nowhere."""
        self.configuration = configuration

    def add_service(self, service: VirtualService) -> None:
        """Put a service in, without its servers. Raises KernelRefusedError when it is there."""
        if service.id in self._held:
            raise KernelRefusedError(f"{service.id}: Service already exists")
        self._held[service.id] = _Held(msgspec.structs.replace(service, servers=()))

    def edit_service(self, service: VirtualService) -> None:
        """Change scheduler and persistence. Raises KernelRefusedError when it is not there."""
        self._service(service.id).service = msgspec.structs.replace(service, servers=())

    def remove_service(self, service: ServiceId) -> None:
        """Take a service out with its servers. Raises KernelRefusedError when it is not there."""
        self._service(service)
        del self._held[service]

    def add_server(self, service: ServiceId, server: RealServer) -> None:
        """Put a real server in. Raises KernelRefusedError without its service or when it is there."""
        held = self._service(service)
        if server.id in held.servers:
            raise KernelRefusedError(f"{service}: {server.id.text(service.protocol)}: Destination already exists")
        held.servers[server.id] = server

    def edit_server(self, service: ServiceId, server: RealServer) -> None:
        """Change a real server. Raises KernelRefusedError when it is not there."""
        self._server(service, server.id)
        self._held[service].servers[server.id] = server

    def remove_server(self, service: ServiceId, server: ServerId) -> None:
        """Take a real server out. Raises KernelRefusedError when it is not there."""
        self._server(service, server)
        del self._held[service].servers[server]

    def count(self, service: ServiceId, server: ServerId, counters: Counters) -> None:
        """Have a real server show these counters; they outlive its absence, as on a real plane."""
        self._counters[(service, server)] = counters

    def relay(self, interface: str, addresses: Iterable[IPAddress], mac: bytes) -> None:
        """No frames, nothing to send on."""

    def housekeep(self, now: float) -> float:
        """Nothing to keep up."""
        return now + HOUSEKEEPING_INTERVAL

    def attachments(self) -> tuple[AttachmentStatus, ...]:
        """A dictionary sits on no interface."""
        return ()

    def counters(self) -> dict[str, int]:
        """No packets, no verdicts."""
        return {}

    def errors(self) -> tuple[str, ...]:
        """A dictionary can hold anything."""
        return ()

    def notes(self) -> tuple[str, ...]:
        """What an operator should know."""
        return ("this data plane is a dictionary: it forwards nothing",)

    def destroy(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._counters.clear()

    def _service(self, service: ServiceId) -> _Held:
        try:
            return self._held[service]
        except KeyError:
            raise KernelRefusedError(f"{service}: No such service") from None

    def _server(self, service: ServiceId, server: ServerId) -> RealServer:
        try:
            return self._service(service).servers[server]
        except KeyError:
            raise KernelRefusedError(f"{service}: {server.text(service.protocol)}: No such destination") from None
