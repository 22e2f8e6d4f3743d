# SPDX-License-Identifier: Apache-2.0
"""UDP on one interface: to a group and to a host, with the source that was asked for, and the TTL that came."""

from __future__ import annotations

import dataclasses
import ipaddress
import select
import socket
import time
from collections.abc import Iterator

import pytest

from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux.arrivals import Received
from bascule.linux.datagram import DatagramSocket
from bascule.linux.netlink import NetlinkError
from bascule.model.base import IPAddress

pytestmark = [pytest.mark.root, pytest.mark.lab]

PORT = 9651
NET = "192.168.2"
GROUPS: dict[int, IPAddress] = {4: ipaddress.IPv4Address("224.0.0.18"), 6: ipaddress.IPv6Address("ff02::12")}
PAIR = Topology(
    name="pair",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(
            name=name,
            role=HostRole.ROUTER,
            links=(
                Link(segment="lan", addresses=(f"192.168.2.{last}/24", f"192.168.2.{last + 5}/24", f"fd02::{last}/64")),
            ),
        )
        for name, last in (("d1", 210), ("d2", 220))
    ),
)
SECOND: dict[int, IPAddress] = {4: ipaddress.IPv4Address("192.168.2.215"), 6: ipaddress.IPv6Address("fd02::210")}
THERE: dict[int, IPAddress] = {4: ipaddress.IPv4Address("192.168.2.220"), 6: ipaddress.IPv6Address("fd02::220")}


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        for host in built.hosts.values():
            wait_for(lambda host=host: settled(host), 10, "duplicate address detection")  # type: ignore[misc]
        yield built


def settled(host: LabHost) -> bool:
    shown = host.run(["ip", "-6", "address", "show", "dev", "eth0"]).stdout
    return "fe80::" in shown and "tentative" not in shown


def opened(host: LabHost, family: int) -> DatagramSocket:
    with host.entered():
        return DatagramSocket("eth0", family, PORT, GROUPS[family])


def one(there: DatagramSocket) -> Received:
    assert select.select([there], [], [], 5)[0], "nothing came"
    (found,) = there.receive()
    return found


@pytest.mark.parametrize("family", [4, 6])
def test_to_the_group_and_to_a_host(network: Network, family: int) -> None:
    here, there = (opened(network.host(name), family) for name in ("d1", "d2"))
    for destination in (GROUPS[family], THERE[family]):
        here.send(b"hello", SECOND[family], destination)
        wanted = Received(payload=b"hello", source=SECOND[family], destination=destination, ttl=255, age=0.0)
        assert dataclasses.replace(one(there), age=0.0) == wanted
    assert list(here.receive()) == [], "nothing loops back"
    here.close()
    there.close()


def test_how_long_it_waited_is_told(network: Network) -> None:
    here, there = (opened(network.host(name), 4) for name in ("d1", "d2"))

    def waited() -> bool:
        here.send(b"hello", SECOND[4], THERE[4])
        assert select.select([there], [], [], 5)[0]
        came = time.monotonic()
        wait_for(lambda: time.monotonic() >= came + 0.05, 10, "it to grow old")
        return one(there).age >= 0.05

    # The kernel begins to stamp a moment after it was first asked to.
    wait_for(waited, 10, "a packet that is as old as it is")
    fresh = time.clock_gettime(time.CLOCK_BOOTTIME)
    here.send(b"again", SECOND[4], THERE[4])
    assert one(there).age <= time.clock_gettime(time.CLOCK_BOOTTIME) - fresh, "not before it was last found empty"
    here.close()
    there.close()


def test_a_lower_ttl_is_seen(network: Network) -> None:
    there = opened(network.host("d2"), 4)
    with network.host("d1").entered():
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 64)
    stranger.sendto(b"x", (str(THERE[4]), PORT))
    assert one(there).ttl == 64
    stranger.close()
    there.close()


def test_a_successor_may_open_it_too(network: Network) -> None:
    first = opened(network.host("d1"), 4)
    opened(network.host("d1"), 4).close()
    first.close()


def test_what_cannot_be_is_an_error_that_names_it(network: Network) -> None:
    with network.host("d1").entered(), pytest.raises(NetlinkError, match="use UDP port 9651 on eth7"):
        DatagramSocket("eth7", 4, PORT, GROUPS[4])
    here = opened(network.host("d1"), 4)
    with pytest.raises(NetlinkError, match=r"send from 192\.168\.2\.99 to"):
        here.send(b"x", ipaddress.IPv4Address("192.168.2.99"), THERE[4])
    here.close()
