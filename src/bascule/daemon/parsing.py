# SPDX-License-Identifier: Apache-2.0
"""The supervisor's side of reading configuration: start the child (bascule.daemon.parse), bound it, read its result.

`read_now` waits, for the start; `read_later` reports to a loop, for a reload.
"""

from __future__ import annotations

import os
import pathlib
import select
import sys
from collections.abc import Callable, Sequence

import msgspec

from bascule.daemon import memfd
from bascule.daemon.loop import Loop
from bascule.daemon.parsed import Parsed
from bascule.daemon.processes import Process, describe, spawn
from bascule.errors import ConfigurationError

DEADLINE = 90.0
"""Seconds for the child; its own limit on processor time is lower."""

Outcome = Parsed | ConfigurationError


class Reading:
    """A child that parses."""

    def __init__(self, files: Sequence[pathlib.Path]) -> None:
        """Start it."""
        self._output = os.memfd_create("bascule-parsed")
        arguments = [sys.executable, "-m", "bascule.daemon.parse", str(self._output), *map(str, files)]
        self.process: Process = spawn(arguments, [self._output])

    def outcome(self) -> Outcome:
        """What the ended child found."""
        status = self.process.reap()
        try:
            if status != 0:
                how = "still running" if status is None else describe(status)
                return ConfigurationError(f"the files could not be read: their reader {how}")
            return msgspec.msgpack.decode(memfd.read_all(self._output), type=Parsed)
        except msgspec.MsgspecError as error:
            return ConfigurationError(f"the files could not be read: {error}")
        finally:
            os.close(self._output)


def read_now(files: Sequence[pathlib.Path], deadline: float = DEADLINE) -> Parsed:
    """Parse and wait. Raises ConfigurationError if the child fails or takes longer than `deadline` seconds."""
    reading = Reading(files)
    poll = select.poll()
    poll.register(reading.process.pidfd, select.POLLIN)
    if not poll.poll(deadline * 1000):
        reading.process.kill()
        poll.poll()
    outcome = reading.outcome()
    if isinstance(outcome, ConfigurationError):
        raise outcome
    return outcome


def read_later(
    loop: Loop, files: Sequence[pathlib.Path], then: Callable[[Outcome], None], deadline: float = DEADLINE
) -> None:
    """Parse beside the loop and call `then` with the result."""
    reading = Reading(files)
    timer = loop.after(deadline, reading.process.kill)

    def ended() -> None:
        timer.cancel()
        loop.unwatch(reading.process.pidfd)
        then(reading.outcome())

    loop.watch(reading.process.pidfd, ended)
