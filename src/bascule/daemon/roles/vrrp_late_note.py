# SPDX-License-Identifier: Apache-2.0
"""What late frames have changed on this host for a moment, on file: whoever comes after a role that was killed ends it.

A setting is given back only while it is what was set: what somebody has set since is theirs. An address is taken off
only while it has a lifetime: the kernel takes that one off, too, but answers for it until then.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
from collections.abc import Collection, Iterable

import msgspec

from bascule.daemon.log import Log
from bascule.errors import KernelRefusedError
from bascule.linux import addresses, sysctl
from bascule.linux.netlink import Netlink
from bascule.model.base import IPAddress, Model, from_json, to_json

NAME = "late-frames.json"
LOOPBACK = "lo"

_WHOLE = 32


class Changed(Model, frozen=True, kw_only=True):
    """A setting that was changed."""

    before: str
    now: str


class _Note(Model, frozen=True, kw_only=True):
    settings: dict[str, Changed] = msgspec.field(default_factory=dict)
    addresses: tuple[IPAddress, ...] = ()
    """On the loopback interface."""


class LateNote:
    """The file, and what is done by it."""

    def __init__(self, netlink: Netlink, log: Log, folder: pathlib.Path) -> None:
        """Nothing is changed; what a predecessor left is not looked at before `clear`."""
        self._netlink = netlink
        self._log = log
        self._path = folder / NAME
        self._settings: dict[str, Changed] = {}
        self._addresses: tuple[IPAddress, ...] = ()

    def set(self, name: str, value: int) -> None:
        """Set a setting, once it is noted. Raises KernelRefusedError."""
        before = sysctl.read(name)
        self._settings.setdefault(name, Changed(before=before, now=str(value)))
        self._write()
        sysctl.write(name, value)

    def give_back(self, name: str) -> None:
        """Have a setting as it was before, where it is still what was set. Raises KernelRefusedError."""
        changed = self._settings.pop(name, None)
        if changed is not None:
            try:
                _give_back(name, changed)
            finally:
                self._write()

    def add(self, found: Iterable[IPAddress]) -> None:
        """These are about to be put on the loopback interface."""
        self._keep(dict.fromkeys((*self._addresses, *found)))

    def drop(self, found: Collection[IPAddress]) -> None:
        """They are off again."""
        self._keep(address for address in self._addresses if address not in found)

    def _keep(self, found: Iterable[IPAddress]) -> None:
        wanted = tuple(found)
        if wanted != self._addresses:
            self._addresses = wanted
            self._write()

    def clear(self) -> None:
        """End what a predecessor left: first its addresses, since then nobody answers for them, then its settings."""
        left = self._read()
        if left is None:
            return
        self._log.notice("late_frames_ended_for_predecessor", settings=len(left.settings), why="it did not live to")
        try:
            self._take_off(left.addresses)
        except (KernelRefusedError, OSError) as error:
            self._log.warning("late_frames_not_ended", error=error)
        for name, changed in left.settings.items():
            try:
                _give_back(name, changed)
            except KernelRefusedError as error:  # Its interface is gone, for example.
                self._log.warning("setting_not_put_back", error=error)
        self._write()

    def _take_off(self, wanted: tuple[IPAddress, ...]) -> None:
        loopback = socket.if_nametoindex(LOOPBACK)
        for entry in addresses.dump(self._netlink) if wanted else ():
            ours = (entry.index, entry.prefix_length) == (loopback, _WHOLE) and entry.lifetime is not None
            if ours and entry.address in wanted:
                addresses.remove_named(self._netlink, LOOPBACK, entry.address, _WHOLE)

    def _read(self) -> _Note | None:
        try:
            return from_json(self._path.read_bytes(), _Note)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            self._log.warning("late_frames_note_not_read", file=self._path, error=error)
            return _Note()

    def _write(self) -> None:
        """All or nothing. What cannot be written costs what would have been mended after a kill, and no more."""
        beside = self._path.with_suffix(".new")
        try:
            if not self._settings and not self._addresses:
                with contextlib.suppress(FileNotFoundError):
                    self._path.unlink()
                return
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.write_bytes(to_json(_Note(settings=self._settings, addresses=self._addresses)))
            os.replace(beside, self._path)
        except OSError as error:
            self._log.warning("late_frames_not_noted", file=self._path, error=error)


def _give_back(name: str, changed: Changed) -> None:
    if sysctl.read(name) == changed.now:
        sysctl.write(name, changed.before)
