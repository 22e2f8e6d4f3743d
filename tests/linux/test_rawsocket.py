# SPDX-License-Identifier: Apache-2.0
"""Raw sockets: what they put into the IP header, what they take out of it, and the kernel's time."""

from __future__ import annotations

import ipaddress
import select
import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.lab.network import Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux import addresses, rawsocket
from bascule.linux.arrivals import Received
from bascule.linux.netlink import Netlink, NetlinkError
from bascule.linux.rawsocket import RawSocket, take_apart

GROUP = ipaddress.IPv4Address("224.0.0.18")
GROUP6 = ipaddress.IPv6Address("ff02::12")
HERE = ipaddress.IPv4Address("192.168.2.210")
SECOND = ipaddress.IPv4Address("192.168.2.215")
THERE = ipaddress.IPv4Address("192.168.2.211")

PAIR = Topology(
    name="pair",
    about="Two hosts on a segment; the first has two addresses.",
    segments=(Segment(name="lan"),),
    hosts=(
        Host(
            name="d1",
            role=HostRole.ROUTER,
            links=(Link(segment="lan", addresses=(f"{HERE}/24", f"{SECOND}/24")),),
        ),
        Host(name="d2", role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"{THERE}/24",)),)),
    ),
)

# From a capture of keepalived 2.2.7, without its Ethernet header.
PACKET = bytes.fromhex("45c0002800010000ff701718c0a802d2e000001221336401010153cfc0a802f03131313100000000")


def test_a_packet_is_taken_apart() -> None:
    found = take_apart(PACKET + b"filled up by Ethernet", 0.5)
    assert found == Received(payload=PACKET[20:], source=HERE, destination=GROUP, ttl=255, age=0.5, header=PACKET[:20])


def test_options_in_the_header_are_no_payload() -> None:
    with_options = b"\x46" + PACKET[1:3] + b"\x2c" + PACKET[4:20] + bytes(4) + PACKET[20:]
    found = take_apart(with_options)
    assert found is not None
    assert found.payload == PACKET[20:]


@pytest.mark.parametrize("data", [b"", PACKET[:19], PACKET[:-1], b"\x65" + PACKET[1:], b"\x44" + PACKET[1:]])
def test_what_is_not_a_whole_packet_is_none(data: bytes) -> None:
    assert take_apart(data) is None


@given(st.binary(max_size=100))
def test_random_bytes_are_taken_apart_without_an_error(data: bytes) -> None:
    take_apart(data)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        yield built


def link_locals(network: Network) -> list[ipaddress.IPv6Address]:
    """Of both hosts, those that can be used."""
    found: list[ipaddress.IPv6Address] = []
    for host in network.hosts.values():
        with host.entered(), Netlink() as netlink:
            entries = addresses.dump(netlink)
        found += [
            entry.address
            for entry in entries
            if isinstance(entry.address, ipaddress.IPv6Address) and entry.address.is_link_local and entry.usable
        ]
    return found


def heard(listener: RawSocket) -> list[Received]:
    assert select.select([listener], [], [], 5)[0]
    return list(listener.receive())


@pytest.mark.root
@pytest.mark.lab
def test_what_is_sent_to_the_group_arrives_with_source_ttl_and_age_and_is_not_heard_by_the_sender(
    network: Network,
) -> None:
    with network.host("d2").entered():
        listener = RawSocket("eth0", group=GROUP)
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    with network.host("d1").entered():
        sender = RawSocket("eth0", group=GROUP)
    for source, ttl in ((HERE, 255), (SECOND, 254)):
        sender.send(PACKET[20:], source, GROUP, ttl)
        (found,) = heard(listener)
        assert (found.payload, found.source, found.destination, found.ttl) == (PACKET[20:], source, GROUP, ttl)
        assert 0 <= found.age < 1
    assert list(sender.receive()) == []
    frame = sniffer.recv(100)
    assert frame[:6].hex(":") == "01:00:5e:00:00:12"
    assert frame[15] == 0xC0, "class of service as keepalived's: network control"
    assert frame[20:22] == b"\0\0", "no flags: as keepalived, without don't-fragment"
    assert frame[14:18] == PACKET[:4]
    for opened in (listener, sniffer, sender):
        opened.close()


