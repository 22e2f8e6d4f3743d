# SPDX-License-Identifier: Apache-2.0
"""A member of a sync group by itself: it wishes, waits, and moves with the others. Whole groups: test_sync_group.py."""

from __future__ import annotations

import pytest

from bascule.model.configuration import VrrpState
from bascule.vrrp.events import GroupMoves, Reconfigured, SendAdvert, StandingChanged, StateChanged, Stop
from bascule.vrrp.machine import Machine
from bascule.vrrp.machine_grouped import GroupedMachine
from bascule.vrrp.packet import PRIORITY_STOP
from bascule.vrrp.transitions import Cause
from tests.vrrp.bench import DOWN, Bench, bench

LEAD = GroupMoves(active=True, reason="with B")
BACK = GroupMoves(active=False, reason="with B")


def member(**changes: object) -> tuple[Bench, GroupedMachine]:
    made = bench(GroupedMachine, grouped=True, **changes)
    assert isinstance(made.machine, GroupedMachine)
    return made, made.machine


def test_without_a_group_it_is_the_plain_machine() -> None:
    for kind in (Machine, GroupedMachine):
        alone = bench(kind)
        assert alone.tell(LEAD) == [] or kind is GroupedMachine
        alone.wait(DOWN)
        assert alone.is_in(VrrpState.MASTER)


def test_it_wishes_and_waits_and_keeps_its_own_reason() -> None:
    made, machine = member()
    made.wait(DOWN + 5)
    assert (made.is_in(VrrpState.BACKUP), machine.wants, machine.led) == (True, True, False)
    (change,) = [command for command in made.tell(LEAD) if isinstance(command, StateChanged)]
    assert (change.cause, change.reason) == (Cause.NOBODY_HEARD, "no advert heard")
    assert not machine.wants


def test_it_follows_without_a_wish_and_says_why() -> None:
    made, _ = member()
    (change,) = [command for command in made.tell(LEAD) if isinstance(command, StateChanged)]
    assert (change.cause, change.reason) == (Cause.GROUP_LEADS, "with B")
    assert made.tell(LEAD) == []
    assert made.tell(BACK)[0] == SendAdvert(PRIORITY_STOP)
    assert made.is_in(VrrpState.BACKUP)
    assert made.tell(BACK) == []


def test_who_woke_late_does_not_follow() -> None:
    made, machine = member()
    made.sleep(10.0)
    made.wait(0.0)
    assert machine.led
    assert made.tell(LEAD) == []
    assert made.is_in(VrrpState.BACKUP)


@pytest.mark.parametrize("priority", [100, 200])
def test_a_leading_advert_ends_a_wish(priority: int) -> None:
    made, machine = member()
    made.wait(DOWN)
    made.hear(priority)
    assert (machine.wants, machine.led) == (False, True)


def test_a_lesser_peer_ends_what_silence_allowed_but_not_a_wish_to_preempt() -> None:
    made, machine = member()
    made.wait(DOWN)
    made.hear(50)
    assert (machine.wants, machine.led) == (False, False)
    made.hear_every_second(6, 50)
    assert machine.wants
    made.hear_every_second(3, 50)
    assert machine.wants
    made.tell(StandingChanged(change=-60))
    assert (machine.wants, machine.led) == (False, True)


def test_new_settings_and_the_end_end_a_wish() -> None:
    made, machine = member()
    made.wait(DOWN)
    made.tell(Reconfigured(machine.settings))
    assert not machine.wants
    made.wait(DOWN)
    assert machine.wants
    made.tell(Stop())
    assert not machine.wants


def test_a_pause_ends_a_wish() -> None:
    made, machine = member()
    made.wait(DOWN)
    made.sleep(10.0)
    made.wait(0.0)
    assert not machine.wants
