# SPDX-License-Identifier: Apache-2.0
"""The roles' processes as the supervisor holds them: start, talk, hear, lose, stop, start again.

It decides nothing about what messages mean: that is the `Chief`'s part.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from bascule.daemon import exits
from bascule.daemon.bus import Bus, BusClosedError, BusMessageError
from bascule.daemon.log import Log
from bascule.daemon.loop import Loop, Timer
from bascule.daemon.processes import Command, Process, describe, spawn
from bascule.daemon.restarts import RestartPolicy
from bascule.model.messages import Message, Role, Stop, StopMode

HANG_UP_GRACE = 2.0
"""Seconds that a process may live on after it has closed its bus."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Member:
    """One role's process and what the supervisor knows of it."""

    role: Role
    process: Process
    bus: Bus
    started: float
    """Monotonic time of the start."""
    since: float
    """Unix time of the start."""
    connected: bool = True
    configured: int = 0
    """The generation that it has said to be in effect."""
    refused: str | None = None
    heard: float = 0.0
    """Unix time of its last message."""
    silent_since: float | None = None
    stopping: Callable[[], None] | None = None
    """Set once it was told to end: called when it has."""


class Chief(Protocol):
    """What the crew reports to."""

    def hears(self, member: Member, message: Message, descriptor: int | None) -> None:
        """A message came; the descriptor is the callee's to close."""
        ...

    def lost(self, member: Member) -> None:
        """A role's bus is closed or its process has ended; called once, at once."""
        ...

    def ended(self, member: Member, status: int) -> None:
        """A process was reaped."""
        ...


@dataclasses.dataclass(slots=True, kw_only=True)
class Start:
    """How a role is to be started."""

    config_fd: int
    generation: int
    restarted: bool = False
    standby: bool = False
    first: tuple[Message, ...] = ()
    """In its bus before it runs."""


class Crew:
    """The running roles; at most one process each, and one on standby beside it."""

    def __init__(self, loop: Loop, run_dir: pathlib.Path, keep: Iterable[int], command: Command) -> None:
        """A crew without members; `keep` are descriptors that every role holds on to (the lock)."""
        self.members: dict[Role, Member] = {}
        self.policies: dict[Role, RestartPolicy] = {}
        self._loop = loop
        self._run_dir = run_dir
        self._keep = tuple(keep)
        self._command = command
        self._log = Log(Role.SUPERVISOR.value)
        self._chief: Chief | None = None

    def report_to(self, chief: Chief) -> None:
        """Who hears of messages and deaths; before the first start."""
        self._chief = chief

    @property
    def chief(self) -> Chief:
        """Who is reported to."""
        assert self._chief is not None
        return self._chief

    def start(self, role: Role, how: Start) -> Member:
        """Start a role in its place."""
        member = self.launch(role, how)
        self.enlist(member)
        return member

    def launch(self, role: Role, how: Start) -> Member:
        """Start a process for a role without giving it the role's place."""
        ours, theirs = Bus.pair()
        for message in how.first:
            ours.send(message)
        arguments = [*self._command(role), f"--bus-fd={theirs.fileno()}", f"--config-fd={how.config_fd}"]
        arguments += [f"--generation={how.generation}", f"--run-dir={self._run_dir}", f"--parent={os.getpid()}"]
        arguments += ["--restarted"] if how.restarted else []
        arguments += ["--standby"] if how.standby else []
        with theirs:
            process = spawn(arguments, (theirs.fileno(), how.config_fd, *self._keep))
        now = time.time()
        self._log.info("role_started", started=role, pid=process.pid, generation=how.generation)
        return Member(role=role, process=process, bus=ours, started=self._loop.now(), since=now, heard=now)

    def enlist(self, member: Member) -> None:
        """Give a process its role's place and listen to it."""
        self.members[member.role] = member
        self.policies.setdefault(member.role, RestartPolicy())
        self._loop.watch(member.bus.fileno(), lambda: self._readable(member))
        self._loop.watch(member.process.pidfd, lambda: self._exited(member))
        self._mind_writing(member)

    def send(self, role: Role, message: Message, descriptor: int | None = None) -> bool:
        """Send to a role; False when it is not there."""
        member = self.members.get(role)
        return member is not None and self.send_to(member, message, descriptor)

    def send_to(self, member: Member, message: Message, descriptor: int | None = None) -> bool:
        """Send to a process; False when its end of the bus is closed (its death is on its way to us)."""
        if not member.connected:
            return False
        try:
            member.bus.send(message, descriptor)
        except BusClosedError:
            return False
        self._mind_writing(member)
        return True

    def stop(self, role: Role, mode: StopMode, patience: float, then: Callable[[], None]) -> None:
        """Have a role end; `then` is called once its process is gone, after `patience` seconds by force."""
        member = self.members.get(role)
        if member is None:
            then()
            return
        member.stopping = then
        self.send_to(member, Stop(mode=mode))
        self._kill_after(member, patience)

    def _kill_after(self, member: Member, patience: float) -> Timer:
        def late() -> None:
            if self.members.get(member.role) is member:
                self._log.warning("role_killed", killed=member.role, pid=member.process.pid, after_seconds=patience)
                member.process.kill()

        return self._loop.after(patience, late)

    def _mind_writing(self, member: Member) -> None:
        if self.members.get(member.role) is member and member.connected:
            waiting = member.bus.wants_write
            self._loop.when_writable(member.bus.fileno(), (lambda: self._writable(member)) if waiting else None)

    def _writable(self, member: Member) -> None:
        try:
            member.bus.flush()
        except BusClosedError:
            self._hang_up(member)
            return
        self._mind_writing(member)

    def _readable(self, member: Member) -> None:
        try:
            for message, descriptor in member.bus.receive():
                member.heard = time.time()
                member.silent_since = None
                self.chief.hears(member, message, descriptor)
        except BusClosedError:
            self._hang_up(member)
        except BusMessageError as error:
            self._log.error("bus_message_not_understood", sender=member.role, pid=member.process.pid, error=error)
            member.process.kill()
            self._hang_up(member)

    def _hang_up(self, member: Member) -> None:
        if not member.connected:
            return
        member.connected = False
        self._loop.unwatch(member.bus.fileno())
        member.bus.close()
        self.chief.lost(member)
        self._kill_after(member, HANG_UP_GRACE)

    def _exited(self, member: Member) -> None:
        if member.connected:
            self._readable(member)
        self._hang_up(member)
        self._loop.unwatch(member.process.pidfd)
        status = member.process.reap()
        assert status is not None
        del self.members[member.role]
        level = self._log.info if status == exits.ORDERED and member.stopping else self._log.warning
        level("role_ended", ended=member.role, pid=member.process.pid, how=describe(status))
        self.chief.ended(member, status)
        if member.stopping is not None:
            member.stopping()
