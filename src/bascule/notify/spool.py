# SPDX-License-Identifier: Apache-2.0
"""Letters that wait, each in a file, so that a notify role that is killed leaves them to its successor.

The folder is opened by whoever may, and used by a role that has given root up: all files are reached through its
descriptor. Nothing is flushed to the disk: what is survived is a process's death, not the machine's.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd

import msgspec

from bascule.notify.letters import Letter

FOLDER = "mail"
_NEW = ".new"


class Spool:
    """The files of one director's letters, in the order of their names."""

    def __init__(self, state: pathlib.Path, user: str = "nobody") -> None:
        """Below a run directory's folder `state`, belonging to `user` where we are root. Raises OSError."""
        path = state / FOLDER
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        if os.geteuid() == 0:
            entry = pwd.getpwnam(user)
            os.fchown(self._folder, entry.pw_uid, entry.pw_gid)
        self._names: dict[int, str] = {}
        """By the identity of a letter that was loaded or put: its file."""
        self._number = 0

    def load(self) -> tuple[Letter, ...]:
        """What a predecessor has left, oldest first. What is no letter is thrown away."""
        found: list[Letter] = []
        for name in sorted(os.listdir(self._folder)):
            try:
                descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self._folder)
                with open(descriptor, "rb") as file:
                    letter = msgspec.json.decode(file.read(), type=Letter)
                self._number = int(name)
            except (OSError, ValueError, msgspec.MsgspecError):
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=self._folder)
                continue
            self._names[id(letter)] = name
            found.append(letter)
        return tuple(found)

    def put(self, letter: Letter) -> None:
        """Keep a letter until it is dropped. One that cannot be kept is sent all the same."""
        self._number += 1
        name = f"{self._number:012d}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with contextlib.suppress(OSError):
            with open(os.open(name + _NEW, flags, 0o600, dir_fd=self._folder), "wb") as file:
                file.write(msgspec.json.encode(letter))
            os.rename(name + _NEW, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            self._names[id(letter)] = name

    def drop(self, letter: Letter) -> None:
        """It has been taken by a server, or given up."""
        name = self._names.pop(id(letter), None)
        if name is not None:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._folder)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._folder)
