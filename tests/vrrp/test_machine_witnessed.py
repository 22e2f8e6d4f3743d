# SPDX-License-Identifier: Apache-2.0
"""A machine with a witness: what needs an answer, when it asks, how old an answer may be, and what it says."""

from __future__ import annotations

import dataclasses
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import (
    LINK_DOWN,
    AskWitness,
    Command,
    GroupMoves,
    HandOver,
    Notice,
    Noticed,
    ReadyChanged,
    Reconfigured,
    StandingChanged,
    StateChanged,
    TakeOver,
    Timeout,
    WitnessAnswered,
)
from bascule.vrrp.machine import CLOSE, WATCH, Machine
from bascule.vrrp.machine_witnessed import WitnessedMachine
from bascule.vrrp.packet import PRIORITY_STOP
from bascule.vrrp.transitions import Cause
from tests.vrrp.bench import DOWN, PEER, SETTINGS, SKEW, Bench, bench

FRESH = Seconds(1.0)


def bound(**changes: object) -> tuple[Bench, WitnessedMachine]:
    made = bench(WitnessedMachine, **{"witness": FRESH, **changes})
    assert isinstance(made.machine, WitnessedMachine)
    return made, made.machine


def answer(made: Bench, age: float = 0.0) -> list[Command]:
    return made.tell(WitnessAnswered(made.now - age))


def witnessed(made: Bench, seconds: float, round_trip: float = 0.0) -> None:
    """Wait, with every question answered so many seconds later."""
    end = made.now + seconds
    under_way: list[float] = []
    while made.now < end:
        seen = len(made.did)
        made.wait(max(0.0, min(made.machine.deadline(), end, *under_way) - made.now))
        while under_way and under_way[0] <= made.now:
            under_way.pop(0)
            answer(made, round_trip)
        if any(isinstance(command, AskWitness) for _, command in made.did[seen:]):
            under_way.append(made.now + round_trip)


def asked(made: Bench) -> list[float]:
    return [at - 1000 for at, command in made.did if isinstance(command, AskWitness)]


def silences(made: Bench) -> list[float]:
    noticed = [(at, command) for at, command in made.did if isinstance(command, Noticed)]
    return [at - 1000 for at, command in noticed if command.notice is Notice.WITNESS_SILENT]


def test_without_a_witness_it_is_the_plain_machine() -> None:
    for kind in (Machine, WitnessedMachine):
        alone = bench(kind)
        assert answer(alone) == []
        alone.wait(DOWN)
        assert (alone.is_in(VrrpState.MASTER), asked(alone)) == (True, [])


def test_it_asks_from_the_first_missed_advert_on_and_not_while_it_hears() -> None:
    made, _ = bound()
    made.hear(200)
    made.hear_every_second(5, 200)
    before = len(asked(made))
    made.wait(DOWN)
    times = [at - 5 for at in asked(made)[before:]]
    assert times[0] == pytest.approx(WATCH)
    assert times[1] - times[0] == pytest.approx(CLOSE)
    made.hear(200)
    before = len(asked(made))
    made.hear_every_second(5, 200)
    assert len(asked(made)) == before


def test_a_witness_that_answers_costs_nothing() -> None:
    made, machine = bound()
    witnessed(made, DOWN)
    assert made.entered(VrrpState.MASTER) == pytest.approx(DOWN)
    assert not machine.awaits_witness
    count = len(asked(made))
    made.wait(10)
    assert len(asked(made)) == count, "an active asks nothing"


def test_an_answer_that_counts_for_less_than_the_pause_between_questions_is_at_hand_too() -> None:
    made, machine = bound(witness=Seconds(0.3), interval=Seconds(2.0), version=3)
    witnessed(made, machine.down_interval + 0.001)
    assert machine.state is VrrpState.MASTER
    at = asked(made)
    assert max(later - earlier for earlier, later in itertools.pairwise(at)) <= 0.15 + 1e-9


