# SPDX-License-Identifier: Apache-2.0
"""The supervisor: keeps the needed roles running, passes their messages on, and executes the last will.

What it serves on request (reload, restart, stop, status) is in bascule.daemon.service.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable

from bascule.daemon import exits, lastwill
from bascule.daemon.crew import Crew, Member, Start
from bascule.daemon.desk import Facts, StatusDesk
from bascule.daemon.failovers import FailoverDesk
from bascule.daemon.log import Log
from bascule.daemon.loop import Loop, Timer
from bascule.daemon.plans import Plan
from bascule.daemon.processes import describe
from bascule.daemon.routing import StateCache, may_send, receivers
from bascule.daemon.stopping import PATIENCE, stop_all
from bascule.model.base import Seconds
from bascule.model.messages import (
    EVENTS,
    Configure,
    Handover,
    LastWill,
    Message,
    Refused,
    Role,
    Started,
    StatusReply,
    StopMode,
    SwitchOutcome,
)
from bascule.model.status import RoleStatus

SETTLE_PATIENCE = 15.0
"""Seconds that roles have to put a configuration into effect before that counts as a failure."""

REFUSED = "refused: "
"""Begins the note of a role that will not be started again."""


@dataclasses.dataclass(slots=True, eq=False)
class _Settling:
    then: Callable[[tuple[str, ...]], None]
    timer: Timer


class Supervisor:
    """The crew's chief."""

    def __init__(self, loop: Loop, crew: Crew, plan: Plan, states: StateCache | None = None) -> None:
        """Nothing runs yet: `start` or bascule.daemon.replacement does that."""
        self.loop = loop
        self.crew = crew
        self.plan = plan
        self.states = states or StateCache()
        self.desk = StatusDesk(loop, crew, self._facts)
        self.failovers = FailoverDesk(loop, crew)
        self.notes: dict[str, str] = {}
        """What is to be said in the status, by subject."""
        self.publish: Callable[[Message], None] = _nobody
        """Who listens to events."""
        self.started = time.time()
        self.ending = False
        self.handover: Handover | None = None
        self.log = Log(Role.SUPERVISOR.value)
        self._absent: dict[Role, RoleStatus] = {}
        self._settling: list[_Settling] = []
        crew.report_to(self)

    def fill(self) -> None:
        """Start every needed role that has no process."""
        for role in self.plan.needed:
            if not self.ending and role not in self.crew.members and role not in self._absent:
                self._start(role, restarted=False)

    def _start(self, role: Role, *, restarted: bool, first: tuple[Message, ...] = ()) -> None:
        self._absent.pop(role, None)
        self.crew.start(role, self.how(role, restarted=restarted, first=first))

    def how(self, role: Role, *, restarted: bool, first: tuple[Message, ...] = ()) -> Start:
        """The start of a role under the plan, with all that it must hear first."""
        return Start(
            config_fd=self.plan.config_fd,
            generation=self.plan.generation,
            restarted=restarted,
            first=(*first, *self.states.for_role(role)),
        )

    def hears(self, member: Member, message: Message, descriptor: int | None) -> None:
        """Keep, pass on, and act on what concerns the supervisor."""
        if descriptor is not None:
            os.close(descriptor)
        if not may_send(member.role, message):
            self.log.error("message_not_allowed", sender=member.role, message=type(message).__name__)
            return
        self.states.keep(message)
        for role in receivers(message):
            self.crew.send(role, message)
        if isinstance(message, EVENTS):
            self.publish(message)
        match message:
            case StatusReply():
                self.desk.answered(message)
            case SwitchOutcome():
                self.failovers.answered(message)
            case Handover():
                self.handover = message
            case Started(generation=generation):
                member.configured, member.refused = generation, None
                self._check_settled()
            case Refused(reason=reason):
                member.refused = reason
                self._check_settled()
            case _:
                pass

    def lost(self, member: Member) -> None:
        """A role's bus closed: if it was vrrp and left no successor, its last will is executed now."""
        if member.role is Role.VRRP and (self.handover is None or self.ending):
            self.execute_will()

    def execute_will(self) -> None:
        """Send and remove what the last will says, once."""
        will = self.last_will()
        self.states.keep(LastWill())
        if will.frames or will.addresses:
            lastwill.execute(will, self.log)

    def last_will(self) -> LastWill:
        """The will as it stands."""
        wills = [message for message in self.states.all() if isinstance(message, LastWill)]
        return wills[0] if wills else LastWill()

    def ended(self, member: Member, status: int) -> None:
        """A process is gone: told to, refused, or to be started again."""
        if member.stopping is not None or self.ending:
            return
        role, lived = member.role, self.loop.now() - member.started
        if status == exits.REFUSED:
            self._note_absent(member, f"{REFUSED}{member.refused or 'see the log'}")
            self._check_settled()
            return
        pause = self.crew.policies[role].pause_after(lived)
        self._note_absent(member, f"{describe(status)}; starts again in {pause:g} s")
        self.log.warning("role_restarts", restarted=role, in_seconds=pause)
        self.loop.after(pause, lambda: self._start_again(role, lived))

    def _note_absent(self, member: Member, note: str) -> None:
        self._absent[member.role] = RoleStatus(
            role=member.role,
            pid=None,
            running=False,
            since=time.time(),
            restarts=self.crew.policies[member.role].deaths,
            responsive=False,
            note=note,
        )

    def _start_again(self, role: Role, lived: float) -> None:
        if self.ending or role not in self.plan.needed or role in self.crew.members:
            return
        self._start(role, restarted=True, first=self.succession(role, lived))

    def succession(self, role: Role, lived: float = 0.0) -> tuple[Message, ...]:
        """What the successor of a process hears before all else: its handover, or how long to hold after a crash."""
        self._absent.pop(role, None)
        if role is not Role.VRRP:
            return ()
        if self.handover is not None:
            handover, self.handover = self.handover, None
            return (handover,)
        hold = self.crew.policies[role].hold_after(lived)
        return (Handover(active=(), crash_hold=Seconds(hold)),)

    def adopt_plan(self, plan: Plan) -> None:
        """Run another configuration: roles that go on are told, others are started or stopped."""
        self.plan.close()
        self.plan = plan
        self.states.prune(plan.configuration)
        self._absent.clear()
        for role in tuple(self.crew.members):
            if role not in plan.needed:
                self.retire(role)
            else:
                self.crew.members[role].refused = None
                self.crew.send(role, Configure(generation=plan.generation), plan.config_fd)
        self.fill()

    def retire(self, role: Role) -> None:
        """Stop a role that the plan does not need."""

        def gone() -> None:
            self.states.forget_role(role)
            self.fill()

        self.crew.stop(role, StopMode.STOP, PATIENCE[role], gone)

    def settle(self, then: Callable[[tuple[str, ...]], None]) -> None:
        """Call `then` once each needed role has the plan in effect or has refused it, with what went wrong."""
        settling = _Settling(then, self.loop.after(SETTLE_PATIENCE, lambda: self._settled(settling)))
        self._settling.append(settling)
        self._check_settled()

    def _check_settled(self) -> None:
        if all(self._is_settled(role) for role in self.plan.needed):
            if not self._problems():
                self.notes.pop("start", None)
            for settling in tuple(self._settling):
                self._settled(settling)

    def _is_settled(self, role: Role) -> bool:
        member = self.crew.members.get(role)
        if member is None:
            absent = self._absent.get(role)
            return absent is not None and _is_refusal(absent)
        return member.refused is not None or member.configured >= self.plan.generation

    def _settled(self, settling: _Settling) -> None:
        if settling not in self._settling:
            return
        self._settling.remove(settling)
        settling.timer.cancel()
        settling.then(tuple(self._problems()))

    def _problems(self) -> list[str]:
        problems = []
        for role in self.plan.needed:
            member, absent = self.crew.members.get(role), self._absent.get(role)
            if member is None:
                problems.append(f"{role.value}: {absent.note if absent else 'does not run'}")
            elif member.refused is not None:
                problems.append(f"{role.value}: {member.refused}")
            elif member.configured < self.plan.generation:
                problems.append(f"{role.value}: not ready within {SETTLE_PATIENCE:g} s")
        return problems

    def refusals(self) -> dict[Role, str]:
        """The roles that refused to run, and why."""
        found = {role: member.refused for role, member in self.crew.members.items() if member.refused is not None}
        found |= {role: status.note for role, status in self._absent.items() if status.note and _is_refusal(status)}
        return {role: f"{role.value}: {why.removeprefix(REFUSED)}" for role, why in found.items()}

    def end(self, then: Callable[[], None]) -> None:
        """Stop everything in order."""
        self.ending = True
        stop_all(self.loop, self.crew, then)

    def _facts(self) -> Facts:
        return Facts(
            files=self.plan.configuration.files,
            generation=self.plan.generation,
            started=self.started,
            notes=tuple(self.notes.values()),
            absent=tuple(self._absent.values()),
        )


def _nobody(_event: Message) -> None:
    """Nobody listens."""


def _is_refusal(status: RoleStatus) -> bool:
    return status.note is not None and status.note.startswith(REFUSED)
