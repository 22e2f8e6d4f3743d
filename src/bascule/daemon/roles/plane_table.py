# SPDX-License-Identifier: Apache-2.0
"""The table as the plane role keeps it: pool and ledger, reconciled into the plane, what changed logged once.

What one service meets with stops no other: a refusal is named in the notes until it is gone.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

import msgspec

from bascule.daemon.log import Level, Log
from bascule.dataplane.ledger import Ledger
from bascule.dataplane.plane import Plane
from bascule.dataplane.reconcile import Change, reconcile, shown
from bascule.errors import KernelRefusedError
from bascule.health.pool import Pool, PoolState
from bascule.model.base import pack, unpack
from bascule.model.configuration import Configuration
from bascule.model.service import ServiceView


class Table:
    """One plane's table. Not thread-safe."""

    def __init__(self, plane: Plane, configuration: Configuration, state_dir: pathlib.Path, log: Log) -> None:
        """Take the plane over as it stands. What an earlier process left in it is adopted with its verdicts."""
        state_dir.mkdir(parents=True, exist_ok=True)
        self._plane = plane
        self._ledger = Ledger(state_dir / "services")
        self._pool_file = state_dir / "pool"
        self._log = log
        self._refused: dict[tuple[object, ...], str] = {}
        self._plane_notes: frozenset[str] = frozenset()
        self._revision: int | None = None
        self.adopted = any(view.service.id in self._ledger for view in plane.services())
        """The plane held services of ours."""
        self.pool = Pool(configuration, state=self._left_behind() if self.adopted else None)

    def apply(self) -> None:
        """Make the plane hold what pool and configuration want, now."""
        changes = reconcile(self._plane, self.pool.desired(), self._ledger)
        refused: dict[tuple[object, ...], str] = {}
        for change in changes:
            key = (change.edit, change.service, change.server)
            if change.refused is not None:
                refused[key] = change.refused
            if change.refused is None or self._refused.get(key) != change.refused:
                self._log.write(_level(change), "table_changed", dict(change.fields()))
        self._refused = refused
        if self.pool.revision != self._revision:
            self._keep_state()

    def _keep_state(self) -> None:
        fresh = self._pool_file.with_suffix(".new")
        fresh.write_bytes(pack(self.pool.state()))
        fresh.replace(self._pool_file)
        self._revision = self.pool.revision

    def _left_behind(self) -> PoolState | None:
        try:
            return unpack(self._pool_file.read_bytes(), PoolState)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            self._log.warning("pool_state_not_understood", file=self._pool_file, error=error)
            return None

    def services(self) -> tuple[ServiceView, ...]:
        """What the plane holds, ours and foreign."""
        return shown(self._plane, self._ledger)

    def notes(self) -> tuple[str, ...]:
        """What the plane cannot do, what it refuses, and its other notes."""
        refusals = (f"{_subject(key)}: {reason}" for key, reason in self._refused.items())
        return (*self._plane.errors(), *refusals, *self._plane.notes())

    def log_new_notes(self) -> None:
        """Log each error and note of the plane that was not there before."""
        errors, notes = frozenset(self._plane.errors()), frozenset(self._plane.notes())
        for text in sorted(errors - self._plane_notes):
            self._log.error("plane_error", error=text)
        for text in sorted(notes - self._plane_notes):
            self._log.warning("plane_note", note=text)
        self._plane_notes = errors | notes

    def destroy(self) -> None:
        """Take everything of ours out of the kernel and forget it."""
        try:
            self._plane.destroy()
        except KernelRefusedError as error:
            self._log.error("plane_not_removed", error=error)
            return
        self._ledger.settle({})
        self._pool_file.unlink(missing_ok=True)


def _level(change: Change) -> Level:
    if change.refused is not None:
        return Level.ERROR
    return Level.WARNING if change.put_back else Level.INFO


def _subject(key: Iterable[object]) -> str:
    edit, service, server = key
    name = str(service) if server is None else f"{getattr(server, 'address', server)} of {service}"
    return f"{name}: {getattr(edit, 'value', edit)} refused"
