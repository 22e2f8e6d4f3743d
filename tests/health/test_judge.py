# SPDX-License-Identifier: Apache-2.0
"""The judge of a check: keepalived's cadence as measured, attempt by attempt, on a clock that the test owns."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.health.judge import (
    TRANSITIONS,
    VERDICTS,
    Announce,
    AttemptResult,
    CancelAttempt,
    Command,
    Due,
    Judge,
    Outcome,
    Resume,
    Standing,
    StartAttempt,
    Suspend,
)
from bascule.model.base import Seconds
from bascule.model.configuration import TcpCheck

SEED_CHECK = TcpCheck(connect_timeout=Seconds(10.0), retry=3, delay_before_retry=Seconds(3.0), delay_loop=Seconds(6.0))


def attempt(judge: Judge, passed: bool, *, takes: float = 0.0) -> tuple[float, tuple[Command, ...]]:
    """Let the next attempt come due and complete after `takes` seconds; when it began, and the commands."""
    began = judge.deadline()
    assert began is not None
    (command,) = judge.handle(Due(), began)
    assert isinstance(command, StartAttempt)
    assert judge.deadline() is None, "no second attempt while one is under way"
    result = AttemptResult(number=command.number, passed=passed, why="passed" if passed else "refused", at=began)
    return began, judge.handle(result, began + takes)


def run(judge: Judge, outcomes: list[bool]) -> list[float]:
    """The moments at which the attempts began."""
    return [attempt(judge, passed)[0] for passed in outcomes]


def test_the_table_is_total_and_only_passing_brings_a_server_up() -> None:
    assert set(TRANSITIONS) == set(itertools.product(Standing, Outcome))
    assert set(VERDICTS) == set(Standing)
    for (before, outcome), after in TRANSITIONS.items():
        if outcome is Outcome.PASSED:
            assert after is Standing.UP
        elif VERDICTS[before] is not True:
            assert VERDICTS[after] is not True
        if outcome is Outcome.EXHAUSTED:
            assert after is Standing.DOWN


def test_the_first_attempt_comes_at_the_moment_given() -> None:
    judge = Judge(SEED_CHECK, first_at=103.5)
    assert judge.deadline() == 103.5
    assert judge.handle(Due(), 103.4) == ()
    assert judge.handle(Due(), 103.5) == (StartAttempt(number=1),)
    assert judge.handle(Due(), 103.6) == ()
    view = judge.snapshot()
    assert (view.up, view.attempts, view.at, view.standing) == (None, 0, None, Standing.UNKNOWN)


def test_a_first_attempt_that_passes_is_announced() -> None:
    judge = Judge(SEED_CHECK, first_at=5.0)
    _, commands = attempt(judge, True)
    assert commands == (Announce(up=True, why="passed", at=5.0, attempts=1),)
    assert attempt(judge, True) == (11.0, ())
    view = judge.snapshot()
    assert (view.up, view.attempts, view.at, view.why) == (True, 2, 11.0, "passed")


def test_a_first_attempt_that_fails_takes_the_server_down_at_once_as_keepalived_does() -> None:
    judge = Judge(SEED_CHECK, first_at=5.0)
    _, commands = attempt(judge, False)
    assert commands == (Announce(up=False, why="refused", at=5.0, attempts=1),)
    assert judge.deadline() == 11.0


def test_a_successor_grants_the_first_attempt_its_retries_and_is_silent_until_it_knows() -> None:
    judge = Judge(SEED_CHECK, first_at=0.0, patient=True)
    for number in range(4):
        began, commands = attempt(judge, False)
        assert began == 3.0 * number
        assert bool(commands) is (number == 3)
    assert judge.snapshot().up is False


def test_removal_with_the_seed_s_values_takes_at_most_fifteen_seconds() -> None:
    judge = Judge(SEED_CHECK, first_at=0.0)
    attempt(judge, True)
    began: list[float] = []
    announced: list[Announce] = []
    while not announced:
        moment, commands = attempt(judge, False)
        began.append(moment)
        announced = [command for command in commands if isinstance(command, Announce)]
    assert began == [6.0, 9.0, 12.0, 15.0]
    assert announced == [Announce(up=False, why="refused", at=15.0, attempts=5)]


def test_with_one_second_and_one_retry_removal_takes_two_seconds_at_most() -> None:
    check = TcpCheck(retry=1, delay_before_retry=Seconds(1.0), delay_loop=Seconds(1.0))
    judge = Judge(check, first_at=0.0)
    attempt(judge, True)
    assert run(judge, [False, False]) == [1.0, 2.0]
    assert judge.snapshot().up is False


def test_the_cadence_while_down_is_the_one_measured_with_keepalived() -> None:
    """keepalived 2.2.7, delay_loop 3, retry 3, delay_before_retry 1, port never open: 0, 3 4 5 6, 9 10 11 12."""
    judge = Judge(TcpCheck(retry=3, delay_before_retry=Seconds(1.0), delay_loop=Seconds(3.0)), first_at=0.0)
    assert run(judge, [False] * 10) == [0.0, 3.0, 4.0, 5.0, 6.0, 9.0, 10.0, 11.0, 12.0, 15.0]


def test_one_success_brings_a_server_back_and_resets_the_retries() -> None:
    judge = Judge(SEED_CHECK, first_at=0.0)
    run(judge, [True, False, False])
    assert judge.snapshot().standing is Standing.FAILING
    assert attempt(judge, True)[1] == (), "a failing server was never announced as down"
    run(judge, [False, False, False])
    assert judge.snapshot().up is True
    assert attempt(judge, False)[1][0] == Announce(up=False, why="refused", at=judge.snapshot().at or 0, attempts=8)
    assert attempt(judge, True)[1][0] == Announce(up=True, why="passed", at=judge.snapshot().at or 0, attempts=9)


def test_delays_count_from_the_end_of_an_attempt() -> None:
    judge = Judge(SEED_CHECK, first_at=0.0)
    attempt(judge, True, takes=2.0)
    assert judge.deadline() == 8.0
    attempt(judge, False, takes=10.0)
    assert judge.deadline() == 21.0


def test_retry_zero_means_down_at_the_first_failure() -> None:
    judge = Judge(TcpCheck(retry=0, delay_loop=Seconds(2.0)), first_at=0.0)
    attempt(judge, True)
    assert attempt(judge, False)[1] == (Announce(up=False, why="refused", at=2.0, attempts=2),)


def test_suspension_breaks_the_attempt_off_holds_the_verdict_and_ignores_a_late_result() -> None:
    judge = Judge(SEED_CHECK, first_at=0.0)
    attempt(judge, True)
    assert judge.handle(Due(), 6.0) == (StartAttempt(number=2),)
    assert judge.handle(Suspend(), 6.5) == (CancelAttempt(number=2),)
    assert judge.handle(AttemptResult(number=2, passed=False, why="late", at=0.0), 7.0) == ()
    assert judge.deadline() is None
    assert judge.handle(Due(), 100.0) == ()
    assert judge.handle(Suspend(), 100.0) == ()
    view = judge.snapshot()
    assert (view.up, view.suspended, view.attempts) == (True, True, 1)
    assert judge.handle(Resume(delay=2.5), 200.0) == ()
    assert judge.deadline() == 202.5
    assert judge.handle(Resume(delay=9.0), 201.0) == (), "a second one changes nothing"
    assert judge.deadline() == 202.5
    assert not judge.snapshot().suspended


def test_failures_before_a_suspension_do_not_count_after_it() -> None:
    judge = Judge(TcpCheck(retry=1, delay_loop=Seconds(6.0)), first_at=0.0)
    run(judge, [True, False])
    judge.handle(Suspend(), 8.0)
    judge.handle(Resume(delay=0.0), 20.0)
    assert attempt(judge, False)[1] == ()
    assert attempt(judge, False)[1] != ()


def test_new_settings_keep_the_standing_and_hasten_the_next_attempt() -> None:
    judge = Judge(TcpCheck(delay_loop=Seconds(60.0)), first_at=0.0)
    attempt(judge, True)
    judge.reconfigure(TcpCheck(delay_loop=Seconds(2.0)), 10.0)
    assert judge.deadline() == 12.0
    assert judge.snapshot().up is True
    judge.reconfigure(TcpCheck(delay_loop=Seconds(60.0)), 11.0)
    assert judge.deadline() == 12.0
    judge.handle(Due(), 12.0)
    judge.reconfigure(TcpCheck(delay_loop=Seconds(5.0)), 12.0)
    assert judge.deadline() is None


def reference(outcomes: list[bool], retry: int) -> list[bool]:
    """keepalived's rule said another way: the verdict after each attempt."""
    verdicts: list[bool] = []
    run_length = 0
    for index, passed in enumerate(outcomes):
        if passed:
            run_length = 0
            verdicts.append(True)
            continue
        run_length += 1
        was_up = verdicts[-1] if verdicts else True
        verdicts.append(was_up and index > 0 and run_length <= retry)
    return verdicts


