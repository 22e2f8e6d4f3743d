# SPDX-License-Identifier: Apache-2.0
"""Which state each instance's scripts have last been run for, kept in a file: a notify role that dies knows it again.

So the last state is never lost: what the scripts have not heard is run by the role's successor, and what they have
heard is not run twice by a restart.
"""

from __future__ import annotations

import contextlib
import os
import pathlib

import msgspec

from bascule.linux import privileges

NAME = "notified.json"


class Ledger:
    """Name of an instance: the word that its scripts were last run with."""

    def __init__(self, folder: pathlib.Path, *, known: bool) -> None:
        """In the folder `state` of a run directory. Not `known`: the director starts afresh, and so does this."""
        self._path = folder / NAME
        self._words: dict[str, str] = self._read() if known else {}
        if not known:
            with contextlib.suppress(OSError), privileges.raised():
                self._path.unlink()

    def _read(self) -> dict[str, str]:
        try:
            with privileges.raised():
                return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.MsgspecError):
            return {}

    def get(self, name: str) -> str | None:
        """The word that an instance's scripts have heard last."""
        return self._words.get(name)

    def note(self, name: str, word: str) -> None:
        """They have heard it."""
        if self._words.get(name) != word:
            self._words[name] = word
            self._write()

    def forget(self, name: str) -> None:
        """The instance is no more."""
        if self._words.pop(name, None) is not None:
            self._write()

    def _write(self) -> None:
        """All or nothing. What cannot be written costs a script that is run twice after a crash, and no more."""
        beside = self._path.with_suffix(".new")
        with contextlib.suppress(OSError), privileges.raised():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.write_bytes(msgspec.json.encode(self._words))
            os.replace(beside, self._path)
