# SPDX-License-Identifier: Apache-2.0
"""Packets for an IPv6 address that nobody has put on are taken in at once, for a time, and no longer after that."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

import pytest

from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import PAIR
from bascule.lab.waiting import wait_for
from bascule.linux import local_routes
from bascule.linux.netlink import Netlink
from bascule.linux.routes import reach

pytestmark = [pytest.mark.root, pytest.mark.lab]

VIP = ipaddress.IPv6Address("fd02::240")


@pytest.fixture
def host() -> Iterator[LabHost]:
    with Network(PAIR) as network:
        yield network.host("d1")


def taken_in(netlink: Netlink) -> bool:
    way = reach(netlink, VIP)
    return way is not None and way.local


def test_it_is_so_when_the_kernel_says_so_and_not_afterwards(host: LabHost) -> None:
    with host.entered(), Netlink() as netlink:
        for _ in range(20):
            local_routes.put(netlink, VIP, 60)
            local_routes.put(netlink, VIP, 60)
            assert taken_in(netlink)
            local_routes.remove(netlink, VIP)
            local_routes.remove(netlink, VIP)
            assert not taken_in(netlink)


def test_it_ends_by_itself(host: LabHost) -> None:
    with host.entered(), Netlink() as netlink:
        local_routes.put(netlink, VIP, 1)
        assert taken_in(netlink)
        wait_for(lambda: not taken_in(netlink), 10, "the route to end")


def test_a_datagram_comes_in(host: LabHost) -> None:
    with host.entered(), Netlink() as netlink, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver:
        local_routes.put(netlink, VIP, 60)
        receiver.bind(("::", 0))
        receiver.settimeout(5)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"here", (str(VIP), receiver.getsockname()[1]))
        assert receiver.recv(16) == b"here"
