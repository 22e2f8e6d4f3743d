# SPDX-License-Identifier: Apache-2.0
"""This machine as configuration files see it: its interfaces, and whether programs can be run and by whom changed.

The rule of `enable_script_security` (keepalived.conf(5)): root runs nothing that anybody else can change, be it the
file, a folder on the way to it, or what a link leads to.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat

from bascule.linux.iproute2 import listed_names


class ThisMachine:
    """The machine that this process runs on, in its network namespace."""

    def interfaces(self) -> frozenset[str]:
        """The names of its interfaces."""
        return frozenset(name for _, name in socket.if_nameindex())

    def names(self) -> dict[str, dict[str, int]]:
        """What it calls routing tables and the like."""
        return listed_names()

    def missing(self, script: str) -> str | None:
        """Why a program cannot be run; None when it can."""
        path = shutil.which(script, os.F_OK) if "/" not in script else script
        if path is None or not os.path.exists(path):
            return "there is no such file"
        if os.path.isdir(path):
            return "it is a directory"
        return None if os.access(path, os.X_OK) else "it is not executable"

    def insecure(self, script: str) -> str | None:
        """Which part of the path to a program somebody but root can change; None when nobody can.

        Raises OSError when there is no such program.
        """
        path = os.path.abspath((shutil.which(script) or script) if "/" not in script else script)
        for whole in dict.fromkeys((path, os.path.realpath(path))):
            for part in _parts(whole):
                why = _changeable(os.stat(part))
                if why is not None:
                    return f"{part} {why}"
        return None


def _parts(path: str) -> list[str]:
    """The path and every folder on the way to it, from the root."""
    names = path.strip("/").split("/")
    return ["/", *("/" + "/".join(names[: count + 1]) for count in range(len(names)))]


def _changeable(found: os.stat_result) -> str | None:
    """Who but root may write: the owner, the group, anybody. A sticky folder's entries are their owners' alone."""
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    if found.st_uid != 0:
        return f"belongs to user {found.st_uid}"
    if found.st_mode & stat.S_IWGRP and found.st_gid != 0 and not sticky:
        return f"is writable by group {found.st_gid}"
    if found.st_mode & stat.S_IWOTH and not sticky:
        return "is writable by everybody"
    return None
