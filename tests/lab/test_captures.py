# SPDX-License-Identifier: Apache-2.0
"""Frames are told apart, and a real answer that passes a director's cable is really seen."""

from __future__ import annotations

import ipaddress
import socket
import struct
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.lab.captures import Captures, Heard, classify
from bascule.lab.network import Network, mac
from bascule.lab.servers import Nginx
from bascule.lab.topologies import SEED
from bascule.lab.traffic import ask
from bascule.lab.waiting import wait_for

VIP = ipaddress.ip_address("192.168.2.240")
CLIENT = ipaddress.ip_address("192.168.2.20")
D1 = bytes.fromhex("0200c0a802d2")
BROADCAST = b"\xff" * 6


def ip_frame(protocol: int, source: str, destination: str, payload: bytes, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH", 0x40 | words, 0, 20 + len(options) + len(payload), 0, 0, 64, protocol, 0)
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    return BROADCAST + D1 + b"\x08\x00" + header + addresses + options + payload


def arp_frame(sender: str, target: str) -> bytes:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + D1 + socket.inet_aton(sender)
    return BROADCAST + D1 + b"\x08\x06" + body + bytes(6) + socket.inet_aton(target)


def ipv6_frame(protocol: int, destination: str, payload: bytes) -> bytes:
    addresses = socket.inet_pton(socket.AF_INET6, "fe80::1") + socket.inet_pton(socket.AF_INET6, destination)
    return (
        BROADCAST + D1 + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(payload), protocol, 255) + addresses + payload
    )


def neighbour_advertisement(target: str) -> bytes:
    return b"\x88" + bytes(7) + socket.inet_pton(socket.AF_INET6, target)


REQUEST = struct.pack("!HHHH", 9651, 9651, 0, 0) + b"BSCL\x01\x03\x33\x04"
VIP6 = ipaddress.ip_address("fd02::240")
PORTS = struct.pack("!HH", 80, 40000)
BACK = struct.pack("!HH", 40000, 80)


@pytest.mark.parametrize(
    ("frame", "heard"),
    [
        (ip_frame(6, "192.168.2.240", "192.168.2.20", PORTS), Heard("answer")),
        (ip_frame(6, "192.168.2.240", "192.168.2.20", PORTS, options=bytes(8)), Heard("answer")),
        (ip_frame(6, "192.168.2.240", "192.168.2.20", PORTS + bytes(9) + b"\x04" + bytes(6)), Heard("reset")),
        (ip_frame(6, "192.168.2.240", "192.168.2.20", PORTS + bytes(9) + b"\x12" + bytes(6)), Heard("answer")),
        (ip_frame(6, "192.168.2.20", "192.168.2.240", BACK), Heard("request")),
        (ip_frame(6, "192.168.2.240", "192.168.2.20", BACK), None),
        (ip_frame(6, "192.168.2.212", "192.168.2.20", PORTS), None),
        (ip_frame(17, "192.168.2.240", "192.168.2.20", PORTS), None),
        (ip_frame(112, "192.168.2.210", "224.0.0.18", b"\x21\x33\x64\x01"), Heard("advert", "192.168.2.210", 100)),
        (arp_frame("192.168.2.240", "192.168.2.240"), Heard("announcement", "02:00:c0:a8:02:d2")),
        (D1 + arp_frame("192.168.2.240", "192.168.2.240")[6:], None),
        (arp_frame("192.168.2.20", "192.168.2.240"), None),
        (arp_frame("192.168.2.210", "192.168.2.210"), None),
        (ip_frame(17, "192.168.2.210", "192.168.2.211", REQUEST), Heard("order", priority=3)),
        (ip_frame(17, "192.168.2.210", "192.168.2.211", REQUEST[:13] + b"\x09"), None),
        (ip_frame(17, "192.168.2.210", "192.168.2.211", b"\x00" + REQUEST[1:2] + b"\x00\x35" + REQUEST[4:]), None),
        (b"", None),
        (BROADCAST + D1 + b"\x86\xdd" + bytes(60), None),
    ],
)
def test_what_a_frame_is(frame: bytes, heard: Heard | None) -> None:
    assert classify(frame, VIP.packed, 80) == heard


