# SPDX-License-Identifier: Apache-2.0
"""The second half of `bascule restart`: new processes for the roles that the program before this one left running.

The successor of vrrp loads everything before the old process is told to go, so that adverts pause only for moments.
Every other role's successor starts when the old one has ended: tables have one writer at a time.
"""

from __future__ import annotations

import dataclasses
import os
import socket

from bascule.daemon.bus import Bus, BusClosedError
from bascule.daemon.crew import Member
from bascule.daemon.inheritance import Inheritance
from bascule.daemon.processes import Process
from bascule.daemon.stopping import PATIENCE
from bascule.daemon.supervisor import Supervisor
from bascule.model.messages import OnStandby, Role, StopMode

STANDBY_PATIENCE = 10.0
"""Seconds that a successor has to load; then the old process is replaced without one standing by."""


def adopt(supervisor: Supervisor, inheritance: Inheritance) -> None:
    """Take the running roles over as they are."""
    for inherited in inheritance.roles:
        try:
            process = Process.of(inherited.pid)
        except ProcessLookupError:
            # Cannot be: an ended child stays until it is reaped. Its bus tells us, should it ever be.
            os.close(inherited.bus_fd)
            continue
        member = Member(
            role=inherited.role,
            process=process,
            bus=Bus(socket.socket(fileno=inherited.bus_fd)),
            started=supervisor.loop.now(),
            since=inherited.since,
            heard=inherited.since,
        )
        supervisor.crew.enlist(member)
        supervisor.crew.policies[inherited.role].deaths = inherited.deaths


def replace_all(supervisor: Supervisor) -> None:
    """Replace each running role, stop those that the plan does not need, start those that are missing."""
    for role in tuple(supervisor.crew.members):
        if role not in supervisor.plan.needed:
            supervisor.retire(role)
        elif role is Role.VRRP:
            _Succession(supervisor).begin()
        else:
            _replace(supervisor, role)
    supervisor.fill()


def _replace(supervisor: Supervisor, role: Role) -> None:
    def gone() -> None:
        supervisor.crew.start(role, supervisor.how(role, restarted=True, first=supervisor.succession(role)))

    supervisor.crew.stop(role, StopMode.RESTART, PATIENCE[role], gone)


class _Succession:
    """vrrp: a successor on standby, then the old process leaves, then the successor begins with its handover."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._successor: Member | None = None

    def begin(self) -> None:
        supervisor = self._supervisor
        how = dataclasses.replace(supervisor.how(Role.VRRP, restarted=True), standby=True, first=())
        successor = self._successor = supervisor.crew.launch(Role.VRRP, how)
        timer = supervisor.loop.after(STANDBY_PATIENCE, lambda: self._loaded(False))

        def heard() -> None:
            timer.cancel()
            self._loaded(self._stands_by())

        supervisor.loop.watch(successor.bus.fileno(), heard)

    def _stands_by(self) -> bool:
        assert self._successor is not None
        try:
            return any(isinstance(message, OnStandby) for message, _ in self._successor.bus.receive())
        except BusClosedError:
            return False

    def _loaded(self, stands_by: bool) -> None:
        supervisor, successor = self._supervisor, self._successor
        assert successor is not None
        supervisor.loop.unwatch(successor.bus.fileno())
        if not stands_by:
            supervisor.log.warning("successor_failed", pid=successor.process.pid)
            _discard(supervisor, successor)
            self._successor = None
        supervisor.crew.stop(Role.VRRP, StopMode.RESTART, PATIENCE[Role.VRRP], self._old_gone)

    def _old_gone(self) -> None:
        supervisor, successor = self._supervisor, self._successor
        first = supervisor.succession(Role.VRRP)
        if successor is None:
            supervisor.crew.start(Role.VRRP, supervisor.how(Role.VRRP, restarted=True, first=first))
            return
        supervisor.crew.enlist(successor)
        for message in (*first, *supervisor.states.for_role(Role.VRRP)):
            supervisor.crew.send_to(successor, message)


def _discard(supervisor: Supervisor, member: Member) -> None:
    member.bus.close()
    member.process.kill()

    def ended() -> None:
        supervisor.loop.unwatch(member.process.pidfd)
        member.process.reap()

    supervisor.loop.watch(member.process.pidfd, ended)
