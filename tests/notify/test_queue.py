# SPDX-License-Identifier: Apache-2.0
"""How long letters are tried, on a clock that the test owns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bascule.notify.letters import Letter
from bascule.notify.queue import Lost, MailQueue, Policy

POLICY = Policy(letters_max=3, tries_max=4, first_pause=1.0, pause_max=3.0, age_max=100.0)


def numbered(number: int) -> Letter:
    return Letter(subject=str(number), body="", at=0.0)


ONE, TWO, THREE, FOUR = (numbered(number) for number in (1, 2, 3, 4))


def test_letters_go_in_order_and_leave_when_sent() -> None:
    queue = MailQueue()
    assert (queue.due(0.0), queue.deadline(), len(queue)) == (None, None, 0)
    assert queue.add(ONE, 0.0) is None
    assert queue.add(TWO, 0.0) is None
    assert (queue.due(0.0), queue.deadline(), len(queue)) == (ONE, 0.0, 2)
    queue.sent()
    assert queue.due(0.0) is TWO
    queue.sent()
    assert queue.due(0.0) is None


def test_the_pause_grows_to_its_bound_and_the_tries_are_counted() -> None:
    queue = MailQueue(POLICY)
    queue.add(ONE, 0.0)
    for now, pause in ((0.0, 1.0), (10.0, 2.0), (20.0, 3.0)):
        assert queue.failed("no route", now) is None
        assert queue.deadline() == now + pause
        assert queue.due(now + pause - 0.01) is None
        assert queue.due(now + pause) is ONE
    assert queue.failed("no route", 30.0) == Lost(letter=ONE, why="no route (4 tries)")
    assert len(queue) == 0


def test_the_pause_is_the_server_s_and_ends_with_a_success() -> None:
    queue = MailQueue(POLICY)
    queue.add(ONE, 0.0)
    queue.failed("", 0.0)
    queue.add(TWO, 0.5)
    assert queue.due(0.5) is None
    queue.due(1.0)
    queue.sent()
    assert queue.due(1.0) is TWO
    queue.failed("", 1.0)
    assert queue.deadline() == 2.0


def test_a_letter_that_is_refused_for_good_is_lost_at_once_and_delays_nothing() -> None:
    queue = MailQueue(POLICY)
    queue.add(ONE, 0.0)
    queue.add(TWO, 0.0)
    assert queue.failed("550 no such user", 0.0, for_good=True) == Lost(letter=ONE, why="550 no such user")
    assert queue.due(0.0) is TWO


def test_a_letter_that_would_be_too_old_at_its_next_try_is_lost() -> None:
    queue = MailQueue(POLICY)
    queue.add(ONE, 0.0)
    assert queue.failed("", 99.0) is None
    queue.add(TWO, 99.0)
    assert queue.failed("", 99.5) is not None
    assert queue.due(200.0) is TWO


def test_a_full_queue_loses_the_oldest_that_is_not_being_tried() -> None:
    queue = MailQueue(POLICY)
    for each in (ONE, TWO, THREE):
        assert queue.add(each, 0.0) is None
    assert queue.due(0.0) is ONE
    assert queue.add(FOUR, 0.0) == Lost(letter=TWO, why="more than 3 mails wait")
    queue.sent()
    assert queue.due(0.0) is THREE


def test_in_a_hurry_there_are_no_pauses_and_one_more_try() -> None:
    queue = MailQueue(POLICY)
    queue.add(ONE, 0.0)
    queue.add(TWO, 0.0)
    queue.failed("", 0.0)
    queue.hurry()
    assert queue.due(0.0) is ONE
    assert queue.failed("hangs", 0.0) == Lost(letter=ONE, why="hangs (2 tries)")
    assert queue.due(0.0) is TWO


def test_giving_up_empties_the_queue() -> None:
    queue = MailQueue(POLICY)
    queue.add(ONE, 0.0)
    queue.add(TWO, 0.0)
    assert queue.give_up("ended") == (Lost(letter=ONE, why="ended"), Lost(letter=TWO, why="ended"))
    assert queue.give_up("ended") == ()


@given(steps=st.lists(st.sampled_from(["add", "sent", "failed", "refused", "wait"]), max_size=200))
def test_every_letter_is_sent_or_lost_once_within_its_tries(steps: list[str]) -> None:
    queue, now, number = MailQueue(POLICY), 0.0, 0
    ends: list[str] = []
    tries: dict[str, int] = {}
    for step in [*steps, *["wait", "failed"] * 50]:
        due = queue.due(now)
        lost: Lost | None = None
        if step == "wait":
            now += 3.0
        elif step == "add":
            number += 1
            lost = queue.add(numbered(number), now)
        elif due is not None:
            tries[due.subject] = tries.get(due.subject, 0) + 1
            assert tries[due.subject] <= POLICY.tries_max
            if step == "sent":
                queue.sent()
                ends.append(due.subject)
            else:
                lost = queue.failed("", now, for_good=step == "refused")
        if lost is not None:
            ends.append(lost.letter.subject)
        assert len(queue) <= POLICY.letters_max
    assert len(queue) == 0
    assert sorted(ends, key=int) == [str(each) for each in range(1, number + 1)]
