# SPDX-License-Identifier: Apache-2.0
"""To whom an active hands over: the best that answers for all that move together, or whoever was named."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest

from bascule.model.base import Priority, Seconds, Vrid
from bascule.vrrp.handover import Kind, Order, Standing
from bascule.vrrp.switch import ARMING_WINDOWS, WINDOW, Decision, Switch

READY = Standing.BACKUP | Standing.READY
ONE = [("VI_1",)]
BOTH = [("VI_1", "VI_2")]
NONCES = {"VI_1": b"1" * 16, "VI_2": b"2" * 16}


def switch(units: Sequence[tuple[str, ...]], to: str | None = None, *, urgent: bool = False) -> Switch:
    return Switch(units, NONCES, 100.0, to=to, urgent=urgent)


def answer(
    here: Switch,
    last: int,
    name: str = "VI_1",
    priority: int = 100,
    standing: Standing = READY,
    router: int = 0,
    called: str = "",
) -> bool:
    order = Order(
        kind=Kind.HERE,
        vrid=Vrid(51),
        family=4,
        router=bytes([router or last] * 8),
        nonce=bytes([last] * 16),
        echo=NONCES[name],
        priority=Priority(priority),
        standing=standing,
        name=called or f"d{last}",
    )
    return here.heard(name, order, ipaddress.IPv4Address(f"192.168.2.{last}"), 100.001)


def only(here: Switch) -> Decision:
    (decision,) = here.decide()
    return decision


def test_the_window_may_be_another() -> None:
    here = Switch(ONE, NONCES, 100.0, to=None, urgent=True, window=Seconds(0.005))
    assert here.deadline() == 100.005


def test_who_is_not_ready_to_relay_is_waited_for_but_not_for_ever() -> None:
    here = switch(ONE)
    answer(here, 1, standing=READY | Standing.ARMING)
    answer(here, 2)
    assert here.deadline() == 100.0 + ARMING_WINDOWS * WINDOW
    answer(here, 1)
    assert here.deadline() == 100.0 + WINDOW
    here = switch(ONE, "192.168.2.1")
    answer(here, 1, standing=READY | Standing.ARMING)
    assert here.deadline() > 100.0 + WINDOW
    answer(here, 1)
    assert here.deadline() == 100.001, "it was named, and has nothing more to say"
    here = switch(ONE)
    answer(here, 1, standing=READY | Standing.ARMING)
    assert only(here).why == "handed over to d1 (192.168.2.1)", "it takes over as it is"


def test_who_does_not_know_how_long_it_lives_waits_for_nobody() -> None:
    here = Switch(ONE, NONCES, 100.0, to=None, urgent=True, window=Seconds(0.005))
    answer(here, 1, standing=READY | Standing.ARMING)
    assert here.deadline() == 100.005


def test_the_best_backup_is_chosen_after_the_window() -> None:
    here = switch(ONE)
    assert here.deadline() == 100.0 + WINDOW
    for last, priority, standing in ((1, 100, READY), (2, 120, READY), (3, 110, READY), (4, 200, Standing.BACKUP)):
        assert answer(here, last, priority=priority, standing=standing)
    assert here.deadline() == 100.0 + WINDOW
    decision = only(here)
    assert decision.chosen is not None
    assert decision.chosen["VI_1"].ticket == bytes([2] * 16)
    assert decision.why == "handed over to d2 (192.168.2.2)"


def test_between_equals_the_address_decides_and_who_keeps_back_comes_last() -> None:
    here = switch(ONE)
    answer(here, 8, standing=READY | Standing.HELD)
    answer(here, 3)
    answer(here, 7)
    assert only(here).why == "handed over to d7 (192.168.2.7)"


def test_who_keeps_back_is_better_than_nobody() -> None:
    here = switch(ONE)
    answer(here, 8, standing=READY | Standing.HELD)
    assert only(here).why == "handed over to d8 (192.168.2.8)"


def test_nobody_there_means_priority_0() -> None:
    assert only(switch(ONE)) == Decision(
        unit=("VI_1",), chosen={}, why="gave up by priority 0: no other bascule answered"
    )


def test_an_active_or_a_faulty_one_is_no_successor() -> None:
    here = switch(ONE)
    answer(here, 1, standing=Standing.ACTIVE | Standing.READY)
    answer(here, 2, standing=Standing.READY)
    assert only(here).chosen == {}


def test_who_is_not_ready_is_taken_only_by_one_that_ends() -> None:
    here, ending = switch(ONE), switch(ONE, urgent=True)
    for each in (here, ending):
        answer(each, 1, standing=Standing.BACKUP)
    assert only(here).chosen is None
    assert "d1 (192.168.2.1) is not ready" in only(here).why
    assert only(ending).why == "handed over to d1 (192.168.2.1)"


@pytest.mark.parametrize("to", ["d1", "192.168.2.1"])
def test_a_peer_that_was_named_is_taken(to: str) -> None:
    here = switch(ONE, to)
    answer(here, 2, priority=200)
    answer(here, 1, standing=Standing.BACKUP)
    assert only(here).why == "handed over to d1 (192.168.2.1)"


def test_an_address_is_waited_for_no_longer_and_a_name_is_for_it_may_be_anothers_too() -> None:
    by_address, by_name = switch(ONE, "192.168.2.1"), switch(ONE, "d1")
    for here in (by_address, by_name):
        answer(here, 2)
        assert here.deadline() == 100.0 + WINDOW
        answer(here, 1)
    assert by_address.deadline() == 100.001
    assert by_name.deadline() == 100.0 + WINDOW


def test_a_name_of_several_changes_nothing_and_an_address_tells_them_apart() -> None:
    def two(to: str) -> Decision:
        here = switch(ONE, to)
        answer(here, 1, called="lb")
        answer(here, 2, called="lb", priority=200)
        return only(here)

    decision = two("lb")
    assert decision.chosen is None
    several = "lb (192.168.2.1), lb (192.168.2.2)"
    assert decision.why == f"nothing is changed: lb is the name of several: {several}; name one by its address"
    assert two("192.168.2.1").why == "handed over to lb (192.168.2.1)"


def test_an_address_names_its_peer_for_all_that_moves() -> None:
    here = switch([("VI_1",), ("VI_2",)], "192.168.2.1")
    answer(here, 1, "VI_1")
    answer(here, 11, "VI_2", router=1)
    assert here.deadline() == 100.001
    assert [decision.why for decision in here.decide()] == [
        "handed over to d1 (192.168.2.1)",
        "handed over to d11 (192.168.2.11)",
    ]


def test_an_address_may_be_written_in_any_way() -> None:
    for to in ("fe80::1", "FE80:0:0::1", "fe80::1%eth0"):
        here = switch(ONE, to)
        order = Order(kind=Kind.HERE, vrid=Vrid(51), family=6, router=bytes(8), echo=NONCES["VI_1"], standing=READY)
        here.heard("VI_1", order, ipaddress.IPv6Address("fe80::1"), 100.001)
        assert only(here).why == "handed over to fe80::1"


def test_a_peer_that_was_named_and_is_not_there_changes_nothing() -> None:
    here = switch(ONE, "d9")
    answer(here, 2)
    answer(here, 1, standing=Standing.ACTIVE)
    answer(here, 3, standing=Standing.READY)
    decision = only(here)
    assert decision.chosen is None
    listed = "d1 (192.168.2.1), active, d2 (192.168.2.2), backup, d3 (192.168.2.3), not able"
    assert decision.why == f"nothing is changed: d9 did not answer as a backup; answered: {listed}"
    assert "answered: nobody" in only(switch(ONE, "d9")).why


def test_a_unit_moves_to_one_that_can_take_all_of_it() -> None:
    here = switch(BOTH)
    answer(here, 1, "VI_1", priority=200)
    answer(here, 2, "VI_1")
    answer(here, 12, "VI_2", router=2)
    decision = only(here)
    assert decision.chosen is not None
    assert {name: str(found.address) for name, found in decision.chosen.items()} == {
        "VI_1": "192.168.2.2",
        "VI_2": "192.168.2.12",
    }


def test_what_was_not_asked_is_no_answer() -> None:
    here = switch(ONE)
    order = Order(kind=Kind.HERE, vrid=Vrid(51), family=4, router=bytes(8), echo=NONCES["VI_2"])
    source = ipaddress.IPv4Address("192.168.2.1")
    assert not here.heard("VI_1", order, source, 100.001)
    taken = Order(kind=Kind.TAKEN, vrid=Vrid(51), family=4, router=bytes(8), echo=NONCES["VI_1"])
    assert not here.heard("VI_1", taken, source, 100.001)
    assert only(here).chosen == {}


def test_who_has_no_name_is_shown_by_its_address() -> None:
    here = switch(ONE)
    order = Order(kind=Kind.HERE, vrid=Vrid(51), family=4, router=bytes(8), echo=NONCES["VI_1"], standing=READY)
    here.heard("VI_1", order, ipaddress.IPv4Address("192.168.2.1"), 100.001)
    assert only(here).why == "handed over to 192.168.2.1"
