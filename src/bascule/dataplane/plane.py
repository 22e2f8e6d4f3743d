# SPDX-License-Identifier: Apache-2.0
"""The interface of a data plane.

A plane holds virtual services, their real servers, connections and counters. `reconcile` compares what it holds with
what is wanted and calls the six edits; nothing else writes. Each edit is applied whole, or raises `KernelRefusedError`
and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from bascule.model.base import IPAddress
from bascule.model.configuration import Configuration
from bascule.model.service import Connection, RealServer, ServerId, ServiceId, ServiceView, VirtualService
from bascule.model.status import AttachmentStatus


class PlaneReader(Protocol):
    """What may be asked of a plane without owning it: works with the daemon dead."""

    kind: str

    def services(self) -> tuple[ServiceView, ...]:
        """Every service that the plane holds, ours and foreign, in the plane's own order."""
        ...

    def connections(self) -> Iterator[Connection]:
        """Every live connection and persistence template, in no particular order."""
        ...

    def table_size(self) -> int:
        """Slots of the connection table; 0 where there is none."""
        ...

    def measure_rates(self) -> None:
        """Have `services` show rates even if nobody keeps averages of them; may take a second."""
        ...

    def close(self) -> None:
        """Let go of descriptors and mappings; the plane itself stays as it is."""
        ...


class Plane(PlaneReader, Protocol):
    """A plane as its one writer sees it. Not thread-safe."""

    def configure(self, configuration: Configuration) -> None:
        """Sit where this configuration needs the plane (interfaces, mode). Called before the first edit and at reload.

        Raises KernelRefusedError, naming the interface and what is missing; what stood before stays.
        """
        ...

    def add_service(self, service: VirtualService) -> None:
        """Put a service in, without its `servers`."""
        ...

    def edit_service(self, service: VirtualService) -> None:
        """Change scheduler and persistence; connections and counters stay."""
        ...

    def remove_service(self, service: ServiceId) -> None:
        """Take a service out with all its servers; its connections are dropped from then on."""
        ...

    def add_server(self, service: ServiceId, server: RealServer) -> None:
        """Put a real server in; one that was there before gets its connections and counters back."""
        ...

    def edit_server(self, service: ServiceId, server: RealServer) -> None:
        """Change weight, forwarding method and thresholds."""
        ...

    def remove_server(self, service: ServiceId, server: ServerId) -> None:
        """Take a real server out; packets of its connections are dropped."""
        ...

    def relay(self, interface: str, addresses: Iterable[IPAddress], mac: bytes) -> None:
        """For a moment, send frames for these addresses that come by `interface` and are of no connection here to the
        director with this MAC, which may hand them over. Raises KernelRefusedError.
        """
        ...

    def housekeep(self, now: float) -> float:
        """Expiry, neighbours, rates: upkeep at monotonic time `now`; returns when to call again (same clock)."""
        ...

    def attachments(self) -> tuple[AttachmentStatus, ...]:
        """The interfaces that the plane sits on; empty where it sits on none."""
        ...

    def counters(self) -> dict[str, int]:
        """Packets by verdict since the plane was made."""
        ...

    def errors(self) -> tuple[str, ...]:
        """What of the configuration is not in effect and cannot be as things are, in words."""
        ...

    def notes(self) -> tuple[str, ...]:
        """What else an operator should know, in words."""
        ...

    def destroy(self) -> None:
        """Take everything out of the kernel that this plane put there, and close."""
        ...
