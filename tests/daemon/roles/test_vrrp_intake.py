# SPDX-License-Identifier: Apache-2.0
"""From a port's socket to adverts, with a socket that holds what the test puts in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import cast

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_intake
from bascule.daemon.roles.vrrp_intake import BATCH_MAX, adverts, boottime
from bascule.daemon.roles.vrrp_ports import Port
from bascule.daemon.roles.vrrp_refusals import Refusals
from bascule.errors import KernelRefusedError
from bascule.linux.arrivals import Received
from bascule.vrrp.packet import Datagram, Refusal, RefusedPacketError

PEER = ipaddress.IPv4Address("192.168.2.211")
GROUP = ipaddress.IPv4Address("224.0.0.18")
# Captured from keepalived 2.2.7.
KEEPALIVED = bytes.fromhex("21336401010153cfc0a802f03131313100000000")


class Socket:
    """Packets that wait, and then perhaps an error."""

    def __init__(self, *payloads: bytes, broken: bool = False) -> None:
        self.waiting = list(payloads)
        self.broken = broken

    def receive(self) -> Iterator[Received]:
        while self.waiting:
            yield Received(payload=self.waiting.pop(0), source=PEER, destination=GROUP, ttl=255, age=0.5)
        if self.broken:
            raise KernelRefusedError("receive on eth0: no")


class FakePort:
    """An interface."""

    name = "eth0"
    groups = (GROUP,)

    def __init__(self, socket: Socket) -> None:
        self.sockets = {4: socket}
        self.refusals = Refusals()


def port(*payloads: bytes, broken: bool = False) -> Port:
    return cast(Port, FakePort(Socket(*payloads, broken=broken)))


def test_adverts_come_with_the_kernels_time_and_the_rest_is_counted_and_said_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    here = port(KEEPALIVED, b"", KEEPALIVED[:-1], KEEPALIVED)
    found = list(adverts(here, Log("vrrp")))
    assert [heard.advert.priority for heard in found] == [100, 100]
    assert boottime() - found[0].at == pytest.approx(0.5, abs=0.2)
    assert here.refusals.counts == {"truncated": 2}
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "packet_refused" in line]
    assert "interface=eth0 reason=truncated source=192.168.2.211 count=1" in line


def test_a_flood_is_read_in_parts_and_nothing_of_it_is_lost() -> None:
    here = port(*[KEEPALIVED] * (BATCH_MAX + 1))
    assert len(list(adverts(here, Log("vrrp")))) == BATCH_MAX
    assert len(list(adverts(here, Log("vrrp")))) == 1


def test_a_socket_that_fails_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(adverts(port(broken=True), Log("vrrp"))) == []
    assert "event=receive_failed interface=eth0" in capfd.readouterr().err


def test_a_stranger_is_counted_at_its_port() -> None:
    here = port()
    error = RefusedPacketError(Refusal.VRID, "no instance here has VRID 77")
    for _ in range(3):
        vrrp_intake.refuse(here, Datagram(payload=KEEPALIVED, source=PEER), error, Log("vrrp"))
    assert here.refusals.counts == {"vrid": 3}
