# SPDX-License-Identifier: Apache-2.0
"""A director without a kernel: the tables as plain arrays, for tests of what reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Any

import numpy as np
import numpy.typing as npt

from bascule.dataplane.xdp import layout
from bascule.dataplane.xdp.layout import COUNTERS, RAW_SLOT, SLOT, State
from bascule.dataplane.xdp.loader import Director

HZ = 100
NOW = 1_000_000


class FakeDirector(Director):
    """The arrays, a clock that stands still, and housekeeping that frees at once."""

    def __init__(self, lines: int = 64) -> None:
        self.adopted = False
        self.settings = np.zeros((), dtype=layout.SETTINGS)
        self.settings["hz"] = HZ
        for state, seconds in layout.TIMEOUTS.items():
            self.settings["timeouts"][state] = seconds * HZ
        self.table = np.zeros(lines * layout.SLOTS_PER_LINE, dtype=RAW_SLOT)
        self.slots = self.table.view(SLOT)
        self.services = np.zeros(32, dtype=layout.SERVICE)
        self.lists = np.zeros((32, layout.SERVERS_PER_SERVICE), dtype="<u2")
        self.cursors = np.zeros(32, dtype=layout.CURSOR)
        self.servers = np.zeros(layout.MAX_SERVERS, dtype=layout.SERVER)
        self.published: dict[tuple[IPv4Address, int, int], int] = {}
        self.accepted: list[tuple[tuple[int, bytes], ...]] = []
        self.aside: list[tuple[int, int]] = []
        self.relays: dict[tuple[IPv4Address, int], tuple[bytes, bytes, int]] = {}
        self.later = 0
        """Ticks since `NOW`."""
        self.of_servers = np.zeros(layout.MAX_SERVERS, dtype=COUNTERS)
        self.of_services = np.zeros(32, dtype=COUNTERS)

    def put(
        self, position: int, client: int, service: int, server: int, state: State, age: int, port: int = 4000
    ) -> None:
        """A connection `age` ticks old; port 0 is a template."""
        value = layout.connection_value(server=server, state=state, stamp=NOW - age, template=port == 0)
        self.table[position] = (layout.connection_key(client, port, service), value)

    def close(self) -> None:
        pass

    def accept(self, pairs: Iterable[tuple[int, bytes]]) -> None:
        self.accepted.append(tuple(pairs))

    def publish_service(self, address: IPv4Address, port: int, protocol: int, index: int) -> None:
        self.published[(address, port, protocol)] = index

    def withdraw_service(self, address: IPv4Address, port: int, protocol: int) -> None:
        self.published.pop((address, port, protocol), None)

    def directory_entries(self) -> dict[tuple[IPv4Address, int, int], int]:
        return dict(self.published)

    @property
    def hz(self) -> int:
        return HZ

    def now(self) -> int:
        return NOW + self.later

    def clock(self) -> tuple[int, int]:
        return self.now(), 0

    def relay(self, address: IPv4Address, ifindex: int, mac: bytes, source_mac: bytes, until: int) -> None:
        self.relays[address, ifindex] = (mac, source_mac, until)

    def forget_relays(self) -> None:
        self.relays.clear()

    def overflow(self) -> npt.NDArray[np.void]:
        return np.array(self.aside, dtype=RAW_SLOT)

    def free(self, positions: npt.NDArray[np.intp], keys: npt.NDArray[Any], values: npt.NDArray[Any]) -> int:
        freed = 0
        for position, key, value in zip(positions, keys, values, strict=True):
            if self.table[position]["key"] == key and self.table[position]["value"] == value:
                self.table[position] = (0, 0)
                freed += 1
        return freed

    def free_overflow(self, keys: npt.NDArray[Any], values: npt.NDArray[Any]) -> int:
        gone = {(int(key), int(value)) for key, value in zip(keys, values, strict=True)}
        self.aside = [entry for entry in self.aside if entry not in gone]
        return len(gone)

    def server_counters(self, count: int) -> npt.NDArray[np.void]:
        return self.of_servers[:count]

    def service_counters(self, count: int) -> npt.NDArray[np.void]:
        return self.of_services[:count]

    def clear_server_counters(self, index: int) -> None:
        self.of_servers[index] = (0, 0, 0)

    def clear_service_counters(self, index: int) -> None:
        self.of_services[index] = (0, 0, 0)
