# SPDX-License-Identifier: Apache-2.0
"""The machine in a planned switch: the old active, its successor, and the hold afterwards."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from bascule.model.base import Priority
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import (
    DEAF,
    SUCCESSION,
    Announce,
    Command,
    Declined,
    HandOver,
    LeaveAddresses,
    PutAddresses,
    Reconfigured,
    Release,
    SendAdvert,
    StateChanged,
    Stop,
    Succeeded,
    TakeAddresses,
    TakeOver,
)
from bascule.vrrp.machine import Machine
from bascule.vrrp.packet import PRIORITY_STOP
from bascule.vrrp.priority import PRIORITY_HELD
from bascule.vrrp.transitions import Cause
from tests.vrrp.bench import DOWN, PEER, SETTINGS, Bench, active, bench

THIRD = ipaddress.IPv4Address("192.168.2.212")
SKEW_HELD = 255 / 256
OTHER = dataclasses.replace(SETTINGS, priority=Priority(120))


def kinds(commands: list[Command]) -> list[type[Command]]:
    return [type(command) for command in commands]


def cause(commands: list[Command]) -> Cause:
    return next(command.cause for command in commands if isinstance(command, StateChanged))


def handed() -> Bench:
    """An active that has handed over to PEER."""
    here = active()
    here.tell(HandOver(PEER))
    here.wait(0.001)
    here.tell(Succeeded(PEER))
    assert here.is_in(VrrpState.BACKUP)
    return here


def test_it_says_nothing_until_the_successor_has_announced_and_then_leaves_quietly() -> None:
    here = active()
    assert here.tell(HandOver(PEER)) == []
    assert here.machine.awaits == PEER
    assert here.machine.deadline() == here.now + SUCCESSION
    here.wait(0.002)
    done = here.tell(Succeeded(PEER))
    assert kinds(done) == [LeaveAddresses, StateChanged]
    assert cause(done) is Cause.SUCCEEDED
    found = here.machine.snapshot()
    assert (found.held, found.handed_to, found.priority, found.active) == (True, PEER, PRIORITY_HELD, PEER)


def test_the_successor_s_advert_says_as_much() -> None:
    here = active()
    here.tell(HandOver(PEER))
    assert kinds(here.hear(50)) == [LeaveAddresses, StateChanged]
    assert here.machine.awaits is None
    here.wait(DOWN)
    assert here.is_in(VrrpState.BACKUP), "its advert put the down timer off"


def test_a_successor_that_does_not_answer_is_left_to_priority_0() -> None:
    here = active()
    here.tell(HandOver(PEER))
    here.wait(SUCCESSION)
    assert here.is_in(VrrpState.BACKUP)
    last = [command for _, command in here.did[-3:]]
    assert last[0] == SendAdvert(0)  # type: ignore[arg-type]
    assert kinds(last) == [SendAdvert, TakeAddresses, StateChanged]
    assert here.machine.snapshot().handed_to is None
    assert here.tell(Succeeded(PEER)) == [], "too late"


def test_without_anybody_else_it_is_active_again_soon() -> None:
    here = active()
    here.tell(HandOver(None))
    given_up = here.now
    here.wait(1 + SKEW_HELD - 0.001)
    assert here.is_in(VrrpState.BACKUP)
    here.wait(0.002)
    assert here.is_in(VrrpState.MASTER)
    assert here.now - given_up == pytest.approx(1 + SKEW_HELD, abs=0.002)
    assert here.machine.priority == 100
    assert here.sent()[-1] > 0


def test_a_refusal_changes_nothing() -> None:
    here = active()
    here.tell(HandOver(PEER))
    assert kinds(here.tell(Declined(PEER, "FAULT"))) == [SendAdvert]
    assert here.is_in(VrrpState.MASTER)
    assert here.machine.awaits is None
    here.wait(1.0)
    assert here.is_in(VrrpState.MASTER)


def test_a_reload_in_a_switch_announces_nothing_and_is_said_when_the_successor_refuses() -> None:
    here = active()
    here.tell(HandOver(PEER))
    assert here.tell(Reconfigured(OTHER)) == []
    assert kinds(here.tell(Declined(PEER, "FAULT"))) == [SendAdvert, SendAdvert, PutAddresses, Announce]
    assert here.machine.priority == OTHER.priority
    here.tell(HandOver(PEER))
    assert kinds(here.tell(Declined(PEER, "FAULT"))) == [SendAdvert], "once is enough"


@pytest.mark.parametrize("priority", [PRIORITY_STOP, 50])
def test_one_who_may_have_announced_while_the_successor_was_asked_is_announced_over_when_it_refuses(
    priority: int,
) -> None:
    here = active()
    here.tell(HandOver(PEER))
    assert here.hear(priority, THIRD) == []
    assert Announce in kinds(here.tell(Declined(PEER, "FAULT")))


def test_others_words_are_no_answer() -> None:
    here = active()
    here.tell(HandOver(PEER))
    assert here.tell(Succeeded(THIRD)) == []
    assert here.tell(Declined(THIRD, "no")) == []
    assert here.hear(50, THIRD) == [], "it is not answered: one announcer"
    assert here.hear(0, THIRD) == []
    assert here.machine.awaits == PEER


def test_a_higher_one_is_followed_even_then() -> None:
    here = active()
    here.tell(HandOver(PEER))
    assert cause(here.hear(200, THIRD)) is Cause.PEER_LEADS
    assert here.machine.awaits is None
    assert not here.machine.snapshot().held


def test_only_an_active_hands_over_and_with_a_fault_nobody_takes_over() -> None:
    waiting = bench()
    assert waiting.tell(HandOver(PEER)) == waiting.tell(HandOver(None)) == []
    assert Bench(Machine(SETTINGS), link=False).tell(TakeOver(PEER)) == []
    assert bench(preempt=False).tell(Release()) == []


def test_the_successor_announces_before_its_advert_says_so() -> None:
    here = bench()
    here.hear(200)
    done = here.tell(TakeOver(PEER))
    assert kinds(done) == [PutAddresses, Announce, SendAdvert, StateChanged]
    assert cause(done) is Cause.APPOINTED


def test_the_successor_is_deaf_for_what_its_predecessor_sent_before_and_no_longer() -> None:
    here = bench()
    here.hear(200)
    here.tell(TakeOver(PEER))
    here.wait(DEAF / 2)
    assert here.hear(200) == []
    assert cause(here.hear(200, THIRD)) is Cause.PEER_LEADS
    here.tell(TakeOver(PEER))
    here.wait(2 * DEAF)
    assert cause(here.hear(200)) is Cause.PEER_LEADS


def test_the_predecessor_s_farewell_is_heard() -> None:
    here = bench()
    here.hear(200)
    here.tell(TakeOver(PEER))
    assert kinds(here.hear(0)) == [SendAdvert, Announce]


def test_one_that_is_active_already_announces_once_more_and_is_as_deaf() -> None:
    """It became active of its own accord a moment before, and who asks may have announced since."""
    here = active()
    assert kinds(here.tell(TakeOver(PEER))) == [Announce, SendAdvert]
    assert here.hear(200) == []


def test_of_two_that_ask_each_other_neither_takes_over() -> None:
    here = active()
    here.tell(HandOver(PEER))
    assert here.tell(TakeOver(PEER)) == []
    assert here.machine.awaits == PEER


def test_who_handed_over_preempts_nobody() -> None:
    here = handed()
    here.hear_every_second(20, 2)
    assert here.is_in(VrrpState.BACKUP)
    assert here.machine.skew == SKEW_HELD


def test_the_hold_ends_when_nobody_is_heard() -> None:
    here = handed()
    here.hear(50)
    here.wait(3 + SKEW_HELD - 0.01)
    assert here.is_in(VrrpState.BACKUP)
    here.wait(0.02)
    assert here.is_in(VrrpState.MASTER)
    assert not here.machine.snapshot().held
    sent = [command for _, command in here.did if isinstance(command, SendAdvert)]
    assert sent[-1].priority == 100


def test_released_it_preempts_by_the_rules() -> None:
    here = handed()
    here.hear_every_second(5, 50)
    assert here.tell(Release()) == []
    found = here.machine.snapshot()
    assert (found.held, found.handed_to, found.priority) == (False, None, 100)
    here.hear_every_second(4, 50)
    assert here.is_in(VrrpState.MASTER)


def test_a_stop_or_an_oversleep_meanwhile_is_as_ever() -> None:
    here = active()
    here.tell(HandOver(PEER))
    assert SendAdvert(0) in here.tell(Stop())  # type: ignore[arg-type]
    assert here.machine.deadline() == float("inf")
    slept = active()
    slept.tell(HandOver(PEER))
    slept.sleep(10)
    assert cause(slept.tell(Succeeded(PEER))) is Cause.OVERSLEPT
    assert slept.machine.awaits is None