@given(outcomes=st.lists(st.booleans(), max_size=60), retry=st.integers(0, 5))
def test_any_sequence_of_results_gives_the_verdicts_of_the_reference(outcomes: list[bool], retry: int) -> None:
    judge = Judge(TcpCheck(retry=retry, delay_before_retry=Seconds(1.0), delay_loop=Seconds(7.0)), first_at=0.0)
    announced: list[bool] = []
    last: bool | None = None
    for passed in outcomes:
        _, commands = attempt(judge, passed)
        for command in commands:
            assert isinstance(command, Announce)
            assert command.up is not last, "a verdict is announced when it is new or changes, and never else"
            last = command.up
        assert last is not None
        announced.append(last)
    assert announced == reference(outcomes, retry)


def verdicts_agree(retry: int, patient: bool) -> bool:
    """Whether all sequences of six results give the reference's verdicts; a patient judge is one that has passed."""
    for outcomes in itertools.product([True, False], repeat=6):
        sequence = [True, *outcomes] if patient else list(outcomes)
        judge = Judge(TcpCheck(retry=retry), first_at=0.0, patient=patient)
        seen = []
        for passed in sequence:
            attempt(judge, passed)
            seen.append(judge.snapshot().up)
        if seen != reference(sequence, retry):
            return False
    return True


