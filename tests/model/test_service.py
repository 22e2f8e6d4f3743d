# SPDX-License-Identifier: Apache-2.0
"""Twin of `model.service`: names as keepalived writes them, identity, and round trips."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given

from bascule.model.base import Weight, from_json, pack, to_json, unpack
from bascule.model.service import (
    Connection,
    Counters,
    Protocol,
    RealServer,
    RealServerView,
    ServerId,
    ServiceId,
    ServiceView,
    VirtualService,
)
from tests.model.strategies import values

VIP = ipaddress.ip_address("192.168.2.240")
REAL = ipaddress.ip_address("192.168.2.212")


@given(values(VirtualService))
def test_a_service_survives_both_wires(service: VirtualService) -> None:
    assert unpack(pack(service), VirtualService) == service
    assert from_json(to_json(service), VirtualService) == service


@given(values(ServiceView))
def test_a_view_survives_both_wires(view: ServiceView) -> None:
    assert unpack(pack(view), ServiceView) == view
    assert from_json(to_json(view), ServiceView) == view


@given(values(Connection))
def test_a_connection_survives_the_wire(connection: Connection) -> None:
    assert unpack(pack(connection), Connection) == connection


@pytest.mark.parametrize(
    ("protocol", "number"),
    [
        (Protocol.TCP, socket.IPPROTO_TCP),
        (Protocol.UDP, socket.IPPROTO_UDP),
        (Protocol.SCTP, socket.IPPROTO_SCTP),
    ],
)
def test_protocols_have_the_numbers_of_the_ip_header(protocol: Protocol, number: int) -> None:
    assert protocol.number == number


def test_names_are_keepalived_s() -> None:
    assert str(ServiceId(protocol=Protocol.TCP, address=VIP, port=80)) == "[192.168.2.240]:tcp:80"
    assert ServerId(address=REAL, port=8080).text(Protocol.UDP) == "[192.168.2.212]:udp:8080"


def test_a_server_s_name_is_its_address_and_port() -> None:
    server = RealServer(address=REAL, port=80, weight=Weight(3))
    assert server.id == ServerId(address=REAL, port=80)
    assert server.id == RealServer(address=REAL, port=80, weight=Weight(0)).id
    assert server != RealServer(address=REAL, port=80, weight=Weight(0))


def test_services_are_names_of_a_dictionary_and_may_be_sorted() -> None:
    ids = [ServiceId(protocol=Protocol.TCP, address=VIP, port=port) for port in (443, 80)]
    assert len({*ids, ServiceId(protocol=Protocol.TCP, address=VIP, port=80)}) == 2
    assert [found.port for found in sorted(ids, key=lambda found: found.port)] == [80, 443]


def test_a_new_view_has_counted_nothing() -> None:
    view = RealServerView(server=RealServer(address=REAL, port=80))
    assert (view.active, view.inactive, view.persistent, view.trouble) == (0, 0, 0, None)
    assert view.counters == Counters(connections=0, packets_in=0, packets_out=0, bytes_in=0, bytes_out=0)
