# SPDX-License-Identifier: Apache-2.0
"""After a planned switch the old director still serves the address, but does not say that it has it."""

from __future__ import annotations

import ipaddress
import select
import socket
import struct
from collections.abc import Iterator

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_addresses import Placed
from bascule.daemon.roles.vrrp_late import SECONDS, LateFrames
from bascule.daemon.roles.vrrp_late_note import NAME
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux import addresses, sysctl
from bascule.linux.netlink import Netlink
from bascule.linux.routes import reach
from bascule.model.base import IPAddress

pytestmark = [pytest.mark.root, pytest.mark.lab]

VIP = ipaddress.IPv4Address("192.168.2.240")
VIP6 = ipaddress.IPv6Address("fd02::240")
HERE = ipaddress.IPv4Address("192.168.2.210")
PLACED = (
    Placed(interface="eth0", address=VIP, prefix_length=32),
    Placed(interface="eth0", address=VIP6, prefix_length=128),
)

PAIR = Topology(
    name="pair",
    about="A director and a client.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(name=name, role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"192.168.2.{last}/24",)),))
        for name, last in (("d1", 210), ("c", 100))
    ),
)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        yield built


class Bench:
    """A director that has had the addresses until now."""

    def __init__(self, host: LabHost, held: bool = False) -> None:
        self.host = host
        with host.entered():
            self.netlink = Netlink()
            index = socket.if_nametoindex("eth0")
            for entry in PLACED:
                addresses.add(self.netlink, index, entry.address, entry.prefix_length)
        self.late = LateFrames(self.netlink, Log("vrrp"), lambda _index, _address: held, host.folder)

    def begin(self, now: float) -> None:
        with self.host.entered():
            self.late.begin("VI_1", PLACED, now)
            for entry in PLACED:
                addresses.remove_named(self.netlink, "eth0", entry.address, entry.prefix_length)

    def expire(self, now: float) -> None:
        with self.host.entered():
            self.late.expire(now)

    def on_loopback(self) -> set[IPAddress]:
        with self.host.entered():
            loopback = socket.if_nametoindex("lo")
            return {entry.address for entry in addresses.dump(self.netlink) if entry.index == loopback} & {VIP, VIP6}

    def takes_in(self, address: IPAddress) -> bool:
        with self.host.entered():
            way = reach(self.netlink, address)
        return way is not None and way.local

    def setting(self, name: str) -> str:
        with self.host.entered():
            return sysctl.read(f"net/ipv4/conf/eth0/{name}")


@pytest.fixture
def bench(network: Network) -> Iterator[Bench]:
    made = Bench(network.host("d1"))
    yield made
    made.netlink.close()


def asked(client: LabHost, address: ipaddress.IPv4Address) -> bool:
    """Whether somebody answers when the client asks by ARP for an address, within half a second."""
    with client.entered():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        sock.bind(("eth0", 0x0806))
        own = sock.getsockname()[4]
    frame = b"\xff" * 6 + own + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1)
    sock.send(frame + own + ipaddress.IPv4Address("192.168.2.100").packed + bytes(6) + address.packed)
    found = False
    while select.select([sock], [], [], 0.5)[0] and not found:
        data = sock.recv(2048)
        found = data[20:22] == b"\0\2" and data[28:32] == address.packed
    sock.close()
    return found


def answers(client: LabHost, mac: bytes) -> bool:
    """Whether an echo request for the address is answered that is sent to a MAC address without asking."""
    pretty = ":".join(f"{byte:02x}" for byte in mac)
    client.run(["ip", "neighbour", "replace", str(VIP), "lladdr", pretty, "dev", "eth0", "nud", "permanent"])
    with client.entered():
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sock.sendto(bytes.fromhex("0800f7ff00000000"), (str(VIP), 0))
    found = False
    while select.select([sock], [], [], 0.5)[0] and not found:
        found = sock.recv(2048)[20] == 0
    sock.close()
    return found


