# SPDX-License-Identifier: Apache-2.0
"""Status rounds over a crew that is not there: deadlines, late and broken answers."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace

import msgspec
import pytest

from bascule.daemon.desk import DEADLINE, PARTS, Facts, StatusDesk, _Merged
from bascule.daemon.loop import Loop
from bascule.daemon.restarts import RestartPolicy
from bascule.model.base import from_json, to_json
from bascule.model.messages import Role, StatusReply, StatusRequest
from bascule.model.status import ChecksStatus, DirectorStatus, PlaneStatus, RoleStatus

ABSENT = RoleStatus(role=Role.NOTIFY, pid=None, running=False, since=1.0, responsive=False, note="refused")


class Crew:
    """Members that take questions and answer only through the test."""

    def __init__(self, *roles: Role) -> None:
        self.members = {
            role: SimpleNamespace(
                role=role,
                process=SimpleNamespace(pid=100),
                bus=SimpleNamespace(dropped=0),
                since=5.0,
                refused=None,
                configured=1,
                silent_since=None,
            )
            for role in roles
        }
        self.policies = {role: RestartPolicy(deaths=2) for role in roles}
        self.asked: list[tuple[Role, int]] = []

    def send(self, role: Role, message: StatusRequest) -> bool:
        self.asked.append((role, message.number))
        return True


class Asker(list[DirectorStatus]):
    """Who reads the answers."""

    def take(self, raw: msgspec.Raw) -> None:
        self.append(from_json(bytes(raw), DirectorStatus))


def rig(*roles: Role) -> tuple[Loop, Crew, StatusDesk, Asker]:
    loop, crew = Loop(), Crew(*roles)
    facts = Facts(files=("a",), generation=3, started=1.0, notes=("n",), absent=(ABSENT,))
    return loop, crew, StatusDesk(loop, crew, lambda: facts), Asker()  # type: ignore[arg-type]


def plane_reply(number: int) -> StatusReply:
    body = to_json(PlaneStatus(kind="memory", ready=True, ready_reason="r"))
    return StatusReply(number=number, role=Role.PLANE, body=body)


def test_the_answer_comes_with_the_last_reply() -> None:
    _, crew, desk, found = rig(Role.PLANE, Role.CHECKS)
    desk.ask(found.take)
    assert crew.asked == [(Role.PLANE, 1), (Role.CHECKS, 1)]
    desk.answered(plane_reply(1))
    assert found == []
    desk.answered(StatusReply(number=1, role=Role.CHECKS, body=to_json(ChecksStatus())))
    status = found[0]
    assert status.plane is not None
    assert status.checks == ChecksStatus()
    assert (status.files, status.generation, status.notes) == (("a",), 3, ("n",))
    assert [entry.role for entry in status.roles] == [Role.SUPERVISOR, Role.PLANE, Role.CHECKS, Role.NOTIFY]
    assert status.roles[0].pid == os.getpid()
    assert status.roles[1].restarts == 2
    assert status.roles[3] == ABSENT


def test_roles_come_in_their_order_whichever_started_last() -> None:
    _, _, desk, found = rig(Role.CHECKS, Role.VRRP, Role.PLANE)
    desk.ask(found.take)
    desk._end(1)
    roles = [entry.role for entry in found[0].roles]
    assert roles == [Role.SUPERVISOR, Role.VRRP, Role.PLANE, Role.CHECKS, Role.NOTIFY]


def test_a_role_that_has_not_said_that_it_runs_is_starting() -> None:
    _, crew, desk, found = rig(Role.PLANE)
    crew.members[Role.PLANE].configured = 0
    desk.ask(found.take)
    desk._end(1)
    assert (found[0].roles[1].responsive, found[0].roles[1].note) == (False, "starting")


def test_a_silent_role_costs_no_more_than_the_deadline_and_is_named_with_its_first_silence() -> None:
    loop, crew, desk, found = rig(Role.PLANE, Role.CHECKS)
    begun = time.monotonic()
    for _ in range(2):
        desk.ask(found.take)
        desk.answered(plane_reply(len(found) + 1))
        loop.after(DEADLINE, loop.stop)
        while len(found) * 2 < len(crew.asked):
            loop._step()
    assert DEADLINE * 2 <= time.monotonic() - begun < DEADLINE * 2 + 0.3
    first, second = (next(entry for entry in status.roles if entry.role is Role.CHECKS) for status in found)
    assert not first.responsive
    assert first.silent_since == second.silent_since is not None
    assert found[0].checks is None
    assert found[0].plane is not None


def test_a_late_answer_changes_nothing() -> None:
    _, _, desk, found = rig()
    desk.ask(found.take)
    desk.answered(plane_reply(1))
    desk.answered(plane_reply(77))
    assert found[0].plane is None


@pytest.mark.parametrize("body", [b"gibberish", b'null,"plane":{}', b"{", b""])
def test_an_answer_in_another_language_is_a_note(body: bytes) -> None:
    _, _, desk, found = rig(Role.PLANE)
    desk.ask(found.take)
    desk.answered(StatusReply(number=1, role=Role.PLANE, body=body))
    assert found[0].plane is None
    assert found[0].notes[1].startswith("plane: its answer is not understood: ")


def test_messages_that_a_role_did_not_take_are_named() -> None:
    _, crew, desk, found = rig(Role.PLANE)
    crew.members[Role.PLANE].bus.dropped = 4
    crew.members[Role.PLANE].refused = "no interface"
    desk.ask(found.take)
    desk.answered(plane_reply(1))
    assert found[0].roles[1].note == "no interface; 4 messages to it were lost: it did not read them"


def test_what_is_merged_is_what_is_promised() -> None:
    promised = {field.name for field in msgspec.structs.fields(DirectorStatus)}
    assert {field.name for field in msgspec.structs.fields(_Merged)} == promised
    assert {role.value for role in PARTS} <= promised
