# SPDX-License-Identifier: Apache-2.0
"""Answering "how are you": asks every role, waits a quarter of a second at most, merges what came.

A role's part goes through as the JSON that it is: taking apart a table of thousands of services would keep the
supervisor from what it must do within milliseconds. Who asked reads it as `bascule.model.status.DirectorStatus`.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable

import msgspec

from bascule import __version__
from bascule.daemon.crew import Crew, Member
from bascule.daemon.loop import Loop, Timer
from bascule.model.base import Model, to_json
from bascule.model.messages import Role, StatusReply, StatusRequest
from bascule.model.status import RoleStatus

DEADLINE = 0.25
"""Seconds that roles have to answer."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Facts:
    """What the supervisor itself contributes to a status."""

    files: tuple[str, ...]
    generation: int
    started: float
    notes: tuple[str, ...]
    absent: tuple[RoleStatus, ...]
    """Roles that are needed and do not run."""


@dataclasses.dataclass(slots=True, eq=False)
class _Round:
    waiting: set[Role]
    then: Callable[[msgspec.Raw], None]
    timer: Timer | None = None
    bodies: dict[Role, bytes] = dataclasses.field(default_factory=dict)
    asked: float = 0.0


class StatusDesk:
    """Runs rounds of questions; several may be under way."""

    def __init__(self, loop: Loop, crew: Crew, facts: Callable[[], Facts]) -> None:
        """Ask the crew's members; `facts` is called when a round ends."""
        self._loop = loop
        self._crew = crew
        self._facts = facts
        self._rounds: dict[int, _Round] = {}
        self._number = 0

    def ask(self, then: Callable[[msgspec.Raw], None]) -> None:
        """Begin a round; `then` gets the JSON of a DirectorStatus within DEADLINE."""
        self._number += 1
        number = self._number
        asked = [role for role in self._crew.members if self._crew.send(role, StatusRequest(number=number))]
        self._rounds[number] = _Round(set(asked), then, asked=time.time())
        if asked:
            self._rounds[number].timer = self._loop.after(DEADLINE, lambda: self._end(number))
        else:
            self._end(number)

    def answered(self, reply: StatusReply) -> None:
        """A role's answer came; late ones are ignored."""
        current = self._rounds.get(reply.number)
        if current is None:
            return
        current.bodies[reply.role] = reply.body
        current.waiting.discard(reply.role)
        if not current.waiting:
            self._end(reply.number)

    def _end(self, number: int) -> None:
        current = self._rounds.pop(number)
        if current.timer is not None:
            current.timer.cancel()
        for role in current.waiting:
            member = self._crew.members.get(role)
            if member is not None and member.silent_since is None:
                member.silent_since = current.asked
        current.then(self._merge(current))

    def _merge(self, current: _Round) -> msgspec.Raw:
        facts = self._facts()
        notes = list(facts.notes)
        roles = [self._role(member, member.role in current.waiting) for member in self._crew.members.values()]
        in_order = sorted((*roles, *facts.absent), key=lambda status: _ORDER.index(status.role))
        parts = {role.value: _part(role, current.bodies, notes) for role in PARTS}
        merged = _Merged(
            version=__version__,
            files=facts.files,
            generation=facts.generation,
            started=facts.started,
            roles=(_supervisor(facts.started), *in_order),
            notes=tuple(notes),
            **parts,
        )
        return msgspec.Raw(to_json(merged))

    def _role(self, member: Member, silent: bool) -> RoleStatus:
        return RoleStatus(
            role=member.role,
            pid=member.process.pid,
            running=True,
            since=member.since,
            restarts=self._crew.policies[member.role].deaths,
            responsive=not silent,
            silent_since=member.silent_since if silent else None,
            note=_note(member),
        )


class _Merged(Model, frozen=True, kw_only=True):
    """DirectorStatus with its parts as they came; the fields are compared in a test."""

    version: str
    files: tuple[str, ...]
    generation: int
    started: float
    roles: tuple[RoleStatus, ...]
    notes: tuple[str, ...]
    vrrp: msgspec.Raw
    plane: msgspec.Raw
    checks: msgspec.Raw
    notify: msgspec.Raw


_ORDER = tuple(Role)

PARTS = (Role.VRRP, Role.PLANE, Role.CHECKS, Role.NOTIFY)

_NOTHING = msgspec.Raw(b"null")


def _part(role: Role, bodies: dict[Role, bytes], notes: list[str]) -> msgspec.Raw:
    """One role's answer, looked at only as far as that it is one JSON value and cannot pass for another's."""
    body = bodies.get(role)
    if body is None:
        return _NOTHING
    try:
        return msgspec.json.decode(body, type=msgspec.Raw)
    except msgspec.MsgspecError as error:
        notes.append(f"{role.value}: its answer is not understood: {error}")
        return _NOTHING


def _note(member: Member) -> str | None:
    starting = "starting" if not member.configured and member.refused is None else None
    lost = f"{member.bus.dropped} messages to it were lost: it did not read them" if member.bus.dropped else None
    return "; ".join(filter(None, (starting, member.refused, lost))) or None


def _supervisor(started: float) -> RoleStatus:
    return RoleStatus(role=Role.SUPERVISOR, pid=os.getpid(), running=True, since=started)
