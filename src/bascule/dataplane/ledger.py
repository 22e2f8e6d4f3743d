# SPDX-License-Identifier: Apache-2.0
"""The ledger: which services of a plane are ours, and how we left each of them.

A plane cannot say who put a service in; this file can, across restarts and crashes. A name is written before the
service goes in and struck out after it is gone, so that a crash in between never makes an orphan.
"""

from __future__ import annotations

import os
import pathlib

import msgspec

from bascule.errors import BasculeError
from bascule.model.base import Model, pack, unpack
from bascule.model.service import ServiceId, VirtualService


class LedgerFile(Model, frozen=True, kw_only=True):
    """The file's content."""

    owned: tuple[ServiceId, ...] = ()
    applied: tuple[VirtualService, ...] = ()
    """As they stood after the last completed reconciliation."""


class Ledger:
    """The services that we put into a plane. Without a path it lives in memory alone."""

    def __init__(self, path: pathlib.Path | None = None) -> None:
        """Read `path` if it is there. Raises BasculeError when it is not a ledger."""
        self._path = path
        self._owned: dict[ServiceId, VirtualService | None] = {}
        if path is not None and path.exists():
            self._owned = _read(path)

    def __contains__(self, service: object) -> bool:
        """Whether the service is ours."""
        return service in self._owned

    @property
    def owned(self) -> tuple[ServiceId, ...]:
        """Every service that is ours."""
        return tuple(self._owned)

    def applied(self, service: ServiceId) -> VirtualService | None:
        """How we left this service; None when it is not ours or was never completed."""
        return self._owned.get(service)

    def claim(self, services: tuple[ServiceId, ...]) -> None:
        """Write the names down, before the services go in."""
        missing = [name for name in services if name not in self._owned]
        for name in missing:
            self._owned[name] = None
        if missing:
            self._write()

    def settle(self, applied: dict[ServiceId, VirtualService | None]) -> None:
        """Replace the whole ledger by what stands now, after the edits."""
        if applied != self._owned:
            self._owned = dict(applied)
            self._write()

    def _write(self) -> None:
        """Replace the file in one step; a reader sees the old one or the new one."""
        if self._path is None:
            return
        content = LedgerFile(
            owned=tuple(self._owned),
            applied=tuple(service for service in self._owned.values() if service is not None),
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(pack(content))
        os.replace(fresh, self._path)


def _read(path: pathlib.Path) -> dict[ServiceId, VirtualService | None]:
    try:
        content = unpack(path.read_bytes(), LedgerFile)
    except msgspec.MsgspecError as error:
        raise BasculeError(f"{path}: not a ledger of services that this version can read ({error})") from error
    owned: dict[ServiceId, VirtualService | None] = dict.fromkeys(content.owned)
    owned.update((service.id, service) for service in content.applied)
    return owned