@pytest.mark.root
@pytest.mark.lab
def test_over_ipv6_too_what_is_sent_arrives_with_source_hop_limit_and_age(network: Network) -> None:
    wait_for(lambda: len(link_locals(network)) == 2, 5, "duplicate address detection")
    here, there = link_locals(network)
    with network.host("d2").entered():
        listener = rawsocket.open_socket("eth0", 6, GROUP6)
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
    with network.host("d1").entered():
        sender = rawsocket.open_socket("eth0", 6, GROUP6)
    for destination, hops in ((GROUP6, 255), (there, 254)):
        sender.send(PACKET[20:], here, destination, hops)
        (found,) = heard(listener)
        assert (found.payload, found.source, found.destination, found.ttl) == (PACKET[20:], here, destination, hops)
        assert 0 <= found.age < 1
    assert list(sender.receive()) == []
    frames = iter(lambda: sniffer.recv(200), b"")
    frame = next(frame for frame in frames if frame[20] == rawsocket.VRRP)
    assert frame[:6].hex(":") == "33:33:00:00:00:12"
    assert frame[14] == 0x6C, "traffic class as keepalived's: network control"
    for opened in (listener, sniffer, sender):
        opened.close()


@pytest.mark.root
@pytest.mark.lab
def test_one_packet_can_be_sent_over_ipv6(network: Network) -> None:
    wait_for(lambda: len(link_locals(network)) == 2, 5, "duplicate address detection")
    with network.host("d2").entered():
        listener = rawsocket.open_socket("eth0", 6, GROUP6)
    with network.host("d1").entered():
        rawsocket.send_once("eth0", link_locals(network)[0], GROUP6, 255, PACKET[20:])
    assert [found.payload for found in heard(listener)] == [PACKET[20:]]
    listener.close()


@pytest.mark.root
@pytest.mark.lab
def test_a_whole_packet_arrives_as_it_was_made(network: Network) -> None:
    whole = PACKET[:9] + bytes((rawsocket.AH,)) + bytes(2) + PACKET[12:]
    with network.host("d2").entered():
        listener = rawsocket.open_whole("eth0", GROUP)
        listener.join(ipaddress.IPv4Address("224.0.0.77"))
        listener.join(GROUP)
    with network.host("d1").entered():
        rawsocket.send_once("eth0", HERE, GROUP, 1, whole, whole=True)
    (found,) = heard(listener)
    assert found.header[:10] + bytes(2) + found.header[12:] + found.payload == whole
    listener.close()


@pytest.mark.root
@pytest.mark.lab
def test_the_age_of_a_packet_that_waited_is_its_wait(network: Network) -> None:
    with network.host("d2").entered():
        listener = RawSocket("eth0", group=GROUP)

    def waits_as_long_as_it_is_old() -> bool:
        with network.host("d1").entered():
            rawsocket.send_once("eth0", HERE, GROUP, 255, PACKET[20:])
        sent = time.monotonic()
        assert select.select([listener], [], [], 5)[0]
        while time.monotonic() - sent < 0.3:
            select.select([], [], [], 0.3 - (time.monotonic() - sent))
        (found,) = listener.receive()
        return found.age == pytest.approx(time.monotonic() - sent, abs=0.1)

    # The machine's first socket that asks for stamps has to wait for them: until the kernel has switched them on, it
    # stamps packets when they are read.
    wait_for(waits_as_long_as_it_is_old, 5, "a packet with the age of its wait")
    listener.close()


@pytest.mark.root
@pytest.mark.lab
def test_a_stamp_is_believed_only_as_far_as_it_can_be_true(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    with network.host("d2").entered():
        listener = RawSocket("eth0", group=GROUP)
    with network.host("d1").entered():
        sender = RawSocket("eth0")
    real = time.time_ns
    for step, least, most in ((3600 * 10**9, 0.0, 2.0), (-3600 * 10**9, 0.0, 0.0)):
        list(listener.receive())
        sender.send(PACKET[20:], HERE, GROUP)
        assert select.select([listener], [], [], 5)[0]
        monkeypatch.setattr(time, "time_ns", lambda step=step: real() + step)
        (found,) = listener.receive()
        monkeypatch.setattr(time, "time_ns", real)
        assert least <= found.age <= most
    listener.close()
    sender.close()


@pytest.mark.root
@pytest.mark.lab
def test_refusals_name_the_interface_and_the_addresses(network: Network) -> None:
    with network.host("d1").entered():
        with pytest.raises(NetlinkError, match="use a raw socket on eth7"):
            RawSocket("eth7")
        sender = RawSocket("eth0")
        with pytest.raises(NetlinkError, match=r"send from 10\.9\.9\.9 to 224\.0\.0\.18 on eth0"):
            sender.send(b"x", ipaddress.IPv4Address("10.9.9.9"), GROUP)
        sender.close()
