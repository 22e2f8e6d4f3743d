# SPDX-License-Identifier: Apache-2.0
"""The XDP director as its one writer sees it: puts the parts together and keeps them up.

Edits are in tables.py, interfaces in attach.py, MACs in neighbours.py and following.py, what a predecessor
has in relays.py, what is over in upkeep.py, pins in pins.py; the program and its maps are the loader's.
"""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterable, Iterator

import numpy as np

from bascule.dataplane.xdp import views
from bascule.dataplane.xdp.attach import Attachments, wanted_interfaces
from bascule.dataplane.xdp.following import Following
from bascule.dataplane.xdp.layout import SLOTS_PER_LINE
from bascule.dataplane.xdp.loader import Director
from bascule.dataplane.xdp.pins import Pins
from bascule.dataplane.xdp.rates import Estimator
from bascule.dataplane.xdp.relays import Relays
from bascule.dataplane.xdp.tables import Tables
from bascule.dataplane.xdp.upkeep import Upkeep
from bascule.errors import KernelRefusedError
from bascule.linux import links
from bascule.linux.addresses import DELETE_ADDRESS, NEW_ADDRESS
from bascule.linux.interfaces import DELETE_LINK, NEW_LINK
from bascule.linux.links import Link
from bascule.linux.neighbours import GROUP_IPV4_ROUTE, GROUP_NEIGHBOUR
from bascule.linux.netlink import GROUP_IPV4_ADDRESS, GROUP_LINK, Monitor, Netlink
from bascule.model.base import IPAddress
from bascule.model.configuration import Configuration
from bascule.model.service import Connection, RealServer, ServerId, ServiceId, ServiceView, VirtualService
from bascule.model.status import AttachmentStatus

LOOK_INTERVAL = 2.0
"""Seconds between two looks at links, routes and neighbours when nothing is heard of them."""

LOOK_PAUSE = 0.1
"""Seconds between two looks at least, however much is heard."""

_DECIDING = (NEW_LINK, DELETE_LINK, NEW_ADDRESS, DELETE_ADDRESS)
"""Messages that may change whose frames are taken."""

QUIET_SHARE, BUSY_SHARE = 0.02, 0.2
"""Of a processor's time that looks may take when nothing is heard, and when much is."""

NOTE_OWN_CONNECTIONS = (
    "connections from this director itself to its virtual addresses do not pass XDP: they are not balanced"
)


