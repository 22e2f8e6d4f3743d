# SPDX-License-Identifier: Apache-2.0
"""What leaves by an interface is counted behind the filters; what comes in, or is of another protocol, is not."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator

import pytest

from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux import rawsocket
from bascule.linux.netlink import NetlinkError
from bascule.linux.tap import Tap
from bascule.model.base import IPAddress

pytestmark = [pytest.mark.root, pytest.mark.lab]

GROUPS: dict[int, IPAddress] = {4: ipaddress.IPv4Address("224.0.0.18"), 6: ipaddress.IPv6Address("ff02::12")}
HERE: dict[int, IPAddress] = {4: ipaddress.IPv4Address("192.168.2.210"), 6: ipaddress.IPv6Address("fd02::210")}
PAIR = Topology(
    name="pair",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(
            name=name,
            role=HostRole.ROUTER,
            links=(Link(segment="lan", addresses=(f"192.168.2.{last}/24", f"fd02::{last}/64")),),
        )
        for name, last in (("d1", 210), ("d2", 211))
    ),
)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        yield built


def settled(host: LabHost) -> bool:
    return "tentative" not in host.run(["ip", "-6", "address", "show", "dev", "eth0"]).stdout


@pytest.mark.parametrize("family", [4, 6])
def test_what_leaves_is_counted_and_what_a_filter_drops_is_not(network: Network, family: int) -> None:
    host = network.host("d1")
    wait_for(lambda: settled(host), 10, "duplicate address detection")
    with host.entered():
        tap, sock = Tap("eth0"), rawsocket.open_socket("eth0", family)
    for _ in range(3):
        sock.send(b"x" * 20, HERE[family], GROUPS[family])
    assert tap.count() == 3
    host.run(["nft", "add table netdev t; add chain netdev t e { type filter hook egress device eth0 priority 0; }"])
    host.run(["nft", "add rule netdev t e meta l4proto 112 drop"])
    with contextlib.suppress(NetlinkError):  # the kernel says so over IPv6 only
        sock.send(b"x" * 20, HERE[family], GROUPS[family])
    assert tap.count() == 0
    sock.close()
    tap.close()


def test_what_comes_in_is_not_counted(network: Network) -> None:
    with network.host("d1").entered():
        tap, ear = Tap("eth0"), rawsocket.open_socket("eth0", 4, GROUPS[4])
    with network.host("d2").entered():
        sock = rawsocket.open_socket("eth0", 4)
    sock.send(b"x" * 20, ipaddress.IPv4Address("192.168.2.211"), GROUPS[4])
    wait_for(lambda: list(ear.receive()), 5, "the packet")
    assert tap.count() == 0
    for opened in (tap, ear, sock):
        opened.close()


def test_an_interface_made_anew_makes_it_stale(network: Network) -> None:
    host = network.host("d1")
    host.run(["ip", "link", "add", "x0", "type", "veth", "peer", "name", "x1"])
    with host.entered():
        tap = Tap("x0")
        assert not tap.stale()
        host.run(["ip", "link", "delete", "x0"])
        assert tap.stale()
        with pytest.raises(NetlinkError, match="watch what leaves by x0"):
            Tap("x0")
    tap.close()
