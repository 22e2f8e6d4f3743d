# SPDX-License-Identifier: Apache-2.0
"""Gratuitous ARP: the bytes of keepalived, and really on the wire."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from bascule.lab.network import Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux.announce import Announcer, gratuitous_arp, neighbour_advertisement
from bascule.linux.netlink import NetlinkError

VIP = ipaddress.IPv4Address("192.168.2.240")

# Captured from keepalived 2.2.7 on an interface with the address e6:f8:26:ab:81:7a.
KEEPALIVED = bytes.fromhex("ffffffffffffe6f826ab817a08060001080006040001e6f826ab817ac0a802f0ffffffffffffc0a802f0")

VIP6 = ipaddress.IPv6Address("fd02::245")
# Captured from FRR's vrrpd, which has the router and the override flag as RFC 9568 asks.
FRR = bytes.fromhex(
    "33330000000100005e00023d86dd6000000000203afffd020000000000000000000000000245ff02000000000000000000000000000188"
    "0077d2a0000000fd020000000000000000000000000245020100005e00023d"
)

PAIR = Topology(
    name="pair",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(name=name, role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"192.168.2.{last}/24",)),))
        for name, last in (("d1", 210), ("d2", 211))
    ),
)


def test_the_frame_is_keepaliveds_byte_for_byte() -> None:
    assert gratuitous_arp(bytes.fromhex("e6f826ab817a"), VIP) == KEEPALIVED


def test_the_neighbour_advertisement_is_frrs_byte_for_byte() -> None:
    assert neighbour_advertisement(bytes.fromhex("00005e00023d"), VIP6) == FRR


@pytest.mark.root
@pytest.mark.lab
def test_the_neighbour_advertisement_reaches_the_segment_and_its_hosts_believe_it() -> None:
    hardware_address = bytes.fromhex("0200c0a802d2")
    with Network(PAIR) as network:
        d2 = network.host("d2")
        d2.run(["ip", "neighbour", "add", str(VIP6), "lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "stale"])
        with network.host("d1").entered():
            announcer = Announcer()
        announcer.announce("eth0", hardware_address, VIP6)
        wait_for(
            lambda: "02:00:c0:a8:02:d2 router" in d2.run(["ip", "neighbour", "show", str(VIP6)]).stdout,
            5,
            "the neighbour table to follow",
        )
        announcer.close()


@pytest.mark.root
@pytest.mark.lab
def test_the_frame_reaches_the_segment_and_its_hosts_believe_it() -> None:
    hardware_address = bytes.fromhex("0200c0a802d2")
    with Network(PAIR) as network:
        d2 = network.host("d2")
        d2.run(["ip", "neighbour", "add", str(VIP), "lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "stale"])
        with d2.entered():
            listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        with network.host("d1").entered():
            announcer = Announcer()
        with listener:
            listener.settimeout(5)
            announcer.announce("eth0", hardware_address, VIP)
            assert listener.recv(100) == gratuitous_arp(hardware_address, VIP)
        announcer.close()
        assert "02:00:c0:a8:02:d2" in d2.run(["ip", "neighbour", "show", str(VIP)]).stdout


@pytest.mark.root
@pytest.mark.lab
def test_an_interface_that_is_down_or_missing_is_named() -> None:
    with Network(PAIR) as network, network.host("d1").entered():
        announcer = Announcer()
        network.host("d1").run(["ip", "link", "set", "eth0", "down"])
        for interface in ("eth0", "eth7"):
            with pytest.raises(NetlinkError, match=rf"announce 192\.168\.2\.240 on {interface}"):
                announcer.announce(interface, bytes(6), VIP)
        announcer.close()