def test_it_serves_and_says_nothing(network: Network, bench: Bench) -> None:
    client, mac = network.host("c"), bytes.fromhex("0200c0a802d2")
    assert asked(client, VIP)
    bench.begin(100.0)
    assert not asked(client, VIP)
    assert asked(client, HERE), "other addresses are answered for"
    assert answers(client, mac)
    assert bench.on_loopback() == {VIP}
    assert bench.takes_in(VIP6)
    assert bench.late.deadline() == 100.0 + SECONDS
    bench.expire(100.0 + SECONDS)
    assert bench.on_loopback() == set()
    assert not bench.takes_in(VIP6)
    assert (bench.setting("arp_ignore"), bench.setting("arp_announce")) == ("0", "0")
    assert bench.late.deadline() == float("inf")
    assert not answers(client, mac)


def test_an_ipv6_address_is_never_without_a_way_in_whatever_the_kernel_does_later(bench: Bench) -> None:
    for now in range(100, 120):
        bench.begin(float(now))
        assert bench.takes_in(VIP6), "the address is off its interface, and what comes late is served"
        with bench.host.entered():
            bench.late.ahead("VI_1", PLACED, float(now))
            assert bench.takes_in(VIP6), "it is not on its interface yet, and what comes early is served"
            addresses.add(bench.netlink, socket.if_nametoindex("eth0"), VIP6, 128)
    assert bench.on_loopback() == set(), "active again, nothing of the late frames is left"
    bench.expire(200.0)
    wait_for(lambda: bench.takes_in(VIP6), 5, "the kernel's own way in, for which a second is given")


def test_a_stop_after_a_switch_ends_what_was_served_ahead_and_not_late_frames(bench: Bench) -> None:
    bench.begin(100.0)
    with bench.host.entered():
        bench.late.end_ahead("VI_1")
        assert bench.late.deadline() == 100.0 + SECONDS
        bench.late.ahead("VI_1", PLACED, 100.0)
        assert bench.takes_in(VIP6)
        bench.late.end_ahead("VI_1")
        assert not bench.takes_in(VIP6)
    assert bench.late.deadline() == float("inf")


def test_the_addresses_have_an_end_of_their_own(bench: Bench) -> None:
    bench.begin(100.0)
    with bench.host.entered():
        left = {entry.lifetime for entry in addresses.dump(bench.netlink) if entry.address in (VIP, VIP6)}
    assert left <= {1, 2}


def test_settings_that_are_quiet_already_stay(bench: Bench) -> None:
    with bench.host.entered():
        sysctl.write("net/ipv4/conf/eth0/arp_ignore", 1)
    bench.begin(100.0)
    assert bench.setting("arp_ignore") == "1"
    assert bench.setting("arp_announce") == "2"
    bench.expire(200.0)
    assert (bench.setting("arp_ignore"), bench.setting("arp_announce")) == ("1", "0")


def test_two_instances_share_an_interface(bench: Bench) -> None:
    bench.begin(100.0)
    with bench.host.entered():
        bench.late.begin("VI_2", (Placed(interface="eth0", address=HERE, prefix_length=32),), 100.5)
    bench.expire(101.0)
    assert bench.setting("arp_ignore") == "3"
    bench.expire(101.5)
    assert bench.setting("arp_ignore") == "0"


def test_an_address_that_the_loopback_has_already_is_left_alone(network: Network) -> None:
    made = Bench(network.host("d1"), held=True)
    with made.host.entered():
        addresses.add(made.netlink, socket.if_nametoindex("lo"), VIP, 32)
    made.begin(100.0)
    made.expire(200.0)
    assert made.on_loopback() == {VIP}
    made.netlink.close()


def test_what_is_refused_is_said_and_nothing_else(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    with bench.host.entered():
        bench.late.begin("VI_1", (Placed(interface="eth7", address=VIP, prefix_length=32),), 100.0)
        bench.late.expire(200.0)
    assert not (bench.host.folder / NAME).exists()
    assert "event=late_frames_not_served" in capfd.readouterr().err
