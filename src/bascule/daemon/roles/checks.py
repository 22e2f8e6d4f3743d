# SPDX-License-Identifier: Apache-2.0
"""The `checks` role: runs every check's probe when its judge asks for it and sends the verdicts to the plane.

It decides nothing: judging is bascule.health.judge, what follows from a verdict is bascule.health.pool in the plane.
It runs without privileges. When it dies, the last verdicts hold until its successor has new ones.
"""

from __future__ import annotations

import collections
import heapq
import itertools
import math
import os
import select
import time

from bascule.daemon import exits, memfd
from bascule.daemon.bus import BusClosedError
from bascule.daemon.context import RoleContext
from bascule.daemon.log import Log
from bascule.daemon.roles.checks_roster import Entry, Roster, warm_up
from bascule.errors import KernelRefusedError
from bascule.health.judge import Announce, AttemptResult, CancelAttempt, Command, Due, Resume, StartAttempt, Suspend
from bascule.linux import privileges
from bascule.model.base import to_json, unpack
from bascule.model.configuration import Configuration
from bascule.model.messages import (
    Configure,
    Message,
    Role,
    Started,
    StatusReply,
    StatusRequest,
    Stop,
    SuspendChecks,
    VerdictsWanted,
)
from bascule.model.service import ServiceId
from bascule.model.status import ChecksStatus
from bascule.probes import tcp
from bascule.probes.engine import Engine
from bascule.probes.probe import Result

DESCRIPTORS = 65_536
"""Open files that the role asks the kernel for; less its own few, the attempts that may be under way at once."""

DESCRIPTORS_KEPT = 64

PATIENCE_MAX = 60.0
"""Seconds that the role waits at the longest before it looks at its timers again."""

_log = Log(Role.CHECKS.value)


def run(context: RoleContext) -> int:
    """Serve until Stop or the end of the bus; returns the exit status."""
    limit = privileges.allow_descriptors(DESCRIPTORS)
    runner = Runner(context, under_way_max=max(1, limit - DESCRIPTORS_KEPT))
    try:
        privileges.drop()
    except KernelRefusedError as error:
        runner.note(str(error))
    try:
        runner.configure(context.configuration, context.generation)
        runner.run()
    except BusClosedError:
        _log.warning("supervisor_gone")
    finally:
        runner.close()
    return exits.ORDERED


