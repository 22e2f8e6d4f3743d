# SPDX-License-Identifier: Apache-2.0
"""The machine in version 3, where a backup goes by the active's interval, and what may be configured of its waits."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bascule.model.base import Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import (
    LINK_DOWN,
    AdvertReceived,
    Command,
    Drain,
    Notice,
    Noticed,
    Reconfigured,
    SendAdvert,
    StandingChanged,
    StateChanged,
    Timeout,
)
from bascule.vrrp.machine import WATCH
from tests.vrrp.bench import BELOW, DOWN, PEER, SETTINGS, SKEW, Bench, active, bench

V3: dict[str, Any] = {"version": 3, "interval": Seconds(0.1)}
V3_DOWN = 0.1 * DOWN


def hear_v3(made: Bench, priority: int, interval: float = 0.1) -> list[Command]:
    advert = AdvertReceived(source=PEER, priority=Priority(priority), interval=Seconds(interval), received_at=made.now)
    return made.tell(advert)


def test_version_3_counts_the_skew_time_in_parts_of_the_interval() -> None:
    made = bench(**V3)
    assert made.machine.skew == pytest.approx(0.1 * SKEW)
    made.wait(1.0)
    assert made.entered(VrrpState.MASTER) == pytest.approx(V3_DOWN)
    assert made.sent()[:3] == pytest.approx([V3_DOWN, V3_DOWN + 0.1, V3_DOWN + 0.2])


def test_version_3_backs_the_active_at_the_actives_pace_from_every_advert_anew() -> None:
    made = bench(**V3)
    for interval in (0.5, 2.0, 0.01, 1.0):
        hear_v3(made, 200, interval)
        assert made.machine.pace == interval
        assert made.machine.skew == pytest.approx(interval * SKEW)
        assert made.machine.down_interval == pytest.approx(interval * DOWN)
    heard_at = made.now - 1000
    made.wait(10)
    assert made.entered(VrrpState.MASTER) == pytest.approx(heard_at + DOWN)
    assert made.machine.pace == 0.1, "as active it goes by its own interval"
    assert made.sent()[1] - made.sent()[0] == pytest.approx(0.1)


def test_version_2_learns_nothing() -> None:
    made = bench()
    hear_v3(made, 200, 0.1)
    assert made.machine.down_interval == DOWN


def test_version_3_succeeds_one_that_stops_after_the_skew_time_of_its_interval() -> None:
    made = bench(**V3)
    hear_v3(made, 200, 1.0)
    hear_v3(made, 0, 1.0)
    made.wait(2.0)
    assert made.entered(VrrpState.MASTER) == pytest.approx(SKEW)


def test_an_active_that_gives_way_in_version_3_goes_by_the_others_interval() -> None:
    made = active(**V3)
    hear_v3(made, 200, 1.0)
    assert made.is_in(VrrpState.BACKUP)
    assert made.machine.down_interval == pytest.approx(DOWN)


def test_what_was_learned_is_forgotten_with_the_link_and_kept_over_new_settings() -> None:
    made = bench(**V3)
    hear_v3(made, 200, 1.0)
    made.tell(Reconfigured(dataclasses.replace(SETTINGS, version=3, interval=Seconds(0.2))))
    assert made.machine.pace == 1.0
    made.tell(StandingChanged(faults=(LINK_DOWN,)))
    made.tell(StandingChanged())
    assert made.machine.pace == 0.2
    made.tell(Reconfigured(dataclasses.replace(SETTINGS, version=3, interval=Seconds(0.3))))
    assert made.machine.pace == 0.3


def test_lateness_is_measured_at_the_actives_pace() -> None:
    made = bench(**V3)
    hear_v3(made, 200, 1.0)
    made.sleep(WATCH + 0.4)
    assert made.tell(Timeout()) == []
    made.sleep(WATCH + 0.6)
    assert Drain() in made.tell(Timeout())


def test_who_was_late_listens_at_the_pace_of_who_is_heard_before_it_preempts() -> None:
    made = bench(**V3)
    made.sleep(2.0)
    made.tell(Timeout())
    hear_v3(made, 50, 1.0)
    made.wait(DOWN - 0.01)
    assert made.is_in(VrrpState.BACKUP)
    made.wait(0.02)
    assert made.is_in(VrrpState.MASTER)


def test_a_lower_priority_is_answered_at_once_in_version_3() -> None:
    made = active(**V3)
    made.wait(0.05)
    commands = hear_v3(made, 50)
    assert SendAdvert(Priority(100)) in commands
    assert made.is_in(VrrpState.MASTER)


@pytest.mark.parametrize("version", [2, 3])
def test_two_owners_are_decided_by_their_addresses_and_both_say_so(version: int) -> None:
    made = bench(priority=Priority(255), version=version)
    assert made.is_in(VrrpState.MASTER)
    made.wait(1.0)
    did = made.hear(255, BELOW)
    assert made.is_in(VrrpState.MASTER)
    assert [c.notice for c in did if isinstance(c, Noticed)] == [Notice.SECOND_ACTIVE]
    did = made.hear(255)
    assert made.is_in(VrrpState.BACKUP)
    assert [c.reason for c in did if isinstance(c, StateChanged)] == [f"{PEER} has priority 255"]


def test_preempt_delay_lets_a_lower_priority_be_active_so_much_longer() -> None:
    made = bench(preempt_delay=Seconds(10.0))
    made.wait(0.5)
    first = made.now - 1000
    made.hear(50)
    made.hear_every_second(20, 50)
    assert made.entered(VrrpState.MASTER) == pytest.approx(first + 10 + DOWN)
    held = [
        command for _, command in made.did if isinstance(command, Noticed) and command.notice is Notice.PREEMPTION_HELD
    ]
    assert [notice.detail for notice in held] == [f"does not preempt {PEER}: preempt_delay"]


def test_preempt_delay_does_not_keep_the_place_of_a_dead_one_empty() -> None:
    made = bench(preempt_delay=Seconds(100.0))
    made.hear_every_second(3, 50)
    last = made.now - 1000
    made.wait(10)
    assert made.entered(VrrpState.MASTER) == pytest.approx(last + DOWN)


def test_preempt_delay_begins_anew_after_one_that_leads() -> None:
    made = bench(preempt_delay=Seconds(5.0))
    made.hear_every_second(3, 50)
    made.hear_every_second(3, 200)
    made.wait(1.0)
    first = made.now - 1000
    made.hear(50)
    made.hear_every_second(20, 50)
    assert made.entered(VrrpState.MASTER) == pytest.approx(first + 5 + DOWN)


def test_the_down_interval_counts_as_many_adverts_as_configured() -> None:
    made = bench(down_adverts=2)
    made.wait(5)
    assert made.entered(VrrpState.MASTER) == pytest.approx(2 + SKEW)


def test_a_short_silence_is_told_in_thousandths() -> None:
    made = bench(**V3)
    hear_v3(made, 200, 0.01)
    made.wait(1)
    assert made.machine.snapshot().reason == f"no advert from {PEER} for 0.036 s"
