# SPDX-License-Identifier: Apache-2.0
"""The machine told of faults and of another effective priority."""

from __future__ import annotations

import dataclasses

import pytest

from bascule.model.base import Priority
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import (
    LINK_DOWN,
    Command,
    Fault,
    Reconfigured,
    SendAdvert,
    StandingChanged,
    StateChanged,
    TakeAddresses,
    Timeout,
)
from tests.vrrp.bench import SETTINGS, active, bench


def reasons(commands: list[Command]) -> list[str]:
    return [command.reason for command in commands if isinstance(command, StateChanged)]


SICK = Fault("script alive exited with status 1")


def test_a_fault_that_leaves_the_interface_usable_is_said_to_the_others() -> None:
    made = active()
    did = made.tell(StandingChanged(faults=(SICK,)))
    assert did[:2] == [SendAdvert(Priority(0)), TakeAddresses()]
    assert reasons(did) == [SICK.words]
    assert made.is_in(VrrpState.FAULT)


def test_in_fault_the_reason_names_what_holds_now() -> None:
    made = active()
    made.tell(StandingChanged(faults=(SICK, LINK_DOWN)))
    assert made.machine.snapshot().reason == f"{SICK.words}; {LINK_DOWN.words}"
    assert made.tell(StandingChanged(faults=(SICK,))) == []
    assert made.machine.snapshot().reason == SICK.words
    assert made.machine.snapshot().faults == (SICK,)
    assert reasons(made.tell(StandingChanged())) == ["the fault is gone"]


def test_an_active_says_another_priority_with_its_next_advert() -> None:
    made = active()
    made.wait(0.5)
    assert made.tell(StandingChanged(change=-20)) == []
    assert (made.machine.snapshot().priority, made.machine.snapshot().configured) == (80, 100)
    made.wait(0.5)
    assert made.did[-1][1] == SendAdvert(Priority(80))


def test_an_owner_keeps_its_priority_whatever_is_tracked() -> None:
    made = bench(priority=Priority(255))
    made.tell(StandingChanged(change=-20))
    assert made.machine.priority == 255


def test_the_wait_of_a_backup_shifts_with_its_skew_time() -> None:
    made = bench()
    made.wait(1.0)
    made.tell(StandingChanged(change=-50))
    made.wait(10.0)
    assert made.entered(VrrpState.MASTER) == pytest.approx(3 + 206 / 256)
    made = bench()
    made.wait(1.0)
    made.tell(StandingChanged(change=100))
    made.wait(10.0)
    assert made.entered(VrrpState.MASTER) == pytest.approx(3 + 56 / 256)


def test_a_wait_that_shifts_into_the_past_ends_at_once_and_is_not_late() -> None:
    made = bench(priority=Priority(1))
    made.wait(3.5)
    made.tell(StandingChanged(change=253))
    made.wait(0.0)
    assert made.is_in(VrrpState.MASTER)
    assert made.machine.snapshot().late_timers == 0


def test_one_that_listens_because_it_was_late_does_so_with_its_priority_of_now() -> None:
    made = bench(priority=Priority(1))
    made.sleep(5.0)
    made.tell(Timeout())
    made.tell(StandingChanged(change=253))
    made.hear(254)
    made.tell(StandingChanged())
    made.wait(10.0)
    assert made.entered(VrrpState.MASTER) == pytest.approx(5 + 3 + 255 / 256)


def test_a_backup_that_loses_priority_does_not_preempt_with_what_it_heard_before() -> None:
    made = bench()
    made.hear_every_second(3, 90)
    made.wait(0.5)
    made.tell(StandingChanged(change=-20))
    made.hear_every_second(10, 90)
    assert made.is_in(VrrpState.BACKUP)


def test_a_backup_that_gains_priority_preempts_after_its_down_interval() -> None:
    made = bench()
    made.hear_every_second(3, 120)
    made.tell(StandingChanged(change=50))
    made.hear_every_second(5, 120)
    assert made.entered(VrrpState.MASTER) == pytest.approx(3 + 3 + 106 / 256)


def test_new_settings_keep_what_is_tracked() -> None:
    made = active()
    made.tell(StandingChanged(change=-20))
    did = made.tell(Reconfigured(dataclasses.replace(SETTINGS, priority=Priority(150))))
    assert did[0] == SendAdvert(Priority(130))