MUTATIONS = [
    (key, wrong)
    for key, right in TRANSITIONS.items()
    for wrong in Standing
    if VERDICTS[wrong] is not VERDICTS[right] and key != (Standing.UNKNOWN, Outcome.FAILED)
]
"""Every single entry of the table made to say something else of the server; the one left out has a test of its own."""


@pytest.mark.parametrize(("key", "wrong"), MUTATIONS)
def test_no_wrong_entry_of_the_table_goes_unnoticed(
    monkeypatch: pytest.MonkeyPatch, key: tuple[Standing, Outcome], wrong: Standing
) -> None:
    assert all(verdicts_agree(retry, patient) for retry in (0, 2) for patient in (False, True))
    monkeypatch.setitem(TRANSITIONS, key, wrong)
    assert not all(verdicts_agree(retry, patient) for retry in (0, 2) for patient in (False, True))


@given(
    steps=st.lists(st.sampled_from(["due", "pass", "fail", "stale", "suspend", "resume", "wait"]), max_size=80),
    patient=st.booleans(),
)
@pytest.mark.parametrize("retry", [0, 2])
def test_never_two_attempts_under_way_and_none_while_suspended(retry: int, steps: list[str], patient: bool) -> None:
    check = TcpCheck(retry=retry, delay_before_retry=Seconds(1.0), delay_loop=Seconds(3.0))
    judge = Judge(check, first_at=1.0, patient=patient)
    now, under_way, suspended = 0.0, 0, False
    for step in steps:
        match step:
            case "wait":
                now += 1.0
                commands: tuple[Command, ...] = ()
            case "due":
                commands = judge.handle(Due(), now)
            case "suspend":
                commands, suspended = judge.handle(Suspend(), now), True
            case "resume":
                commands, suspended = judge.handle(Resume(delay=1.0), now), False
            case "stale":
                commands = judge.handle(AttemptResult(number=0, passed=False, why="", at=0.0), now)
                assert commands == ()
            case _:
                result = AttemptResult(number=under_way, passed=step == "pass", why="", at=0.0)
                commands = judge.handle(result, now) if under_way else ()
                under_way = 0
        for command in commands:
            if isinstance(command, StartAttempt):
                assert not under_way
                assert not suspended
                under_way = command.number
            elif isinstance(command, CancelAttempt):
                assert command.number == under_way
                under_way = 0
        deadline = judge.deadline()
        assert (deadline is None) is (bool(under_way) or suspended)
        assert deadline is None or deadline <= now + 3.0
