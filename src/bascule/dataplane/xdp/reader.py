# SPDX-License-Identifier: Apache-2.0
"""The XDP director as anybody may read it from its pins: beside the daemon, or with the daemon dead."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterator

from bascule.dataplane.xdp import rates, views
from bascule.dataplane.xdp.allocation import Records
from bascule.dataplane.xdp.loader import Director
from bascule.dataplane.xdp.pins import Pins, is_bpf_mounted
from bascule.errors import KernelRefusedError
from bascule.model.service import Connection, ServiceView

MEASURE_SECONDS = 1.0
"""How long rates are measured when no daemon keeps averages."""


class XdpReader:
    """`PlaneReader` on the pins of the calling thread's network namespace."""

    kind = "xdp"

    def __init__(self, run_dir: pathlib.Path) -> None:
        """Open the pins. Raises KernelRefusedError when no director of ours is in this network namespace."""
        pins = Pins(run_dir)
        try:
            present = is_bpf_mounted(pins.root) and pins.maps.is_dir()
        except PermissionError:
            raise KernelRefusedError(f"only root may look at the data plane ({pins.root})") from None
        if not present:
            raise KernelRefusedError(f"there is no data plane of bascule in this network namespace (below {pins.root})")
        self._rates_path = pins.rates
        self._director = Director.reader(pins.maps)
        self._measured: rates.RatesView | None = None

    def services(self) -> tuple[ServiceView, ...]:
        """Every service that the director holds."""
        averages = rates.read(self._rates_path, time.monotonic()) or self._measured
        return views.services(self._director, averages)

    def connections(self) -> Iterator[Connection]:
        """Every live connection and persistence template."""
        return views.connections(self._director)

    def table_size(self) -> int:
        """Slots of the connection table."""
        return len(self._director.table)

    def measure_rates(self) -> None:
        """Have `services` show rates even if no daemon keeps averages; takes a second in that case."""
        if rates.read(self._rates_path, time.monotonic()) is not None:
            return
        before, start = self._counters(), time.monotonic()
        time.sleep(MEASURE_SECONDS)
        self._measured = rates.measured(before, self._counters(), time.monotonic() - start)

    def close(self) -> None:
        """Let go of the mappings; the director stays as it is."""
        self._director.close()

    def _counters(self) -> tuple[Records, Records]:
        services, servers = self._director.services, self._director.servers
        return (
            self._director.service_counters(_used(services["address"])),
            self._director.server_counters(_used(servers["service"])),
        )


def _used(names: Records) -> int:
    """How many records reach to the last that has a name."""
    found = names.nonzero()[0]
    return int(found[-1]) + 1 if len(found) else 1