@pytest.mark.parametrize(
    ("frame", "heard"),
    [
        (ipv6_frame(112, "ff02::12", b"\x31\x33\x64\x01"), Heard("advert", "fe80::1", 100)),
        (ipv6_frame(17, "fd02::211", REQUEST), Heard("order", priority=3)),
        (ipv6_frame(58, "ff02::1", neighbour_advertisement("fd02::240")), Heard("announcement", "02:00:c0:a8:02:d2")),
        (ipv6_frame(58, "fe80::2", neighbour_advertisement("fd02::240")), None),
        (ipv6_frame(58, "ff02::1", neighbour_advertisement("fd02::241")), None),
        (ipv6_frame(58, "ff02::1", b"\x87" + bytes(7) + VIP6.packed), None),
        (ipv6_frame(112, "ff02::12", b"\x31"), None),
    ],
)
def test_what_a_frame_over_ipv6_is(frame: bytes, heard: Heard | None) -> None:
    assert classify(frame, VIP6.packed, 80) == heard


@given(st.binary(max_size=80))
def test_no_frame_is_too_strange(frame: bytes) -> None:
    classify(frame, VIP.packed, 80)
    classify(BROADCAST + D1 + b"\x08\x00" + frame, VIP.packed, 80)
    classify(BROADCAST + D1 + b"\x08\x06" + frame, VIP.packed, 80)
    classify(BROADCAST + D1 + b"\x86\xdd" + frame, VIP6.packed, 80)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(SEED) as built:
        yield built


@pytest.mark.root
@pytest.mark.lab
def test_a_director_that_answers_itself_is_caught(network: Network) -> None:
    director, clients = network.host("d1"), network.host("clients")
    director.run(["ip", "address", "add", f"{VIP}/32", "dev", "eth0"])
    Nginx(director).start()
    with Captures(network, (director, network.host("d2")), VIP, 80) as captures:
        with clients.entered():
            assert ask(CLIENT, VIP, 80).server == "d1"
        wait_for(lambda: captures.passing()[0].answers >= 3, 5, "the answer's frames")
        first, second = captures.passing()
        assert (first.director, first.requests, first.unseen) == ("d1", 0, 0)
        assert (second.director, second.answers) == ("d2", 0)
        assert first.refusals == 0


@pytest.mark.root
@pytest.mark.lab
def test_a_directors_own_reset_is_no_answer_and_a_cut_cable_no_end(network: Network) -> None:
    director, clients = network.host("d1"), network.host("clients")
    director.run(["ip", "address", "add", f"{VIP}/32", "dev", "eth0"])
    with Captures(network, (director,), VIP, 80) as captures:
        network.cut("d1")
        network.mend("d1")
        with clients.entered():
            wait_for(lambda: ask(CLIENT, VIP, 80).error == "refused", 5, "a refusal")
        wait_for(lambda: captures.passing()[0].refusals, 5, "the reset")
        assert captures.passing()[0].answers == 0


@pytest.mark.root
@pytest.mark.lab
def test_forwarded_requests_adverts_and_announcements_carry_their_time(network: Network) -> None:
    director = network.host("d1")
    mac_of = mac(director.host.links[0])
    with Captures(network, (director, network.host("d2")), VIP, 80) as captures:
        with director.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind(("eth0", 0))
            begin = time.monotonic()
            raw.send(ip_frame(112, "192.168.2.210", "224.0.0.18", b"\x21\x33\x64\x01" + bytes(16)))
            raw.send(arp_frame(str(VIP), str(VIP)))
            raw.send(ip_frame(6, str(CLIENT), str(VIP), BACK + bytes(16)))
        wait_for(lambda: captures.passing()[0].requests, 5, "the forwarded request")
        end = time.monotonic()
        (advert,) = captures.of["d1"].adverts
        assert (advert.source, advert.priority) == ("192.168.2.210", 100)
        assert begin - 0.001 <= advert.at <= end
        assert captures.last_advert("d1", before=end) == advert.at
        assert captures.last_advert("d1", before=begin - 1) is None
        (announcement,) = captures.of["d1"].announcements
        assert announcement.mac == mac_of
        assert captures.first_announcement("d1", after=begin - 0.001) == announcement.at
        assert captures.first_announcement("d1", after=end) is None
        # What reaches the other director's cable from the switch is not its own.
        assert captures.of["d2"].adverts == []