def test_a_question_that_is_lost_costs_nothing() -> None:
    for lost in range(4):
        made, _ = bound()
        witnessed(made, 1.0 + lost / 4)
        made.wait(CLOSE)
        witnessed(made, 3)
        assert made.entered(VrrpState.MASTER) == pytest.approx(DOWN)


def test_unanswered_it_stays_backup_says_so_and_goes_on_asking() -> None:
    made, machine = bound()
    made.wait(DOWN + 20)
    assert (made.is_in(VrrpState.BACKUP), machine.awaits_witness) == (True, True)
    assert silences(made)[0] == pytest.approx(DOWN + CLOSE, abs=CLOSE)
    assert asked(made)[-1] > DOWN + 19.7


def test_answered_at_last_it_listens_for_an_interval_and_the_skew_time_and_leads() -> None:
    made, machine = bound()
    made.wait(DOWN + 20)
    witnessed(made, 2 + SKEW)
    first = next(at for at in asked(made) if at >= DOWN + 20)
    assert made.entered(VrrpState.MASTER) == pytest.approx(first + 1 + SKEW)
    changes = [command for _, command in made.did if isinstance(command, StateChanged)]
    assert changes[-1].cause is Cause.NOBODY_HEARD
    assert re.fullmatch(r"no advert heard; witnessed after 21\.\d{3} s", changes[-1].reason)
    assert not machine.awaits_witness


def test_it_listens_too_when_the_witness_came_back_within_the_silence() -> None:
    made, _ = bound()
    made.wait(DOWN - 0.5)
    witnessed(made, 5)
    first = next(at for at in asked(made) if at >= DOWN - 0.5)
    assert made.entered(VrrpState.MASTER) == pytest.approx(first + 1 + SKEW)


def test_an_active_that_is_heard_again_with_the_witness_stays_the_only_one() -> None:
    made, machine = bound()
    made.hear(200)
    made.wait(30)
    assert machine.awaits_witness
    witnessed(made, 0.99)
    made.hear(200)
    witnessed(made, 1.0)
    assert made.is_in(VrrpState.BACKUP)


def test_a_gap_of_more_than_an_interval_is_a_witness_that_was_away() -> None:
    made, _ = bound()
    witnessed(made, 1.1)
    made.wait(1.3)
    witnessed(made, 5)
    assert made.entered(VrrpState.MASTER) > DOWN


def test_two_that_get_the_same_answer_do_not_lead_at_once() -> None:
    better, worse = bound(priority=Priority(150))[0], bound()[0]
    for made in (better, worse):
        made.wait(30)
        witnessed(made, 5)
    assert worse.entered(VrrpState.MASTER) - better.entered(VrrpState.MASTER) == pytest.approx(50 / 256, abs=CLOSE)


def test_nothing_puts_a_question_off() -> None:
    made, _ = bound()
    for _ in range(50):
        made.wait(0.1)
        made.tell(ReadyChanged(True))
    times = asked(made)
    assert max(later - at for at, later in itertools.pairwise(times)) == pytest.approx(CLOSE)


@pytest.mark.parametrize("age", [FRESH + 0.01, 2.0])
def test_an_answer_that_is_too_old_counts_for_nothing(age: float) -> None:
    made, machine = bound()
    witnessed(made, DOWN - age - CLOSE)
    made.wait(age + CLOSE)
    assert (made.is_in(VrrpState.BACKUP), machine.awaits_witness) == (True, True)


def test_an_answer_that_waited_while_the_process_was_busy_is_no_sign_of_sleep() -> None:
    made, machine = bound()
    witnessed(made, DOWN - 0.05)
    began = made.now + 0.06
    made.sleep(0.5)
    made.tell(WitnessAnswered(made.now - 0.4, awake_since=began))
    assert machine.snapshot().late_timers == 0
    made.tell(Timeout(awake_since=began))
    assert machine.state is VrrpState.MASTER


def test_an_answer_of_before_the_last_advert_counts_for_nothing() -> None:
    made, machine = bound(witness=Seconds(60.0))
    witnessed(made, 2.0)
    made.hear(200)
    made.wait(0.1)
    answer(made, age=0.2)
    made.wait(DOWN)
    assert machine.awaits_witness
    answer(made, age=DOWN + 0.11)
    assert machine.awaits_witness


