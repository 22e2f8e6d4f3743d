# SPDX-License-Identifier: Apache-2.0
"""What instances track: the last reading of everything, and whom a new one concerns.

Readings come in by `report`, whoever takes them; what they mean is decided in bascule.vrrp.tracking.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from bascule.daemon.log import Log
from bascule.model.configuration import Configuration
from bascule.model.messages import ScriptVerdict, TrackerChanged
from bascule.model.status import TrackerStatus
from bascule.model.tracking import Tracked, TrackerKind, TrackScript
from bascule.vrrp import tracking
from bascule.vrrp.events import Fault
from bascule.vrrp.tracking import UNKNOWN, Key, Reading

NOT_RUN = Reading(0, "has not run yet, and is taken for failed (init_fail)")


class Tracking:
    """All trackers by kind and name."""

    def __init__(self, log: Log, changed: Callable[[str], None]) -> None:
        """Nothing is tracked; `changed` is called with each instance that a reading concerns."""
        self._log = log
        self._changed = changed
        self.tell: Callable[[TrackerChanged], None] = _nobody
        """Who hears of each change of a reading."""
        self._lines: dict[str, tuple[Tracked, ...]] = {}
        """By instance: its own lines and those of its group."""
        self._readings: dict[Key, Reading] = {}
        self._since: dict[Key, float] = {}
        self._scripts: dict[str, TrackScript] = {}
        self._verdicts: dict[str, ScriptVerdict] = {}
        """The last of each script: it may come before the configuration that tracks it."""

    def configure(self, wanted: Configuration) -> None:
        """Follow what `wanted` tracks; readings of what was tracked before stay. Calls nobody."""
        shared = {name: group.tracked for group in wanted.sync_groups for name in group.members}
        self._lines = {entry.name: (*entry.tracked, *shared.get(entry.name, ())) for entry in wanted.instances}
        keys = {(line.kind, line.name) for lines in self._lines.values() for line in lines}
        self._readings = {key: reading for key, reading in self._readings.items() if key in keys}
        self._since = {key: since for key, since in self._since.items() if key in keys}
        self._scripts = {script.name: script for script in wanted.track_scripts}
        for name in (script.name for script in wanted.track_scripts if script.init_fail):
            self._readings.setdefault((TrackerKind.SCRIPT, name), NOT_RUN)
        for verdict in tuple(self._verdicts.values()):
            self._take(verdict)

    def report(self, kind: TrackerKind, name: str, value: bool | int | None, why: str) -> None:
        """A reading: up or down, or the number in a file; None = not known. `why` stands after the tracker's name."""
        key = (kind, name)
        if self._note(key, Reading(None if value is None else int(value), why)):
            self._tell(key)

    def _tell(self, key: Key) -> None:
        for instance in [instance for instance, lines in self._lines.items() if _names(lines, key)]:
            self._changed(instance)

    def _note(self, key: Key, reading: Reading) -> bool:
        """Keep a reading; says whether it is news to anybody."""
        kind, name = key
        before = self._readings.get(key, UNKNOWN)
        if reading == before or not any(_names(lines, key) for lines in self._lines.values()):
            return False
        self._readings[key] = reading
        if reading.value != before.value or key not in self._since:
            at = self._since[key] = time.time()
            why = reading.why
            self._log.notice("tracker_changed", kind=kind.value, tracker=name, value=reading.value, why=why)
            self.tell(TrackerChanged(kind=kind, name=name, value=reading.value, why=why, at=at))
        return True

    def script(self, verdict: ScriptVerdict) -> None:
        """A script has ended."""
        self._verdicts[verdict.script] = verdict
        if self._take(verdict):
            self._tell((TrackerKind.SCRIPT, verdict.script))

    def _take(self, verdict: ScriptVerdict) -> bool:
        """See whether a script counts as up now; says whether that is news."""
        script = self._scripts.get(verdict.script)
        if script is None:
            return False
        before = self._readings.get((TrackerKind.SCRIPT, script.name), UNKNOWN).value
        up = tracking.script_up(
            None if before is None else bool(before), verdict.up, verdict.runs, script.rise, script.fall
        )
        return up is verdict.up and self._note((TrackerKind.SCRIPT, script.name), Reading(int(up), verdict.why))

    def status(self) -> tuple[TrackerStatus, ...]:
        """Everything that is tracked."""
        followers: dict[Key, dict[str, int]] = {}
        for instance, lines in self._lines.items():
            for line in lines:
                weight = -line.weight if line.reverse else line.weight
                followers.setdefault((line.kind, line.name), {})[instance] = weight
        return tuple(self._status(key, weights) for key, weights in followers.items())

    def _status(self, key: Key, weights: dict[str, int]) -> TrackerStatus:
        reading = self._readings.get(key, UNKNOWN)
        return TrackerStatus(
            kind=key[0],
            name=key[1],
            value=reading.value,
            since=self._since.get(key),
            why=reading.why,
            instances=weights,
        )

    def standing(self, instance: str) -> tuple[tuple[Fault, ...], int]:
        """The faults of an instance by its trackers, and by how much they change its priority."""
        return tracking.standing(self._lines.get(instance, ()), self._readings)


def _names(lines: Iterable[Tracked], key: Key) -> bool:
    return any((line.kind, line.name) == key for line in lines)


def _nobody(_change: TrackerChanged) -> None:
    """Nobody listens."""
