# SPDX-License-Identifier: Apache-2.0
"""What instances track: the last reading of everything, and whom a new one concerns.

Readings come in by `report`, whoever takes them; what they mean is decided in bascule.vrrp.tracking.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from bascule.daemon.log import Log
from bascule.model.configuration import Configuration
from bascule.model.tracking import Tracked, TrackerKind
from bascule.vrrp import tracking
from bascule.vrrp.events import Fault
from bascule.vrrp.tracking import UNKNOWN, Key, Reading


class Tracking:
    """All trackers by kind and name."""

    def __init__(self, log: Log, changed: Callable[[str], None]) -> None:
        """Nothing is tracked; `changed` is called with each instance that a reading concerns."""
        self._log = log
        self._changed = changed
        self._lines: dict[str, tuple[Tracked, ...]] = {}
        """By instance: its own lines and those of its group."""
        self._readings: dict[Key, Reading] = {}
        self._since: dict[Key, float] = {}

    def configure(self, wanted: Configuration) -> None:
        """Follow what `wanted` tracks; readings of what was tracked before stay. Calls nobody."""
        shared = {name: group.tracked for group in wanted.sync_groups for name in group.members}
        self._lines = {entry.name: (*entry.tracked, *shared.get(entry.name, ())) for entry in wanted.instances}
        keys = {(line.kind, line.name) for lines in self._lines.values() for line in lines}
        self._readings = {key: reading for key, reading in self._readings.items() if key in keys}
        self._since = {key: since for key, since in self._since.items() if key in keys}

    def report(self, kind: TrackerKind, name: str, value: bool | int | None, why: str) -> None:
        """A reading: up or down, or the number in a file; None = not known. `why` stands after the tracker's name."""
        key = (kind, name)
        concerned = [instance for instance, lines in self._lines.items() if _names(lines, key)]
        reading = Reading(None if value is None else int(value), why)
        before = self._readings.get(key, UNKNOWN)
        if not concerned or reading == before:
            return
        self._readings[key] = reading
        if reading.value != before.value or key not in self._since:
            self._since[key] = time.time()
            self._log.notice("tracker_changed", kind=kind.value, tracker=name, value=reading.value, why=why)
        for instance in concerned:
            self._changed(instance)

    def standing(self, instance: str) -> tuple[tuple[Fault, ...], int]:
        """The faults of an instance by its trackers, and by how much they change its priority."""
        return tracking.standing(self._lines.get(instance, ()), self._readings)


def _names(lines: Iterable[Tracked], key: Key) -> bool:
    return any((line.kind, line.name) == key for line in lines)