def test_an_answer_of_before_a_pause_counts_for_nothing() -> None:
    made, machine = bound(witness=Seconds(60.0))
    made.wait(DOWN)
    assert machine.awaits_witness
    made.sleep(3.0)
    answer(made, age=3.0)
    assert not machine.awaits_witness, "it listens again before it believes in silence"
    made.wait(DOWN + 0.5)
    assert (made.is_in(VrrpState.BACKUP), machine.awaits_witness) == (True, True)
    witnessed(made, 2)
    assert made.is_in(VrrpState.MASTER)


def test_whoever_is_heard_again_ends_the_waiting() -> None:
    for priority in (50, 100, 200):
        made, machine = bound()
        made.wait(DOWN + 1)
        made.hear(priority)
        assert not machine.awaits_witness
        answer(made)
        assert made.is_in(VrrpState.BACKUP)
        made.wait(0.0)
        assert made.is_in(VrrpState.MASTER) is (priority == 50), "its time to preempt had come before"


def test_a_peer_that_is_heard_is_preempted_without_an_answer() -> None:
    made, _ = bound()
    made.hear_every_second(5, 50)
    assert made.is_in(VrrpState.MASTER)


def test_a_peer_that_said_that_it_stops_is_succeeded_without_an_answer() -> None:
    made, machine = bound()
    made.hear(200)
    made.wait(0.5)
    made.hear(PRIORITY_STOP)
    made.wait(SKEW)
    assert made.entered(VrrpState.MASTER) == pytest.approx(0.5 + SKEW)
    assert (asked(made), machine.awaits_witness) == ([], False)


def test_a_farewell_that_was_slept_over_is_none() -> None:
    made, _ = bound()
    made.hear(200)
    made.hear(PRIORITY_STOP)
    made.sleep(2.0)
    made.wait(DOWN + 5)
    assert made.is_in(VrrpState.BACKUP)


def test_a_farewell_while_it_waits_for_its_witness_ends_the_waiting() -> None:
    made, machine = bound()
    made.hear(200)
    made.wait(DOWN + 1)
    assert machine.awaits_witness
    made.hear(PRIORITY_STOP)
    assert not machine.awaits_witness
    made.wait(SKEW)
    assert made.is_in(VrrpState.MASTER)


def test_an_owner_needs_no_answer_nor_does_an_adopted_or_an_appointed_one() -> None:
    owner, _ = bound(priority=Priority(255))
    assert owner.is_in(VrrpState.MASTER)
    owner.sleep(10)
    owner.wait(10)
    assert owner.is_in(VrrpState.MASTER), "nor when it had stood back because it overslept"
    adopted = Bench(WitnessedMachine(dataclasses.replace(SETTINGS, witness=FRESH)), adopt=True)
    assert adopted.is_in(VrrpState.MASTER)
    appointed, _ = bound()
    appointed.hear(200)
    appointed.tell(TakeOver(PEER))
    assert appointed.is_in(VrrpState.MASTER)


def test_who_gave_way_in_a_planned_switch_needs_an_answer_to_come_back() -> None:
    made, _ = bound()
    witnessed(made, DOWN)
    made.tell(HandOver(None))
    made.wait(30)
    assert made.is_in(VrrpState.BACKUP)
    witnessed(made, 4)
    assert made.is_in(VrrpState.MASTER)


def test_an_active_stays_active_whatever_the_witness_does() -> None:
    made, _ = bound()
    witnessed(made, DOWN)
    made.wait(60)
    assert made.is_in(VrrpState.MASTER)


