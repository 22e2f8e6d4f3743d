# SPDX-License-Identifier: Apache-2.0
"""Rates as IPVS's estimator smooths them: a sample every two seconds, each weighing a quarter.

The averages live in a small file that readers map, so that `ipvsadm --rate` shows them from another process; a reader
that finds them old (the daemon is dead) measures for itself.
"""

from __future__ import annotations

import pathlib

import numpy as np

from bascule.dataplane.xdp.allocation import Records
from bascule.dataplane.xdp.layout import COUNTERS, MAX_SERVERS, MAX_SERVICES
from bascule.model.service import Rates

INTERVAL = 2.0
"""Seconds between two samples."""

WEIGHT = 0.25
"""What the newest sample weighs in the average."""

STALE = 3 * INTERVAL
"""Seconds after which averages are nobody's any more."""

AVERAGE = np.dtype([("connections", "<f8"), ("packets", "<f8"), ("bytes", "<f8")])
FILE = np.dtype([("updated", "<f8"), ("services", AVERAGE, (MAX_SERVICES,)), ("servers", AVERAGE, (MAX_SERVERS,))])


class Estimator:
    """The writer: folds counters into averages. Times are monotonic seconds."""

    def __init__(self, path: pathlib.Path) -> None:
        """Make the file anew or go on with what it holds."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.stat().st_size != FILE.itemsize:
            with path.open("wb") as file:
                file.truncate(FILE.itemsize)
        self._shared = np.memmap(path, dtype=FILE, mode="r+", shape=())
        self._last: tuple[float, dict[str, Records]] | None = None

    def due(self, now: float) -> float:
        """When the next sample is to be taken."""
        return now if self._last is None else self._last[0] + INTERVAL

    def sample(self, now: float, services: Records, servers: Records) -> None:
        """Take a sample of the counters (COUNTERS by index). The first one only sets the starting point."""
        counters = {"services": services.copy(), "servers": servers.copy()}
        if self._last is not None and now > self._last[0]:
            for part, totals in counters.items():
                self._fold(part, self._last[1][part], totals, now - self._last[0])
        self._shared["updated"] = now
        self._last = (now, counters)

    def _fold(self, part: str, before: Records, after: Records, span: float) -> None:
        known = min(len(before), len(after))
        for field in COUNTERS.names or ():
            grown = after[field][:known].astype(np.int64) - before[field][:known].astype(np.int64)
            average = self._shared[part][field][:known]
            average += (np.maximum(grown, 0) / span - average) * WEIGHT

    def view(self) -> RatesView:
        """The averages as they stand."""
        return RatesView(self._shared)

    def close(self) -> None:
        """Let go of the file."""
        del self._shared


class RatesView:
    """Averages by index, from the shared file or measured just now."""

    def __init__(self, averages: Records) -> None:
        """Over a record of type FILE."""
        self._averages = averages

    def service(self, index: int) -> Rates:
        """The rates of a service."""
        return _as_rates(self._averages["services"][index])

    def server(self, index: int) -> Rates:
        """The rates of a real server."""
        return _as_rates(self._averages["servers"][index])


def read(path: pathlib.Path, now: float) -> RatesView | None:
    """The averages that a living daemon keeps in `path`; None when there are none or they are old."""
    if not path.exists() or path.stat().st_size != FILE.itemsize:
        return None
    averages = np.fromfile(path, dtype=FILE, count=1)[0]
    return RatesView(averages) if 0 <= now - averages["updated"] <= STALE else None


def measured(before: tuple[Records, Records], after: tuple[Records, Records], span: float) -> RatesView:
    """Plain rates between two readings of (services', servers') counters, `span` seconds apart."""
    averages = np.zeros((), dtype=FILE)
    for part, old, new in zip(("services", "servers"), before, after, strict=True):
        for field in COUNTERS.names or ():
            averages[part][field][: len(old)] = (new[field] - old[field]) / span
    return RatesView(averages)


def _as_rates(average: Records) -> Rates:
    return Rates(
        connections=round(float(average["connections"])),
        packets_in=round(float(average["packets"])),
        bytes_in=round(float(average["bytes"])),
    )
