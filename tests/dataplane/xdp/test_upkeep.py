# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from bascule.dataplane.xdp import layout
from bascule.dataplane.xdp.layout import State
from bascule.dataplane.xdp.upkeep import DRIFT_INTERVAL, EXPIRY_INTERVAL, Upkeep
from tests.dataplane.xdp.doubles import HZ, NOW, FakeDirector

OVER = 902 * HZ


@pytest.fixture
def director() -> FakeDirector:
    made = FakeDirector()
    made.services["persistence"] = 60 * HZ
    return made


def used(director: FakeDirector) -> list[int]:
    return [place for place, slot in enumerate(director.table) if slot["key"]]


def test_connections_that_are_over_are_freed_and_a_template_follows_its_last_one(director: FakeDirector) -> None:
    director.put(0, 1, 1, 1, State.ESTABLISHED, OVER)
    director.put(1, 1, 1, 1, State.NONE, OVER, port=0)
    director.put(2, 2, 1, 1, State.ESTABLISHED, 0)
    director.put(3, 2, 1, 1, State.NONE, OVER, port=0)
    upkeep = Upkeep(director)
    assert [upkeep.expire() for _ in range(3)] == [1, 1, 0]
    assert used(director) == [2, 3]


def test_a_second_of_grace_lies_between_over_and_freed(director: FakeDirector) -> None:
    director.put(0, 1, 1, 1, State.CLOSE, 11 * HZ)
    director.put(1, 2, 1, 1, State.CLOSE, 11 * HZ + 1)
    Upkeep(director).expire()
    assert used(director) == [0]


def test_the_overflow_is_kept_up_too(director: FakeDirector) -> None:
    def entry(client: int, age: int, template: bool) -> tuple[int, int]:
        state = State.NONE if template else State.ESTABLISHED
        value = layout.connection_value(server=1, state=state, stamp=NOW - age, template=template)
        return layout.connection_key(client, 0 if template else 9, 1), value

    kept = entry(2, 0, False)
    director.aside = [entry(1, OVER, False), kept, entry(2, OVER, True), entry(3, OVER, True)]
    director.put(0, 3, 1, 1, State.ESTABLISHED, 0)
    upkeep = Upkeep(director)
    assert upkeep.expire() == 1
    assert director.aside == [kept, entry(2, OVER, True), entry(3, OVER, True)]
    director.table[0] = (0, 0)
    assert upkeep.expire() == 1
    assert director.aside == [kept, entry(2, OVER, True)]
    services, servers = upkeep.pointed()
    assert (services[1], servers[1]) == (True, True)


def test_counts_that_stay_wrong_are_put_right(director: FakeDirector) -> None:
    director.put(0, 1, 1, 1, State.ESTABLISHED, 0)
    director.servers["active"][1] = 3
    director.servers["inactive"][2] = 1
    upkeep = Upkeep(director)
    upkeep.correct()
    assert (director.servers["active"][1], upkeep.corrected) == (3, 0)
    upkeep.correct()
    assert (director.servers["active"][1], director.servers["inactive"][2], upkeep.corrected) == (1, 0, 2)


def test_rounds_come_when_they_are_due(director: FakeDirector) -> None:
    upkeep = Upkeep(director)
    director.servers["active"][1] = 3
    first = upkeep.run(100.0)
    assert 100.0 + EXPIRY_INTERVAL <= first < 100.0 + DRIFT_INTERVAL
    director.put(0, 1, 1, 1, State.CLOSE, OVER)
    upkeep.run(first - 0.5)
    assert used(director) == [0]
    upkeep.run(first)
    assert used(director) == []
    assert upkeep.corrected == 0
    upkeep.run(100.0 + DRIFT_INTERVAL)
    assert upkeep.corrected == 1


def test_a_removed_servers_unanswered_connections_are_dropped(director: FakeDirector) -> None:
    director.put(0, 1, 1, 7, State.SYN_RECV, 0)
    director.put(1, 2, 1, 7, State.ESTABLISHED, 0)
    director.put(2, 3, 1, 8, State.SYN_RECV, 0)
    director.put(3, 1, 1, 7, State.NONE, 0, port=0)
    value = layout.connection_value(server=7, state=State.SYN_RECV, stamp=NOW)
    director.aside = [(layout.connection_key(9, 9, 1), value)]
    upkeep = Upkeep(director)
    assert upkeep.drop_half_open(7) == 2
    assert used(director) == [1, 2, 3]
    assert director.aside == []
    assert upkeep.drop_half_open(7) == 0
