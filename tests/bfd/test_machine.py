# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.bfd.machine import NEXT, Changed, Received, Reconfigured, Send, Session, Settings, Stop, Timeout, TimerLate
from bascule.bfd.packet import Control, Diagnostic, SessionState
from bascule.model.base import Seconds

DOWN, INIT, UP, ADMIN_DOWN = SessionState.DOWN, SessionState.INIT, SessionState.UP, SessionState.ADMIN_DOWN
OURS, THEIRS = 11, 22


def settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {
        "discriminator": OURS,
        "min_tx": Seconds(0.05),
        "min_rx": Seconds(0.1),
        "idle_tx": Seconds(1.0),
        "multiplier": 3,
        **changes,
    }
    return Settings(**values)


def heard(state: SessionState, **changes: Any) -> Control:
    values: dict[str, Any] = {
        "multiplier": 4,
        "mine": THEIRS,
        "yours": OURS,
        "desired_min_tx": 200_000,
        "required_min_rx": 20_000,
        **changes,
    }
    return Control(state=state, **values)


def sent(commands: list[Any]) -> list[Control]:
    return [command.control for command in commands if isinstance(command, Send)]


def changes(commands: list[Any]) -> list[SessionState]:
    return [command.state for command in commands if isinstance(command, Changed)]


def up(now: float = 0.0, **changed: Any) -> Session:
    """A session that is UP."""
    session = Session(settings(**changed), now)
    session.handle(Received(control=heard(INIT), at=now), now)
    assert session.state is UP
    return session


def test_a_session_begins_down_and_speaks_at_once() -> None:
    session = Session(settings(), 5.0)
    assert session.deadline() == 5.0
    (control,) = sent(session.handle(Timeout(jitter=0.0), 5.0))
    assert (control.state, control.yours, control.poll) == (DOWN, 0, False)
    assert control.desired_min_tx == 1_000_000, "at least a second while it is not up"
    assert control.required_min_rx == 100_000
    assert session.deadline() == 6.0


@pytest.mark.parametrize("state", [DOWN, UP])
def test_a_neighbour_that_wants_no_packets_may_say_so_before_the_first(state: SessionState) -> None:
    session = Session(settings(), 5.0)
    session.handle(Received(control=heard(state, required_min_rx=0), at=5.0), 5.0)
    assert not math.isnan(session.deadline())
    session.handle(Received(control=heard(DOWN), at=5.1), 5.1)
    assert session.deadline() < 6.2


def test_a_passive_one_waits_for_the_neighbour() -> None:
    session = Session(settings(passive=True), 0.0)
    assert session.deadline() == math.inf
    assert sent(session.handle(Reconfigured(settings(passive=True)), 1.0)) == []
    commands = session.handle(Received(control=heard(DOWN, yours=0), at=2.0), 2.0)
    assert changes(commands) == [INIT]
    assert sent(commands)[0].yours == THEIRS
    assert session.deadline() < math.inf


@pytest.mark.parametrize("state", [DOWN, INIT, UP])
@pytest.mark.parametrize("theirs", list(SessionState))
def test_the_table_is_what_packets_do(state: SessionState, theirs: SessionState) -> None:
    session = Session(settings(), 0.0)
    path = {DOWN: [], INIT: [DOWN], UP: [INIT]}[state]
    for each in path:
        session.handle(Received(control=heard(each), at=0.0), 0.0)
    assert session.state is state
    commands = session.handle(Received(control=heard(theirs), at=0.1), 0.1)
    expected = NEXT.get((state, theirs), state)
    assert session.state is expected
    assert changes(commands) == ([expected] if expected is not state else [])


def test_the_neighbours_going_down_is_said_back() -> None:
    session = up()
    commands = session.handle(Received(control=heard(DOWN), at=1.0), 1.0)
    (change,) = (command for command in commands if isinstance(command, Changed))
    assert (change.previous, change.diagnostic, change.reason) == (
        UP,
        Diagnostic.NEIGHBOUR_DOWN,
        "the neighbour says DOWN",
    )
    assert sent(commands)[0].diagnostic == Diagnostic.NEIGHBOUR_DOWN
    assert session.deadline() == pytest.approx(2.0)


def test_silence_takes_it_down_after_the_neighbours_multiplier() -> None:
    session = up()
    # 4 x the larger of our 0.1 s and its 0.2 s.
    assert session.detection_time == pytest.approx(0.8)
    session.handle(Received(control=heard(UP), at=1.0), 1.0)
    assert session.handle(Timeout(jitter=0.0), 1.79)
    assert session.state is UP
    commands = session.handle(Timeout(jitter=0.0), 1.8)
    assert session.state is DOWN
    (change,) = (command for command in commands if isinstance(command, Changed))
    assert (change.diagnostic, change.reason) == (Diagnostic.EXPIRED, "no packet for 0.800 s")
    assert sent(commands)[0].yours == 0


def test_a_packet_counts_from_when_the_kernel_got_it() -> None:
    session = up()
    session.handle(Received(control=heard(UP), at=1.0), 1.5)
    session.handle(Timeout(jitter=0.0), 1.8)
    assert session.state is DOWN


def test_lateness_takes_nothing_down() -> None:
    session = up()
    commands = session.handle(Timeout(jitter=0.0), 10.0)
    assert session.state is UP
    assert [c.seconds for c in commands if isinstance(c, TimerLate)] == [pytest.approx(9.2)]
    assert session.late_timers == 1
    session.handle(Timeout(jitter=0.0), 10.8)
    assert session.state is DOWN


