# SPDX-License-Identifier: Apache-2.0
"""Planned switches from the control socket to the role and back."""

from __future__ import annotations

import pytest

from bascule.daemon import failovers
from bascule.daemon.failovers import FailoverDesk
from bascule.daemon.loop import Loop
from bascule.model.control import ControlReply, ControlRequest, Verb
from bascule.model.messages import Role, SwitchOrder, SwitchOutcome

REQUEST = ControlRequest(verb=Verb.FAILOVER, instance="VI_1", peer="d2")


class Crew:
    """A vrrp role that is there or not."""

    def __init__(self, there: bool = True) -> None:
        self.there = there
        self.heard: list[SwitchOrder] = []

    def send(self, role: Role, message: SwitchOrder) -> bool:
        assert role is Role.VRRP
        self.heard.append(message)
        return self.there


def desk(crew: Crew) -> tuple[Loop, FailoverDesk]:
    loop = Loop()
    return loop, FailoverDesk(loop, crew)  # type: ignore[arg-type]


def test_the_request_goes_to_the_role_and_its_word_to_who_asked() -> None:
    crew, replies = Crew(), list[ControlReply]()
    _, here = desk(crew)
    here.ask(REQUEST, replies.append)
    here.ask(ControlRequest(verb=Verb.FAILOVER, release=True), replies.append)
    assert crew.heard == [SwitchOrder(number=1, instance="VI_1", peer="d2"), SwitchOrder(number=2, release=True)]
    here.answered(SwitchOutcome(number=2, ok=True, text="released: VI_1"))
    here.answered(SwitchOutcome(number=1, ok=False, text="busy"))
    here.answered(SwitchOutcome(number=1, ok=True, text="again"))
    assert replies == [ControlReply(ok=True, text="released: VI_1"), ControlReply(ok=False, text="busy")]


def test_without_the_role_there_is_nothing_to_switch() -> None:
    replies: list[ControlReply] = []
    desk(Crew(there=False))[1].ask(REQUEST, replies.append)
    assert replies == [ControlReply(ok=False, text="no vrrp_instance runs here")]


def test_a_role_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failovers, "DEADLINE", 0.05)
    loop, here = desk(Crew())
    replies: list[ControlReply] = []

    def late(reply: ControlReply) -> None:
        replies.append(reply)
        loop.stop()

    here.ask(REQUEST, late)
    loop.run()
    assert replies == [ControlReply(ok=False, text="the vrrp role did not say within 0.05 s how it went")]
