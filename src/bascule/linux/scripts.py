# SPDX-License-Identifier: Apache-2.0
"""Running a user's program: as its user, in a session of its own, for a bounded time (credentials(7), setsid(2)).

What keepalived's scripts find they find here: the daemon's environment, its umask, nothing on standard input, SIGTERM
when the daemon dies (PR_SET_PDEATHSIG, prctl(2)). Unlike there, the beginning of what it writes is kept for the log.
Nothing is retried here, and no shell is involved.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

from bascule.linux import privileges
from bascule.linux.identities import Identity, ScriptRefusedError

UMASK = 0o177
"""keepalived's: what a script creates is its user's alone."""

OUTPUT_MAX = 2000
"""Bytes of output that are kept: the first ones."""

KILL_AFTER = 1.0
"""Seconds between SIGTERM and SIGKILL."""

GIVE_UP_AFTER = 5.0
"""Seconds that a process may outlive SIGKILL (it hangs inside the kernel) before nobody waits for it any more."""

BACKGROUND_MAX = 64
"""Ended programs whose background processes still hold their output open."""

_PR_SET_PDEATHSIG = 1
_READ = 1 << 16

_libc = ctypes.CDLL(None)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Ended:
    """How a program ended."""

    status: int
    """Its exit status; negative: the signal that ended it."""
    timed_out: bool
    output: str
    seconds: float
    limit: float

    @property
    def why(self) -> str:
        """In words."""
        if self.timed_out:
            return f"timed out after {self.limit:g} s"
        if self.status < 0:
            return f"killed by {signal.Signals(-self.status).name}"
        return f"exited with status {self.status}"


class _Output:
    """The reading end of a program's output. What it leaves running in background may hold it open: it is read on."""

    background: ClassVar[dict[int, _Output]] = {}

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._kept = bytearray()
        self._open = True
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _READ)
        except BlockingIOError:
            return
        self._kept += data[: max(0, OUTPUT_MAX - len(self._kept))]
        if not data:
            self.close()

    def finish(self) -> str:
        """The program has ended: what it wrote."""
        if self._open:
            self._read()
        if self._open:
            self.background[self._descriptor] = self
            if len(self.background) > BACKGROUND_MAX:
                next(iter(self.background.values())).close()
        return self._kept.decode("utf-8", "replace")

    def close(self) -> None:
        if self._open:
            self._open = False
            self.background.pop(self._descriptor, None)
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)


class Running:
    """A program that has been started; `wait` ends it at its time."""

    def __init__(self, command: Sequence[str], who: Identity, environment: Mapping[str, str] | None = None) -> None:
        """Start it. Raises ScriptRefusedError."""
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            self._process = _spawn(command, who, theirs, environment)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        self.started = time.monotonic()
        self._pidfd = os.pidfd_open(self._process.pid)
        self._output = _Output(ours)
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._pidfd, self._ended.set)

    @property
    def pid(self) -> int:
        """The program's process, which leads its group."""
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """To the program and everything that it started and that stayed in its group."""
        with contextlib.suppress(ProcessLookupError), privileges.raised():
            os.killpg(self._process.pid, number)

    async def wait(self, limit: float | None = None) -> Ended:
        """How it ended; after `limit` seconds by SIGTERM, then SIGKILL. Cancelled: it is ended."""
        timed_out = False
        try:
            if not await self._gone(limit):
                timed_out = True
                await self._end()
        except asyncio.CancelledError:
            await self._end()
            raise
        finally:
            status = self._reap()
        return Ended(
            status=status,
            timed_out=timed_out,
            output=self._output.finish(),
            seconds=time.monotonic() - self.started,
            limit=limit or 0.0,
        )

    async def _gone(self, seconds: float | None) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True

    async def _end(self) -> None:
        self.signal(signal.SIGTERM)
        await self._gone(KILL_AFTER)
        # Its children, too, whether or not it has obeyed itself.
        self.signal(signal.SIGKILL)
        await self._gone(GIVE_UP_AFTER)

    def _reap(self) -> int:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        status = self._process.poll()
        return -int(signal.SIGKILL) if status is None else status


def _spawn(
    command: Sequence[str], who: Identity, output: int, environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    root = 0 in os.getresuid()
    parent = os.getpid()
    try:
        with privileges.raised():
            if root:
                os.fchown(output, who.uid, who.gid)  # So that it can open /dev/stderr.
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
                umask=UMASK,
                preexec_fn=lambda: _as_a_child(parent),
                user=who.uid if root else None,
                group=who.gid if root else None,
                extra_groups=who.groups if root else None,
            )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ScriptRefusedError(f"{command[0]} cannot be run: {why}") from error


def _as_a_child(parent: int) -> None:
    """In the new process, as its user: what a role ignores a program need not, and it ends with the daemon."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
