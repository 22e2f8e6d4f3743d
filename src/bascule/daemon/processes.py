# SPDX-License-Identifier: Apache-2.0
"""Starting a role's process and learning of its end. It knows nothing of what roles do.

posix_spawn(3) instead of fork: the supervisor's memory is locked and must not be copied for a moment.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

from bascule.daemon import exits
from bascule.model.messages import Role

Command = Callable[[Role], Sequence[str]]
"""The program of a role, without the options that the supervisor adds."""


def default_command(role: Role) -> Sequence[str]:
    """The roles of this installation."""
    return (sys.executable, "-m", "bascule.daemon.roles", role.value)


@dataclasses.dataclass(slots=True, kw_only=True)
class Process:
    """A child, named by number and by a descriptor that becomes readable when it has ended."""

    pid: int
    pidfd: int

    @classmethod
    def of(cls, pid: int) -> Process:
        """A child that is there already."""
        return cls(pid=pid, pidfd=os.pidfd_open(pid))

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal; a process that has just ended is no error."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            return

    def reap(self) -> int | None:
        """The exit status of a process that has ended (negative: the signal), and its descriptor closed; else None."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        os.close(self.pidfd)
        return os.waitstatus_to_exitcode(status)


def spawn(arguments: Sequence[str], inherit: Sequence[int], environment: Mapping[str, str] | None = None) -> Process:
    """Start a program in a session of its own with only 0, 1, 2 and the descriptors of `inherit`, same numbers."""
    actions: list[tuple[int, int, int] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    ]
    actions += [(os.POSIX_SPAWN_DUP2, number, number) for number in inherit]
    pid = os.posix_spawn(
        arguments[0],
        list(arguments),
        dict(os.environ if environment is None else environment),
        file_actions=actions,
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
    )
    return Process.of(pid)


def describe(status: int) -> str:
    """An exit status in words."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    known = {exits.ORDERED: "ended", exits.REFUSED: "refused", exits.CRASHED: "ended by a defect"}
    return known.get(status, f"ended with status {status}")
