# SPDX-License-Identifier: Apache-2.0
"""Twin of `relays`: what is written, for how long, and what is forgotten. The packets are in tests/bpf."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.dataplane.xdp.layout import MAX_RELAYS
from bascule.dataplane.xdp.relays import RELAY_SECONDS, Relays
from bascule.model.base import IPAddress
from tests.dataplane.xdp.doubles import HZ, NOW, FakeDirector

VIP, OTHER = (ipaddress.IPv4Address(f"192.0.2.{last}") for last in (240, 241))
SIX = ipaddress.IPv6Address("2001:db8::240")
OWN, PREDECESSOR, THIRD = (bytes.fromhex(f"0200000000{last}") for last in ("01", "02", "03"))
ENDS = NOW + round(RELAY_SECONDS * HZ)


@pytest.fixture
def director() -> FakeDirector:
    return FakeDirector()


def test_every_ipv4_address_is_relayed_until_its_time(director: FakeDirector) -> None:
    Relays(director).arm(2, (VIP, SIX, OTHER), PREDECESSOR, OWN)
    assert director.relays == {(VIP, 2): (PREDECESSOR, OWN, ENDS), (OTHER, 2): (PREDECESSOR, OWN, ENDS)}


def test_the_last_that_asks_for_an_address_has_it(director: FakeDirector) -> None:
    relays = Relays(director)
    relays.arm(2, (VIP, OTHER), PREDECESSOR, OWN)
    relays.arm(2, (VIP,), THIRD, OWN)
    assert [director.relays[address, 2][0] for address in (VIP, OTHER)] == [THIRD, PREDECESSOR]


def test_nothing_goes_to_ourselves_nor_for_no_address(director: FakeDirector) -> None:
    relays = Relays(director)
    relays.arm(2, (VIP,), OWN, OWN)
    relays.arm(2, (SIX,), PREDECESSOR, OWN)
    assert director.relays == {}


def test_what_an_earlier_process_left_is_forgotten(director: FakeDirector) -> None:
    director.relays[OTHER, 3] = (THIRD, OWN, ENDS)
    Relays(director).arm(2, (VIP,), PREDECESSOR, OWN)
    assert list(director.relays) == [(VIP, 2)]


def test_what_is_over_is_forgotten_with_the_next(director: FakeDirector) -> None:
    relays = Relays(director)
    relays.arm(2, (VIP,), PREDECESSOR, OWN)
    director.later = round(RELAY_SECONDS * HZ)
    relays.arm(2, (OTHER,), PREDECESSOR, OWN)
    assert list(director.relays) == [(OTHER, 2)]


def test_one_too_many_has_room_in_place_of_the_others(director: FakeDirector) -> None:
    relays = Relays(director)
    many: list[IPAddress] = [VIP + number for number in range(MAX_RELAYS)]
    relays.arm(2, many, PREDECESSOR, OWN)
    assert len(director.relays) == MAX_RELAYS
    relays.arm(3, (VIP,), PREDECESSOR, OWN)
    assert list(director.relays) == [(VIP, 3)]
