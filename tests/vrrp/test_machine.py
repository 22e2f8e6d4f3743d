# SPDX-License-Identifier: Apache-2.0
"""The machine as message sequences: what it is told, when, and what it asks for. Times are seconds of no clock."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import IPAddress, Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import (
    LINK_DOWN,
    AdvertReceived,
    Announce,
    Command,
    Fault,
    Notice,
    Noticed,
    PutAddresses,
    ReadyChanged,
    Reconfigured,
    SendAdvert,
    Settings,
    StandingChanged,
    Start,
    StateChanged,
    Stop,
    TakeAddresses,
    Timeout,
)
from bascule.vrrp.machine import Machine
from bascule.vrrp.transitions import Cause
from tests.vrrp.bench import BELOW, DOWN, HERE, PEER, SETTINGS, SKEW, Bench, active, bench


def reasons(commands: list[Command]) -> list[str]:
    return [command.reason for command in commands if isinstance(command, StateChanged)]


def test_it_starts_as_backup_with_the_addresses_off() -> None:
    made = Bench(Machine(SETTINGS))
    assert [command for _, command in made.did[:1]] == [TakeAddresses()]
    assert made.is_in(VrrpState.BACKUP)


def test_nobody_heard_makes_it_active_after_the_down_interval_and_in_this_order() -> None:
    made = active()
    changed = StateChanged(
        previous=VrrpState.BACKUP, state=VrrpState.MASTER, cause=Cause.NOBODY_HEARD, reason="no advert heard"
    )
    did = [command for at, command in made.did if at == made.now]
    assert did == [SendAdvert(Priority(100)), PutAddresses(), Announce(5), changed]
    assert made.entered(VrrpState.MASTER) == pytest.approx(DOWN)


def test_an_active_sends_each_interval_in_step_and_announces_once_more_after_five_seconds() -> None:
    made = active()
    made.wait(6.5)
    assert made.sent() == pytest.approx([DOWN + n for n in range(7)])
    announced = [at - 1000 for at, command in made.did if command == Announce(5)]
    assert announced == pytest.approx([DOWN, DOWN + 5])


def test_a_late_advert_does_not_shift_the_next_ones() -> None:
    made = active()
    made.sleep(1.2)
    made.tell(Timeout())
    made.wait(1.0)
    assert made.sent() == pytest.approx([DOWN, DOWN + 1.2, DOWN + 2.0])


def test_without_a_delay_there_is_no_second_round_of_announcements() -> None:
    made = active(announce_delay=Seconds(0.0))
    made.wait(10)
    assert len([command for _, command in made.did if isinstance(command, Announce)]) == 1


@pytest.mark.parametrize("priority", [100, 101, 255])
def test_a_backup_stays_behind_an_equal_or_higher_priority(priority: int) -> None:
    made = bench()
    made.hear_every_second(10, priority)
    assert made.is_in(VrrpState.BACKUP)
    assert made.machine.snapshot().active == PEER
    made.wait(DOWN - 0.01)
    assert made.is_in(VrrpState.BACKUP)
    made.wait(0.02)
    assert made.entered(VrrpState.MASTER) == pytest.approx(10 + DOWN)
    assert made.machine.snapshot().reason == f"no advert from {PEER} for 3.6 s"


def test_the_down_interval_runs_from_the_kernels_stamp() -> None:
    made = bench()
    made.wait(1.0)
    made.hear(200, age=0.25)
    made.wait(10)
    assert made.entered(VrrpState.MASTER) == pytest.approx(0.75 + DOWN)


def test_a_stamp_from_the_future_is_now() -> None:
    made = bench()
    made.wait(1.0)
    made.hear(200, age=-5.0)
    made.wait(10)
    assert made.entered(VrrpState.MASTER) == pytest.approx(1.0 + DOWN)


def test_an_advert_that_was_overtaken_does_not_make_the_wait_shorter() -> None:
    made = bench()
    made.wait(1.0)
    made.hear(200, age=0.1)
    made.hear(200, age=0.9)
    made.wait(10)
    assert made.entered(VrrpState.MASTER) == pytest.approx(0.9 + DOWN)


def test_a_lower_priority_is_preempted_when_the_down_interval_is_over() -> None:
    made = bench()
    made.hear_every_second(3, 90)
    made.wait(1.0)
    assert made.entered(VrrpState.MASTER) == pytest.approx(DOWN)
    assert made.machine.snapshot().reason == f"preempts {PEER}, which has priority 90"


def test_with_nopreempt_a_lower_priority_is_left_alone_and_succeeded_when_silent() -> None:
    made = bench(preempt=False)
    made.hear_every_second(20, 90)
    assert made.is_in(VrrpState.BACKUP)
    made.wait(10)
    assert made.entered(VrrpState.MASTER) == pytest.approx(20 + DOWN)


def test_priority_0_leaves_only_the_skew_time() -> None:
    made = bench()
    made.hear_every_second(5, 200)
    made.hear(0)
    assert made.machine.snapshot().active is None
    made.wait(5)
    assert made.entered(VrrpState.MASTER) == pytest.approx(5 + SKEW)
    assert made.machine.snapshot().reason == f"{PEER} stopped"


def test_an_active_answers_priority_0_at_once() -> None:
    made = active()
    made.wait(0.3)
    assert SendAdvert(Priority(100)) in made.hear(0)
    made.wait(1.0)
    assert made.sent()[-1] == pytest.approx(DOWN + 1.3)
    assert made.is_in(VrrpState.MASTER)


@pytest.mark.parametrize(
    ("priority", "source", "yields"),
    [(101, BELOW, True), (99, PEER, False), (100, PEER, True), (100, BELOW, False)],
)
def test_of_two_actives_the_higher_priority_then_the_higher_address_stays(
    priority: int, source: IPAddress, yields: bool
) -> None:
    made = active()
    made.wait(0.5)
    did = made.hear(priority, source)
    if yields:
        assert did[:2] == [SendAdvert(Priority(100)), TakeAddresses()], "the last word makes the other one announce"
        assert reasons(did) == [f"{source} has priority {priority}"]
        assert made.is_in(VrrpState.BACKUP)
        made.wait(10)
        assert made.entered(VrrpState.MASTER) == pytest.approx(DOWN + 0.5 + DOWN)
    else:
        assert made.is_in(VrrpState.MASTER)
        assert [SendAdvert(Priority(100)), Announce(5)] == [c for c in did if not isinstance(c, Noticed)]
        assert [c.notice for c in did if isinstance(c, Noticed)] == [Notice.SECOND_ACTIVE]


def test_a_flood_of_lower_adverts_is_not_answered_one_by_one() -> None:
    made = active()
    made.wait(0.1)
    for _ in range(100):
        made.hear(50)
    assert len(made.sent()) == 2
    made.wait(0.6)
    made.hear(50)
    assert len(made.sent()) == 3


def test_an_owner_is_active_at_once() -> None:
    assert bench(priority=Priority(255)).is_in(VrrpState.MASTER)


def test_an_interface_that_is_down_is_a_fault_and_its_return_a_new_beginning() -> None:
    made = active()
    did = made.tell(StandingChanged(faults=(LINK_DOWN,)))
    assert did[0] == TakeAddresses()
    assert made.is_in(VrrpState.FAULT)
    assert made.machine.deadline() == math.inf
    made.hear(50)
    made.tell(StandingChanged(faults=(LINK_DOWN,)))
    made.tell(Timeout())
    assert made.is_in(VrrpState.FAULT)
    made.tell(StandingChanged())
    assert made.is_in(VrrpState.BACKUP)
    made.tell(StandingChanged())
    made.wait(DOWN)
    assert made.is_in(VrrpState.MASTER)


def test_an_owner_is_active_again_with_its_link() -> None:
    made = bench(priority=Priority(255))
    made.tell(StandingChanged(faults=(LINK_DOWN,)))
    made.tell(StandingChanged())
    assert made.is_in(VrrpState.MASTER)


def test_it_may_start_without_a_link() -> None:
    made = Bench(Machine(SETTINGS), link=False)
    assert made.is_in(VrrpState.FAULT)
    made.tell(Stop())
    assert made.is_in(VrrpState.INIT)


def test_an_active_that_stops_says_so_and_then_takes_the_addresses_off() -> None:
    made = active()
    did = made.tell(Stop())
    assert did[:2] == [SendAdvert(Priority(0)), TakeAddresses()]
    assert made.is_in(VrrpState.INIT)
    assert made.tell(Stop()) == []
    assert made.hear(50) == []


def test_a_backup_that_stops_sends_nothing() -> None:
    made = bench()
    assert not any(isinstance(command, SendAdvert) for command in made.tell(Stop()))


def test_after_a_restart_the_active_goes_on_at_once() -> None:
    made = Bench(Machine(SETTINGS), adopt=True)
    assert [command for _, command in made.did[:2]] == [SendAdvert(Priority(100)), PutAddresses()]
    assert made.is_in(VrrpState.MASTER)
    made.wait(1.0)
    assert made.sent() == pytest.approx([0.0, 1.0])


def test_new_settings_of_an_active_are_on_the_wire_at_once() -> None:
    made = active()
    made.wait(0.5)
    did = made.tell(Reconfigured(dataclasses.replace(SETTINGS, priority=Priority(150))))
    assert did == [SendAdvert(Priority(150)), PutAddresses(), Announce(5)]
    assert made.machine.settings.priority == 150


def test_new_settings_of_a_backup_start_its_wait_anew() -> None:
    made = bench()
    made.hear_every_second(2, 120)
    made.tell(Reconfigured(dataclasses.replace(SETTINGS, priority=Priority(150))))
    made.hear_every_second(6, 120)
    assert made.entered(VrrpState.MASTER) == pytest.approx(2 + 3 + 106 / 256)


def test_new_settings_without_a_link_wait_for_it() -> None:
    made = Bench(Machine(SETTINGS), link=False)
    assert made.tell(Reconfigured(dataclasses.replace(SETTINGS, priority=Priority(150)))) == []
    assert made.machine.snapshot().priority == 150


def unready(ready_timeout: float = 3.0) -> Bench:
    return Bench(Machine(dataclasses.replace(SETTINGS, ready_timeout=Seconds(ready_timeout))), ready=False)


def test_a_peer_that_is_heard_is_not_preempted_before_readiness() -> None:
    made = unready()
    made.hear_every_second(5, 90)
    assert made.is_in(VrrpState.BACKUP)
    assert [c.notice for _, c in made.did if isinstance(c, Noticed)] == [Notice.PREEMPTION_HELD]
    made.tell(ReadyChanged(True))
    made.wait(0.001)
    assert made.entered(VrrpState.MASTER) == pytest.approx(5.0)


def test_readiness_holds_a_preemption_for_a_bounded_time() -> None:
    made = unready(ready_timeout=3.0)
    made.hear_every_second(10, 90)
    assert made.entered(VrrpState.MASTER) == pytest.approx(DOWN + 3.0)


def test_readiness_that_is_lost_again_holds_too() -> None:
    made = bench(ready_timeout=Seconds(60.0))
    made.tell(ReadyChanged(False))
    made.hear_every_second(10, 90)
    assert made.is_in(VrrpState.BACKUP)


def test_nobody_heard_is_succeeded_even_unready() -> None:
    made = unready()
    made.wait(10)
    assert made.entered(VrrpState.MASTER) == pytest.approx(DOWN)


def test_a_lower_peer_that_falls_silent_is_succeeded_even_unready() -> None:
    made = unready(ready_timeout=60.0)
    made.hear_every_second(8, 90)
    made.wait(10)
    assert made.entered(VrrpState.MASTER) == pytest.approx(8 + DOWN)


def test_after_a_crash_it_does_not_preempt_before_the_stable_time_but_succeeds_a_silent_peer() -> None:
    held = Bench(Machine(SETTINGS), link=False)
    held.machine = Machine(SETTINGS)
    held.tell(ReadyChanged(True))
    held.tell(Start(hold=Seconds(30.0)))
    held.hear_every_second(29, 90)
    assert held.is_in(VrrpState.BACKUP)
    held.hear_every_second(2, 90)
    assert held.entered(VrrpState.MASTER) == pytest.approx(30.0)
    alone = Machine(SETTINGS)
    alone.handle(Start(hold=Seconds(30.0)), 0.0)
    assert alone.deadline() < DOWN


def test_a_timeout_before_its_time_does_nothing() -> None:
    made = bench()
    made.wait(0.5)
    assert made.tell(Timeout()) == []
    assert active().tell(Timeout()) == []


FAULTS = st.sampled_from(((), (LINK_DOWN,), (Fault("a script failed"),), (LINK_DOWN, Fault("a script failed"))))
EVENTS = st.one_of(
    st.builds(Stop),
    st.builds(StandingChanged, faults=FAULTS, change=st.integers(-300, 300)),
    st.builds(ReadyChanged, st.booleans()),
    st.builds(Timeout),
    st.builds(
        AdvertReceived,
        source=st.sampled_from((PEER, BELOW)),
        priority=st.sampled_from((0, 1, 99, 100, 101, 255)).map(Priority),
        interval=st.just(Seconds(1.0)),
        received_at=st.floats(990.0, 1100.0),
    ),
    st.builds(
        Reconfigured,
        st.builds(
            Settings, priority=st.integers(1, 255).map(Priority), interval=st.just(Seconds(1.0)), address=st.just(HERE)
        ),
    ),
)
PASSED = st.one_of(st.just(0.0), st.floats(0.0, 1.0), st.floats(0.0, 20.0))


@given(st.booleans(), st.booleans(), st.lists(st.tuples(PASSED, EVENTS), max_size=40))
def test_whatever_comes_the_addresses_are_on_exactly_while_it_is_active(
    link: bool, adopt: bool, story: list[tuple[float, object]]
) -> None:
    machine = Machine(SETTINGS)
    now, on = 1000.0, False
    for passed, event in [(0.0, Start(faults=() if link else (LINK_DOWN,), adopt=adopt)), *story]:
        now += passed
        before = machine.state
        for command in machine.handle(event, now):  # type: ignore[arg-type]
            on = (on or command == PutAddresses()) and command != TakeAddresses()
            if isinstance(command, SendAdvert):
                assert VrrpState.MASTER in (before, machine.state)
        assert on is (machine.state is VrrpState.MASTER)
        if machine.state is VrrpState.INIT:
            break
