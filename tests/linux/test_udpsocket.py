# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress
import select

import pytest

from bascule.errors import KernelRefusedError
from bascule.linux.udpsocket import UdpReceiver, UdpSender

PORT = 37840
LOOPBACK = {4: ipaddress.ip_address("127.0.0.1"), 6: ipaddress.ip_address("::1")}


@pytest.mark.root
@pytest.mark.parametrize("family", [4, 6])
def test_what_is_sent_arrives_with_addresses_ttl_and_age(family: int) -> None:
    here = LOOPBACK[family]
    receiver, sender = UdpReceiver(family, PORT), UdpSender(here, PORT + 1, (here, PORT), 254)
    try:
        assert sender.port == PORT + 1
        sender.send(b"bytes")
        assert select.select([receiver], [], [], 5)[0]
        (found,) = receiver.receive()
        assert (found.payload, found.source, found.destination, found.ttl) == (b"bytes", here, here, 254)
        assert 0 <= found.age < 1
        assert list(receiver.receive()) == []
    finally:
        sender.close()
        receiver.close()


def test_a_port_that_is_taken_is_named() -> None:
    receiver = UdpReceiver(4, PORT + 2)
    try:
        with pytest.raises(KernelRefusedError, match="listen on UDP port 37842 over IPv4"):
            UdpReceiver(4, PORT + 2)
        with pytest.raises(KernelRefusedError, match=r"use 127\.0\.0\.1 port 37842 over UDP"):
            UdpSender(LOOPBACK[4], PORT + 2, (LOOPBACK[4], PORT), 255)
    finally:
        receiver.close()


def test_an_address_that_is_not_ours_is_no_source() -> None:
    with pytest.raises(KernelRefusedError, match=r"use 192\.0\.2\.1 port"):
        UdpSender(ipaddress.ip_address("192.0.2.1"), PORT + 3, (LOOPBACK[4], PORT), 255)
