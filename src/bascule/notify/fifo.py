# SPDX-License-Identifier: Apache-2.0
"""A named pipe that gets a line an event (fifo(7)), as keepalived has it: made if it is not there, never waited for.

It is open for reading, too: so lines wait in it for a reader that comes later, and nobody reads an end of file while
the daemon runs. What does not fit (64 KiB wait at the most) is lost and counted.
"""

from __future__ import annotations

import os
import select
import stat

from bascule.linux import privileges
from bascule.linux.identities import Identity, ScriptRefusedError

MODE = 0o600


class FifoWriter:
    """One pipe, open."""

    def __init__(self, path: str, who: Identity) -> None:
        """Make it, if need be as one of `who`, and open it. Raises ScriptRefusedError."""
        self.path = path
        self.written = 0
        self.lost = 0
        with privileges.raised():
            try:
                self._made = _make(path, who)
                self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
            except OSError as error:
                raise ScriptRefusedError(f"FIFO {path}: {error.strerror}") from error
        if not stat.S_ISFIFO(os.fstat(self._descriptor).st_mode):
            os.close(self._descriptor)
            raise ScriptRefusedError(f"FIFO {path}: something else is there")

    def write(self, line: bytes) -> bool:
        """Put a line in whole, or count it as lost."""
        try:
            fits = len(line) <= select.PIPE_BUF and os.write(self._descriptor, line) == len(line)
        except OSError:
            fits = False
        self.written += fits
        self.lost += not fits
        return fits

    def close(self, *, remove: bool) -> None:
        """Let it go; with `remove`, a pipe that was made here goes, too."""
        os.close(self._descriptor)
        if remove and self._made:
            with privileges.raised():
                try:
                    os.unlink(self.path)
                except FileNotFoundError:
                    return


def _make(path: str, who: Identity) -> bool:
    try:
        os.mkfifo(path, MODE)
    except FileExistsError:
        return False
    os.chmod(path, MODE, follow_symlinks=True)
    if os.geteuid() == 0:
        os.chown(path, who.uid, who.gid, follow_symlinks=False)
    return True
