# SPDX-License-Identifier: Apache-2.0
"""As whom a user's program runs, and whether it may (keepalived.conf(5): script_user, enable_script_security).

Unlike keepalived, nothing runs as root because nobody was named: where there is no keepalived_script, it is nobody.
"""

from __future__ import annotations

import dataclasses
import grp
import os
import pwd
import shutil
import stat
from collections.abc import Sequence

from bascule.errors import BasculeError
from bascule.linux.surroundings import ThisMachine

KEEPALIVED_USER = "keepalived_script"
FALLBACK_USER = "nobody"


class ScriptRefusedError(BasculeError):
    """A program cannot or must not be run; the words say which and why."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Identity:
    """A user with groups."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def default_user() -> str:
    """Who runs what names no user."""
    return KEEPALIVED_USER if _has_user(KEEPALIVED_USER) else FALLBACK_USER


def identity(user: str, group: str | None = None) -> Identity:
    """A user of this machine by name or number, with its own groups. Raises ScriptRefusedError."""
    try:
        entry = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except (KeyError, OverflowError):
        raise ScriptRefusedError(f"there is no user {user}") from None
    gid = entry.pw_gid if group is None else _gid(group)
    groups = tuple(os.getgrouplist(entry.pw_name, gid))
    return Identity(name=entry.pw_name, uid=entry.pw_uid, gid=gid, groups=groups)


def program(command: Sequence[str], who: Identity, security: bool) -> tuple[str, str | None]:
    """Where a command's program is, and what is to be said of it although it may run.

    Raises ScriptRefusedError: it is not there, `who` cannot execute it, or with `security` `who` is root and somebody
    else could change it.
    """
    named = command[0]
    path = named if "/" in named else shutil.which(named, os.F_OK)
    if path is None:
        raise ScriptRefusedError(f"{named} cannot be run: it is nowhere in {os.environ.get('PATH', os.defpath)}")
    try:
        found = os.stat(path)
    except OSError as error:
        raise ScriptRefusedError(f"{named} cannot be run: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise ScriptRefusedError(f"{path} cannot be run: it is no ordinary file")
    if not _may_execute(found, who):
        raise ScriptRefusedError(f"{path} cannot be run: it is not executable for user {who.name}")
    why = ThisMachine().insecure(path) if who.uid == 0 else None
    if why is not None and security:
        raise ScriptRefusedError(f"{path} is not run: it would run as root, and {why} (enable_script_security)")
    if why is not None:
        return path, f"{path} runs as root, and others can change it: {why}"
    return path, None if "/" in named else f"{named} was looked for and is {path}: better give the whole path"


def _may_execute(found: os.stat_result, who: Identity) -> bool:
    mode = found.st_mode
    if who.uid == 0:
        return bool(mode & 0o111)
    if found.st_uid == who.uid:
        return bool(mode & stat.S_IXUSR)
    if found.st_gid in (who.gid, *who.groups):
        return bool(mode & stat.S_IXGRP)
    return bool(mode & stat.S_IXOTH)


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _gid(group: str) -> int:
    try:
        return grp.getgrgid(int(group)).gr_gid if group.isdecimal() else grp.getgrnam(group).gr_gid
    except (KeyError, OverflowError):
        raise ScriptRefusedError(f"there is no group {group}") from None
