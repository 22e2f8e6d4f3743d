# SPDX-License-Identifier: Apache-2.0
"""A configuration's scripts made ready: found, allowed, and with the user that they run as. Looked at once a reload."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bascule.linux import identities, privileges
from bascule.linux.identities import Identity, ScriptRefusedError
from bascule.model.scripts import Fifo, Script, ScriptSettings


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Prepared:
    """A script that can be run."""

    command: tuple[str, ...]
    who: Identity


class Programs:
    """All scripts of a configuration, with what is to be said of them."""

    def __init__(self, settings: ScriptSettings, remark: Callable[[str], None]) -> None:
        """`remark` hears of what runs although there is something to say of it, once each."""
        self.settings = settings
        self._remark = remark
        self._remarked: set[str] = set()
        self._found: dict[Script, Prepared | str] = {}

    def prepared(self, script: Script) -> Prepared:
        """The script, ready. Raises ScriptRefusedError, with the same words each time."""
        if script not in self._found:
            try:
                self._found[script] = self._prepare(script)
            except ScriptRefusedError as error:
                self._found[script] = str(error)
        found = self._found[script]
        if isinstance(found, str):
            raise ScriptRefusedError(found)
        return found

    def _prepare(self, script: Script) -> Prepared:
        who = self.identity(script.user, script.group)
        with privileges.raised():
            path, remark = identities.program(script.command, who, self.settings.security)
        if remark is not None and remark not in self._remarked:
            self._remarked.add(remark)
            self._remark(remark)
        return Prepared(command=(path, *script.command[1:]), who=who)

    def identity(self, user: str | None, group: str | None) -> Identity:
        """Who something of a block runs as: those that it names, else `script_user`'s. Raises ScriptRefusedError."""
        if user is not None:
            return identities.identity(user, group)
        if self.settings.user is not None:
            return identities.identity(self.settings.user, self.settings.group)
        return identities.identity(identities.default_user())

    def owner(self, fifo: Fifo) -> Identity:
        """Whose a FIFO is. Raises ScriptRefusedError."""
        return self.identity(fifo.user, fifo.group)