class Runner:
    """The role's loop: bus, timers, probes."""

    def __init__(self, context: RoleContext, *, under_way_max: int) -> None:
        """Everything opened, nothing begun; at most `under_way_max` attempts go on at once, further ones queue."""
        self._bus = context.bus
        self._under_way_max = under_way_max
        self._engine: Engine[tuple[Entry, int]] = Engine()
        self._queue: collections.deque[tuple[Entry, int]] = collections.deque()
        self._timers: list[tuple[float, int, Entry]] = []
        self._order = itertools.count()
        self._roster = Roster(patient=context.restarted)
        self._suspended: frozenset[ServiceId] = frozenset()
        self._notes: tuple[str, ...] = ()
        self._stopped = False
        self._poll = select.poll()
        self._poll.register(self._engine, select.POLLIN)

    def note(self, text: str) -> None:
        """Something amiss that the log and `bascule status` are to say."""
        self._notes = (*self._notes, text)
        _log.warning("amiss", what=text)

    def configure(self, configuration: Configuration, generation: int) -> None:
        """Follow a configuration, and say so: what is the same check goes on undisturbed."""
        now = time.monotonic()
        for entry in self._roster.configure(configuration, now):
            self._do(entry, entry.judge.handle(Suspend(), now))
        self._apply_suspension(now)
        for entry in self._roster:
            self._schedule(entry)
        checks = sum(1 for _ in self._roster)
        _log.info("configured", generation=generation, checks=checks)
        self._bus.send(Started(role=Role.CHECKS, generation=generation))

    def run(self) -> None:
        """Serve until Stop. Raises BusClosedError when the supervisor is gone."""
        while not self._stopped:
            self._poll.register(self._bus, select.POLLIN | (select.POLLOUT if self._bus.wants_write else 0))
            events = self._poll.poll(self._patience())
            if any(descriptor == self._bus.fileno() for descriptor, _ in events):
                self._bus.flush()
                for message, descriptor in self._bus.receive():
                    self._take(message, descriptor)
            self._advance()

    def close(self) -> None:
        """Break off what is under way."""
        self._engine.close()

    def _patience(self) -> int:
        """Milliseconds until the next timer or deadline, rounded up so that a wake-up is never early."""
        moments = [self._timers[0][0]] if self._timers else []
        if (deadline := self._engine.deadline()) is not None:
            moments.append(deadline)
        left = min(moments) - time.monotonic() if moments else PATIENCE_MAX
        return math.ceil(max(0.0, min(left, PATIENCE_MAX)) * 1000)

    def _take(self, message: Message, descriptor: int | None) -> None:
        match message:
            case Configure(generation=generation):
                assert descriptor is not None
                try:
                    configuration = unpack(memfd.read_all(descriptor), Configuration)
                finally:
                    os.close(descriptor)
                self.configure(configuration, generation)
                self._send_verdicts()
            case SuspendChecks(services=services):
                self._suspend(frozenset(services))
            case VerdictsWanted():
                self._send_verdicts()
            case StatusRequest(number=number):
                self._bus.send(StatusReply(number=number, role=Role.CHECKS, body=to_json(self._status())))
            case Stop():
                self._stopped = True
            case _:
                _log.warning("unexpected_message", kind=type(message).__name__)

    def _suspend(self, services: frozenset[ServiceId]) -> None:
        for service in sorted(services - self._suspended):
            _log.info("checks_suspended", service=service, why="the virtual address is not on this director")
        for service in sorted(self._suspended - services):
            _log.info("checks_resumed", service=service)
        self._suspended = services
        self._apply_suspension(time.monotonic())

    def _apply_suspension(self, now: float) -> None:
        split = self._roster.of_services(self._suspended)
        for entry in split[True]:
            if not entry.judge.snapshot().suspended:
                self._do(entry, entry.judge.handle(Suspend(), now))
        for entry in split[False]:
            if entry.judge.snapshot().suspended:
                self._do(entry, entry.judge.handle(Resume(delay=warm_up(entry.judge.check)), now))

    def _send_verdicts(self) -> None:
        for entry in self._roster:
            verdict = entry.verdict()
            if verdict is not None:
                self._bus.send(verdict)

    def _status(self) -> ChecksStatus:
        return ChecksStatus(checks=tuple(entry.status() for entry in self._roster), notes=self._notes)

    def _advance(self) -> None:
        """Take in the probes that ended, begin what is due, as far as attempts may be under way."""
        now = time.monotonic()
        for (entry, number), result in self._engine.collect(now):
            self._ended(entry, number, result)
        while self._timers and self._timers[0][0] <= now:
            due, _, entry = heapq.heappop(self._timers)
            if not entry.gone and entry.judge.deadline() == due:
                self._do(entry, entry.judge.handle(Due(), now))
        while self._queue and len(self._engine) < self._under_way_max:
            self._begin(*self._queue.popleft())

    def _begin(self, entry: Entry, number: int) -> None:
        check = entry.judge.check
        attempt = tcp.begin(entry.target.server, check)
        if isinstance(attempt, Result):
            self._ended(entry, number, attempt)
        else:
            self._engine.start((entry, number), attempt, time.monotonic() + check.connect_timeout)

    def _ended(self, entry: Entry, number: int, result: Result) -> None:
        event = AttemptResult(number=number, passed=result.passed, why=result.why, at=time.time())
        self._do(entry, entry.judge.handle(event, time.monotonic()))

    def _do(self, entry: Entry, commands: tuple[Command, ...]) -> None:
        for command in commands:
            match command:
                case StartAttempt(number=number):
                    self._queue.append((entry, number))
                case CancelAttempt(number=number):
                    self._cancel(entry, number)
                case Announce():
                    self._announce(entry, command)
        self._schedule(entry)

    def _cancel(self, entry: Entry, number: int) -> None:
        self._engine.cancel((entry, number))
        if (entry, number) in self._queue:
            self._queue.remove((entry, number))

    def _announce(self, entry: Entry, announce: Announce) -> None:
        verdict = entry.verdict(announce)
        assert verdict is not None
        target = entry.target
        write = _log.notice if verdict.up else _log.warning
        write(
            "check_passed" if verdict.up else "check_failed",
            service=target.service,
            server=target.server.text(target.service.protocol),
            check=target.check,
            why=verdict.why,
            attempts=verdict.attempts,
        )
        self._bus.send(verdict)

    def _schedule(self, entry: Entry) -> None:
        due = entry.judge.deadline()
        if due is not None and not entry.gone:
            heapq.heappush(self._timers, (due, next(self._order), entry))
