# SPDX-License-Identifier: Apache-2.0
"""One role of a director run alone in a lab's host, with the caller as its supervisor at the other end of the bus."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
import types
from collections.abc import Callable

from bascule.daemon import memfd
from bascule.daemon.bus import Bus, BusClosedError
from bascule.lab.network import LabHost
from bascule.lab.waiting import WaitedTooLongError
from bascule.model.base import pack
from bascule.model.configuration import Configuration
from bascule.model.messages import Configure, Message, Role, Started, StatusReply, StatusRequest, Stop, StopMode

START_SECONDS = 10.0
END_SECONDS = 10.0


class LoneRole:
    """A role's process and all that it has said. Ends with its with-block, at the latest with the network."""

    def __init__(
        self,
        host: LabHost,
        role: Role,
        configuration: Configuration,
        *,
        restarted: bool = False,
        first: tuple[Message, ...] = (),
    ) -> None:
        """Start it in `host`; the messages of `first` are in its bus before it looks."""
        self.role = role
        self.messages: list[Message] = []
        self._host = host
        self._generation = 1
        self._number = 0
        self._bus, theirs = Bus.pair()
        for message in first:
            self._bus.send(message)
        text = memfd.make("configuration", pack(configuration))
        command = [sys.executable, "-m", "bascule.daemon.roles", role.value, "--bus-fd", str(theirs.fileno())]
        command += ["--config-fd", str(text), "--generation", "1", "--run-dir", str(host.folder)]
        command += ["--restarted"] if restarted else []
        log = host.log_file(role.value)
        with host.entered(), theirs, log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(), text),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        os.close(text)
        host.started.append(self.process)

    def __enter__(self) -> LoneRole:
        """Wait until it has started. Raises WaitedTooLongError with its log."""
        self.until(lambda: any(isinstance(message, Started) for message in self.messages), START_SECONDS, "start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        """Kill it if it still runs."""
        self.kill()
        self._bus.close()

    def log(self) -> str:
        """What it wrote so far."""
        return self._host.log_file(self.role.value).read_text()

    def pump(self, seconds: float) -> bool:
        """Take in what it says, waiting at most `seconds` for the first word. False: its end of the bus is closed."""
        readable, _, _ = select.select([self._bus], [], [], seconds)
        if not readable:
            return True
        try:
            for message, _ in self._bus.receive():
                self.messages.append(message)
        except BusClosedError:
            return False
        return True

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Listen until the condition is true. Raises WaitedTooLongError with the role's log."""
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0 or (not self.pump(left) and not condition()):
                raise WaitedTooLongError(f"waited {seconds:g} s for {what}\n{self.log()}")

    def send(self, message: Message) -> None:
        """Say something to the role."""
        self._bus.send(message)

    def configure(self, configuration: Configuration) -> None:
        """Give it a new configuration; it answers with `Started` or `Refused`."""
        self._generation += 1
        text = memfd.make("configuration", pack(configuration))
        self._bus.send(Configure(generation=self._generation), text)
        os.close(text)

    def status(self) -> bytes:
        """Its snapshot as JSON. Raises WaitedTooLongError."""
        self._number += 1
        number = self._number
        self.send(StatusRequest(number=number))
        self.until(lambda: self._reply(number) is not None, END_SECONDS, "a status reply")
        found = self._reply(number)
        assert found is not None
        return found.body

    def _reply(self, number: int) -> StatusReply | None:
        replies = (message for message in self.messages if isinstance(message, StatusReply))
        return next((reply for reply in replies if reply.number == number), None)

    def stop(self, mode: StopMode = StopMode.STOP) -> int:
        """End it in order; returns its exit status. Raises WaitedTooLongError."""
        self.send(Stop(mode=mode))
        self.until(lambda: not self.pump(END_SECONDS), END_SECONDS, "the end of the bus")
        return self.process.wait(END_SECONDS)

    def hang_up(self) -> None:
        """Close our end of the bus, as a supervisor that died."""
        self._bus.close()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(END_SECONDS)
