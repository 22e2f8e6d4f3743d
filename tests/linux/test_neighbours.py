# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress
import select
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.lab.network import Network
from bascule.lab.topologies import PAIR
from bascule.lab.waiting import wait_for
from bascule.linux.neighbours import GROUP_NEIGHBOUR, NEW_NEIGHBOUR, NeighbourState, ask, dump, parse
from bascule.linux.netlink import Monitor, Netlink, NetlinkMessage

D2 = ipaddress.ip_address("192.168.2.211")
NOBODY = ipaddress.ip_address("192.168.2.99")
DEADLINE = 10.0


@given(st.binary(max_size=80))
def test_any_bytes_are_a_neighbour_or_nothing(body: bytes) -> None:
    found = parse(NetlinkMessage(NEW_NEIGHBOUR, body))
    assert found is None or (found.mac is None or len(found.mac) == 6)


def test_other_messages_are_nothing() -> None:
    assert parse(NetlinkMessage(NEW_NEIGHBOUR + 1, bytes(64))) is None


@pytest.mark.root
@pytest.mark.lab
def test_asking_resolves_and_the_monitor_hears_of_it() -> None:
    with Network(PAIR) as network, network.host("d1").entered(), Netlink() as netlink:
        index = socket.if_nametoindex("eth0")
        assert dump(netlink).get((index, D2)) is None
        monitor = Monitor((GROUP_NEIGHBOUR,))
        ask(netlink, index, D2)
        wait_for(lambda: _mac(netlink, index, D2), DEADLINE, "the answer")
        assert _mac(netlink, index, D2) == bytes.fromhex("0200c0a802d3")
        assert select.select([monitor], [], [], DEADLINE)[0] == [monitor]
        heard, _ = monitor.receive()
        assert D2 in {neighbour.address for neighbour in map(parse, heard) if neighbour is not None}
        monitor.close()


@pytest.mark.root
@pytest.mark.lab
def test_nobody_answers_for_a_silent_address() -> None:
    with Network(PAIR) as network, network.host("d1").entered(), Netlink() as netlink:
        index = socket.if_nametoindex("eth0")
        ask(netlink, index, NOBODY)
        first = dump(netlink)[(index, NOBODY)]
        assert (first.state, first.mac) == (NeighbourState.INCOMPLETE, None)
        wait_for(lambda: dump(netlink)[(index, NOBODY)].state == NeighbourState.FAILED, DEADLINE, "giving up")
        assert dump(netlink)[(index, NOBODY)].mac is None


def _mac(netlink: Netlink, index: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes | None:
    found = dump(netlink).get((index, address))
    return found.mac if found is not None else None
