# SPDX-License-Identifier: Apache-2.0
"""What an active announces and when, and what it says to a peer that is active too: at keepalived 2.2.7's times."""

from __future__ import annotations

import pytest

from bascule.model.base import Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import Announce, SendAdvert
from tests.vrrp.bench import DOWN, Bench, active


def announced(made: Bench, since: float) -> list[tuple[float, int]]:
    """When, after `since` as active, and how many times."""
    start = 1000 + DOWN + since
    found = [(at - start, c.times) for at, c in made.did if isinstance(c, Announce) and at >= start]
    return [(round(at, 6), times) for at, times in found]


def test_addresses_are_announced_again_and_again_when_a_refresh_is_set() -> None:
    made = active(refresh=Seconds(2.0), refresh_announcements=3, announce_delay=Seconds(0.0))
    made.wait(7.0)
    assert announced(made, 0) == [(0, 5), (2, 3), (4, 3), (6, 3)]
    made.hear(200)
    made.hear_every_second(4, 200)
    assert len(announced(made, 0)) == 4


def test_a_peer_of_lower_priority_is_answered_with_its_own_number_of_announcements_and_delay() -> None:
    made = active(answer_announcements=3, answer_delay=Seconds(2.0), announce_delay=Seconds(0.0))
    made.wait(0.5)
    made.hear(50)
    made.wait(4.0)
    assert announced(made, 0.25) == [(0.25, 3), (2.25, 3)]


def test_an_answer_without_announcements_is_an_advert_alone() -> None:
    made = active(answer_announcements=0, announce_delay=Seconds(0.0))
    made.wait(0.5)
    assert SendAdvert(Priority(100)) in made.hear(50)
    made.wait(4.0)
    assert announced(made, 0.25) == []


def test_an_answer_without_an_advert_announces_all_the_same() -> None:
    made = active(answer=False, answer_delay=Seconds(0.0), announce_delay=Seconds(0.0))
    made.wait(0.5)
    assert made.hear(50)[1:] == [Announce(5)]
    made.wait(0.6)
    assert made.sent()[-2:] == pytest.approx([DOWN, DOWN + 1.0])


@pytest.mark.parametrize("last_word", [True, False])
def test_one_that_stands_back_has_a_last_word_or_not(last_word: bool) -> None:
    made = active(last_word=last_word)
    made.wait(0.5)
    assert (SendAdvert(Priority(100)) in made.hear(200)) is last_word
    assert made.is_in(VrrpState.BACKUP)