class XdpPlane:
    """`Plane` by our own XDP program, in the calling thread's network namespace."""

    kind = "xdp"

    def __init__(self, run_dir: pathlib.Path, *, slots: int) -> None:
        """Open the director: adopt what is pinned, or make it with `slots` connection slots.

        Raises KernelRefusedError; what was there before is then as it was.
        """
        self._pins = Pins(run_dir)
        self._slots = slots
        self.director = _open(self._pins, slots)
        """The maps and programs."""
        self._upkeep = Upkeep(self.director)
        self.tables = Tables(self.director, self._upkeep.pointed)
        if self.director.adopted:
            self.tables.repair()
        self._netlink = Netlink()
        self._monitor = Monitor((GROUP_LINK, GROUP_NEIGHBOUR, GROUP_IPV4_ADDRESS, GROUP_IPV4_ROUTE))
        self._attachments = Attachments(self.director, self._pins)
        self._following = Following(self.director, self._netlink)
        self._relays = Relays(self.director)
        self._rates = Estimator(self._pins.rates)
        self._looked = float("-inf")
        self._look_due = 0.0
        self._look_cost = 0.0
        self._links: dict[int, Link] = {}
        """As they were at the last look, which is at once when one changes."""

    @property
    def adopted(self) -> bool:
        """Whether the table was there before this process."""
        return self.director.adopted

    def configure(self, configuration: Configuration) -> None:
        """Sit on the interfaces of this configuration. Raises KernelRefusedError; what stood before then stays."""
        found = links.dump(self._netlink)
        names = wanted_interfaces(configuration, self._netlink, found)
        self._attachments.place(names, configuration.options.xdp_mode, found)
        self._accept(found)
        self._following.configure(
            real.address for service in configuration.virtual_servers for real in service.real_servers
        )
        self._look_due = 0.0

    def services(self) -> tuple[ServiceView, ...]:
        """Every service that the director holds, ours and foreign, in the order of its table."""
        return views.services(self.director, self._rates.view(), self._following.trouble)

    def connections(self) -> Iterator[Connection]:
        """Every live connection and persistence template, in no particular order."""
        return views.connections(self.director)

    def table_size(self) -> int:
        """Slots of the connection table."""
        return len(self.director.table)

    def measure_rates(self) -> None:
        """Nothing to do: `housekeep` keeps averages."""

    def add_service(self, service: VirtualService) -> None:
        """Put a service in, without its `servers`. Raises KernelRefusedError."""
        self.tables.add_service(service)

    def edit_service(self, service: VirtualService) -> None:
        """Change scheduler and persistence; connections and counters stay. Raises KernelRefusedError."""
        self.tables.edit_service(service)

    def remove_service(self, service: ServiceId) -> None:
        """Take a service out with all its servers. Raises KernelRefusedError."""
        self.tables.remove_service(service)

    def add_server(self, service: ServiceId, server: RealServer) -> None:
        """Put a real server in; its MAC is asked for at the next `housekeep`. Raises KernelRefusedError."""
        self.tables.add_server(service, server)
        self._look_due = 0.0

    def edit_server(self, service: ServiceId, server: RealServer) -> None:
        """Change a weight. Raises KernelRefusedError."""
        self.tables.edit_server(service, server)

    def remove_server(self, service: ServiceId, server: ServerId) -> None:
        """Take a real server out; packets of its connections are dropped. Raises KernelRefusedError.

        Connections that it never answered are forgotten.
        """
        index = self.tables.remove_server(service, server)
        self._upkeep.drop_half_open(index)

    def relay(self, interface: str, addresses: Iterable[IPAddress], mac: bytes) -> None:
        """For a moment, send frames for these addresses that come by `interface` and are of no connection here to the
        director with this MAC, which may hand them over. Raises KernelRefusedError.
        """
        sits = self._attachments.indexes(self._links)
        for link in self._links.values():
            if link.name == interface and link.index in sits:
                self._relays.arm(link.index, addresses, mac, link.hardware_address)

    def fileno(self) -> int:
        """Readable when links, routes or neighbours changed: then `housekeep`."""
        return self._monitor.fileno()

    def housekeep(self, now: float) -> float:
        """Upkeep at monotonic time `now`; returns when to call again (same clock), or earlier when readable."""
        heard, complete = self._monitor.receive()
        if any(message.kind in _DECIDING for message in heard) or not complete:
            # At once: as long as a new virtual MAC is not taken, its connections get the stack's resets.
            self._accept(links.dump(self._netlink))
        if heard or not complete:
            self._look_due = min(self._look_due, self._looked + max(LOOK_PAUSE, self._look_cost / BUSY_SHARE))
        if now >= self._look_due:
            self._look(now)
        due = self._upkeep.run(now)
        if now >= self._rates.due(now):
            names = self.tables.names
            self._rates.sample(
                now,
                self.director.service_counters(names.highest_service() + 1),
                self.director.server_counters(names.highest_server() + 1),
            )
        return min(due, self._look_due, self._rates.due(now))

    def attachments(self) -> tuple[AttachmentStatus, ...]:
        """The interfaces that the director sits on."""
        return self._attachments.status(links.dump(self._netlink))

    def counters(self) -> dict[str, int]:
        """Packets by verdict since the director was made."""
        return self.director.verdicts()

    def errors(self) -> tuple[str, ...]:
        """The real servers that direct routing cannot reach, and why."""
        return tuple(self._following.unusable.values())

    def notes(self) -> tuple[str, ...]:
        """What else an operator should know, in words."""
        following = self._following
        silent = [text for address, text in following.trouble.items() if address not in following.unusable]
        found = [NOTE_OWN_CONNECTIONS, *silent]
        found += [f"{entry.interface}: {entry.note}" for entry in self.attachments() if entry.note]
        found += [self._pins.note] if self._pins.note is not None else []
        if _lines(self._slots) * SLOTS_PER_LINE != self.table_size():
            found.append(f"the connection table keeps its {self.table_size()} slots until a full stop")
        if following.crowded:
            found.append(f"{following.crowded} virtual MACs too many: their frames are not balanced")
        if self._upkeep.corrected:
            found.append(f"{self._upkeep.corrected} connection counts had gone astray and were put right")
        return tuple(found)

    def close(self) -> None:
        """Let go; table, pins and links stay for the next process."""
        self._monitor.close()
        self._netlink.close()
        self._rates.close()
        self.director.close()

    def destroy(self) -> None:
        """Take links, pins and maps out of the kernel, and close."""
        self._attachments.place((), self._attachments.mode, {})
        self.close()
        Director.remove_pins(self._pins.maps)
        self._pins.release()

    def _accept(self, found: dict[int, Link]) -> None:
        self._links = found
        self._following.accept(self._attachments.indexes(found), found)

    def _look(self, now: float) -> None:
        """Follow links, routes and neighbours."""
        began = time.thread_time()
        found = links.dump(self._netlink)
        self._attachments.keep(found)
        self._accept(found)
        self._following.look(now)
        self._look_cost = time.thread_time() - began
        self._looked, self._look_due = now, now + max(LOOK_INTERVAL, self._look_cost / QUIET_SHARE)


def _open(pins: Pins, slots: int) -> Director:
    """Open the pins; a failure leaves no folder or mount that was not there before."""
    pins.prepare()
    try:
        return Director.open(pins.maps, lines=_lines(slots))
    except KernelRefusedError:
        if not any(pins.maps.iterdir()) and not pins.interfaces():
            pins.release()
        raise


def _lines(slots: int) -> int:
    """Table lines for at least so many slots: a power of two."""
    return 1 << max(1, int(np.ceil(np.log2(max(1, slots) / SLOTS_PER_LINE))))