def test_new_settings_and_a_fault_begin_a_new_wait() -> None:
    made, machine = bound()
    made.wait(DOWN + 1)
    made.tell(Reconfigured(machine.settings))
    assert not machine.awaits_witness
    made.wait(DOWN)
    assert machine.awaits_witness
    made.tell(StandingChanged(faults=(LINK_DOWN,)))
    assert not machine.awaits_witness
    answer(made)
    assert made.is_in(VrrpState.FAULT)
    made.tell(StandingChanged())
    made.wait(DOWN)
    assert machine.awaits_witness
    made.tell(Reconfigured(dataclasses.replace(machine.settings, witness=None)))
    made.wait(DOWN)
    assert made.is_in(VrrpState.MASTER), "there is no witness any more"


def test_a_slow_witness_costs_what_it_is_late_by_and_is_no_alarm() -> None:
    made, _ = bound(version=3, interval=Seconds(0.01))
    down = 0.03 + SKEW / 100
    witnessed(made, 0.1, round_trip=0.04)
    assert made.entered(VrrpState.MASTER) == pytest.approx(asked(made)[0] + 0.04)
    assert made.entered(VrrpState.MASTER) > down
    assert silences(made) == []


# In a sync group.


def test_a_member_wishes_only_while_its_silence_is_witnessed() -> None:
    made, machine = bound(grouped=True)
    made.wait(DOWN)
    assert (machine.wants, machine.awaits_witness) == (False, True)
    witnessed(made, 3)
    assert (machine.wants, made.is_in(VrrpState.BACKUP)) == (True, True)
    made.wait(FRESH + CLOSE)
    assert not machine.wants, "the answer is too old by now"
    witnessed(made, 3)
    assert machine.wants
    made.wait(2 * DOWN)
    assert machine.awaits_witness, "its time has come once more, and nothing was answered"
    witnessed(made, 3)
    assert machine.wants
    made.tell(GroupMoves(active=True, reason="with B"))
    assert made.is_in(VrrpState.MASTER)


def test_a_farewell_frees_a_member_until_the_others_have_come_too_and_not_for_ever() -> None:
    made, machine = bound(grouped=True)
    made.hear(200)
    made.hear(PRIORITY_STOP)
    made.wait(SKEW + 1)
    assert machine.wants
    made.wait(2 * DOWN)
    assert (machine.wants, machine.awaits_witness) == (False, True)


def test_who_follows_a_member_needs_no_answer_of_its_own() -> None:
    made, _ = bound(grouped=True)
    made.tell(GroupMoves(active=True, reason="with B"))
    assert made.is_in(VrrpState.MASTER)


# Whatever happens.

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0.01, 5.0)),
        st.tuples(st.just("sleep"), st.floats(0.01, 5.0)),
        st.tuples(st.just("hear"), st.sampled_from((PRIORITY_STOP, 50, 100, 200))),
        st.tuples(st.just("answer"), st.floats(0.0, 6.0)),
    ),
    max_size=40,
)


@given(steps=STEPS, fresh=st.floats(0.05, 3.0))
def test_silence_never_makes_active_without_an_answer_of_this_wait(
    steps: list[tuple[str, float]], fresh: float
) -> None:
    made, _ = bound(witness=Seconds(fresh))
    heard_at, answered = made.now, -1.0
    for what, number in steps:
        seen = len(made.did)
        match what:
            case "wait":
                made.wait(number)
            case "sleep":
                made.sleep(number)
            case "answer":
                answered = max(answered, made.now - number)
                answer(made, number)
            case _:
                made.hear(int(number))
        for at, command in made.did[seen:]:
            if isinstance(command, StateChanged) and command.cause is Cause.NOBODY_HEARD:
                freed = command.reason == f"{PEER} stopped"
                assert freed or (answered >= heard_at and at - answered <= fresh + 1e-6)
        if what == "hear":
            heard_at = made.now


@given(steps=STEPS)
def test_answers_that_never_fail_make_the_witness_invisible(steps: list[tuple[str, float]]) -> None:
    """With an answer at each question it does at each moment what a machine without a witness does."""
    plain, (made, _) = bench(), bound()
    for what, number in steps:
        for one in (plain, made):
            if what == "wait":
                witnessed(one, number)
            elif what == "sleep":
                one.sleep(number)
            elif what == "hear":
                one.hear(int(number))
        assert made.machine.state is plain.machine.state
