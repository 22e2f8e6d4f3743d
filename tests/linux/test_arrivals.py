# SPDX-License-Identifier: Apache-2.0
"""Twin of `linux.arrivals`: what was told, and what was not told whole."""

from __future__ import annotations

import ipaddress
import socket
import struct

import pytest

from bascule.linux.arrivals import IP_PKTINFO, Received, arrived

HOPS = struct.pack("=i", 254)
HERE = ipaddress.IPv4Address("192.168.2.1")
HERE6 = ipaddress.IPv6Address("fe80::1")
TOLD = [
    (socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=i4s4s", 3, bytes(4), HERE.packed)),
    (socket.IPPROTO_IP, socket.IP_TTL, HOPS),
]
TOLD6 = [
    (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16si", HERE6.packed, 3)),
    (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, HOPS),
]


def test_addresses_and_hops_are_what_the_kernel_told() -> None:
    sender = ipaddress.ip_address("192.168.2.9")
    expected = Received(payload=b"x", source=sender, destination=HERE, ttl=254, age=0.5)
    assert arrived(4, b"x", TOLD, "192.168.2.9", 0.5) == expected


def test_over_ipv6_a_senders_scope_is_left_out() -> None:
    sender = ipaddress.ip_address("fe80::9")
    expected = Received(payload=b"x", source=sender, destination=HERE6, ttl=254, age=0.0)
    assert arrived(6, b"x", TOLD6, "fe80::9%eth0", 0.0) == expected


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("missing", [0, 1])
def test_what_was_not_told_whole_is_no_arrival(family: int, missing: int) -> None:
    told = list(TOLD if family == 4 else TOLD6)
    level, kind, value = told[missing]
    sender = "192.168.2.9" if family == 4 else "fe80::9"
    for broken in ([], [(level, kind, value[:-1])]):
        assert arrived(family, b"x", [told[1 - missing], *broken], sender, 0.0) is None


def test_what_the_other_ip_version_says_does_not_count() -> None:
    assert arrived(4, b"x", TOLD6, "192.168.2.9", 0.0) is None