def test_up_is_confirmed_by_a_poll() -> None:
    session = Session(settings(), 0.0)
    (first,) = sent(session.handle(Received(control=heard(INIT), at=0.0), 0.0))
    assert (first.state, first.poll, first.desired_min_tx) == (UP, True, 50_000)
    assert session.deadline() == pytest.approx(0.05)
    (again,) = sent(session.handle(Timeout(jitter=0.0), 0.05))
    assert again.poll
    session.handle(Received(control=heard(UP, final=True), at=0.06), 0.06)
    (confirmed,) = sent(session.handle(Timeout(jitter=0.0), 0.1))
    assert not confirmed.poll


def test_a_poll_is_answered_at_once_and_moves_no_timer() -> None:
    session = up()
    session.handle(Received(control=heard(UP, final=True), at=0.01), 0.01)
    due = session.deadline()
    (answer,) = sent(session.handle(Received(control=heard(UP, poll=True), at=0.02), 0.02))
    assert answer.final
    assert not answer.poll
    assert session.deadline() == due


def test_it_is_never_faster_than_the_neighbour_wants() -> None:
    session = up()
    session.handle(Received(control=heard(UP, required_min_rx=400_000), at=0.0), 0.0)
    assert session.transmit_interval == pytest.approx(0.4)
    session.handle(Received(control=heard(UP, required_min_rx=0), at=0.0), 0.0)
    assert session.transmit_interval == math.inf


def test_a_neighbour_in_demand_mode_is_left_in_peace() -> None:
    session = up()
    session.handle(Received(control=heard(UP, demand=True), at=0.0), 0.0)
    assert session.transmit_interval < math.inf, "our poll is not answered yet"
    session.handle(Received(control=heard(UP, demand=True, final=True), at=0.0), 0.0)
    assert session.transmit_interval == math.inf


@pytest.mark.parametrize(("multiplier", "least", "most"), [(3, 0.75, 1.0), (1, 0.75, 0.9)])
def test_intervals_are_jittered(multiplier: int, least: float, most: float) -> None:
    session = up(multiplier=multiplier)
    shares = []
    now = 0.0
    for _ in range(200):
        session.handle(Received(control=heard(UP, final=True), at=now), now)
        now = session.deadline()
        session.handle(Timeout(jitter=random.Random(now).random()), now)
        shares.append((session.deadline() - now) / session.transmit_interval)
    assert least - 1e-6 <= min(shares) < max(shares) <= most + 1e-6


def test_a_smaller_min_rx_holds_when_the_neighbour_knows_it() -> None:
    session = up(min_rx=Seconds(1.0))
    session.handle(Received(control=heard(UP, final=True), at=0.0), 0.0)
    assert session.detection_time == pytest.approx(4.0)
    (poll,) = sent(session.handle(Reconfigured(settings(min_rx=Seconds(0.3))), 0.0))
    assert poll.poll
    assert poll.required_min_rx == 300_000
    assert session.detection_time == pytest.approx(4.0)
    session.handle(Received(control=heard(UP, final=True), at=0.1), 0.1)
    assert session.detection_time == pytest.approx(1.2)
    assert session.settings.min_rx == 0.3


def test_stopping_says_so_and_hears_nothing_more() -> None:
    session = up()
    commands = session.handle(Stop(), 1.0)
    assert sent(commands)[0].state is ADMIN_DOWN
    assert sent(commands)[0].diagnostic == Diagnostic.ADMIN_DOWN
    assert session.deadline() == math.inf
    assert session.handle(Received(control=heard(DOWN), at=2.0), 2.0) == []


@given(st.integers(0, 2**32), st.floats(0.01, 1.5), st.floats(0.01, 1.5), st.integers(1, 5), st.booleans())
def test_two_sessions_find_each_other_and_notice_a_loss_in_time(
    seed: int, one: float, other: float, multiplier: int, passive: bool
) -> None:
    """Two machines on a wire that delivers at once; then one of them falls silent."""
    jitter = random.Random(seed)
    left = Session(settings(min_tx=Seconds(one), min_rx=Seconds(other), multiplier=multiplier), 0.0)
    right = Session(
        settings(discriminator=THEIRS, min_tx=Seconds(other), min_rx=Seconds(one), passive=passive), jitter.random()
    )
    now = _run(left, right, jitter, until=12.0)
    assert (left.state, right.state) == (UP, UP)
    last, allowed = now, left.detection_time
    while left.state is UP:
        now = left.deadline()
        left.handle(Timeout(jitter=jitter.random()), now)
    assert now - last <= allowed + 1e-6


def _run(left: Session, right: Session, jitter: random.Random, until: float) -> float:
    now = 0.0
    while min(left.deadline(), right.deadline()) < until:
        mine, theirs = (left, right) if left.deadline() <= right.deadline() else (right, left)
        now = max(now, mine.deadline())
        waiting = [(theirs, control) for control in sent(mine.handle(Timeout(jitter=jitter.random()), now))]
        for _ in range(100):
            if not waiting:
                break
            receiver, control = waiting.pop(0)
            answers = sent(receiver.handle(Received(control=control, at=now), now))
            waiting += [(left if receiver is right else right, answer) for answer in answers]
        assert not waiting, "they never stop to answer each other"
    return now
