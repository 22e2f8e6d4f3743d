# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress

import pytest

from bascule.dataplane.xdp import layout, views
from bascule.dataplane.xdp.expiry import pointed
from bascule.dataplane.xdp.layout import State
from bascule.dataplane.xdp.tables import Tables
from bascule.model.base import Seconds, Weight
from bascule.model.service import (
    ConnectionState,
    Counters,
    Protocol,
    RealServer,
    Scheduler,
    ServiceId,
    VirtualService,
)
from tests.dataplane.xdp.doubles import HZ, NOW, FakeDirector

CLIENT = int(ipaddress.ip_address("203.0.113.9"))
REAL = ipaddress.ip_address("198.51.100.11")
WEB = VirtualService(
    id=ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.0.2.1"), port=80), persistence=Seconds(60.0)
)
DNS = VirtualService(
    id=ServiceId(protocol=Protocol.UDP, address=ipaddress.ip_address("192.0.2.1"), port=53), scheduler=Scheduler.RR
)


@pytest.fixture
def director() -> FakeDirector:
    made = FakeDirector()
    tables = Tables(made, lambda: pointed(made.slots))
    tables.add_service(WEB)
    tables.add_service(DNS)
    tables.add_server(WEB.id, RealServer(address=REAL, port=80, weight=Weight(3)))
    tables.add_server(DNS.id, RealServer(address=REAL, port=53))
    return made


def test_services_with_their_counts(director: FakeDirector) -> None:
    director.of_services[1] = (5, 50, 500)
    director.of_servers[1] = (4, 40, 400)
    director.servers["active"][1], director.servers["inactive"][1], director.servers["persistent"][1] = 2, 3, 1
    web, dns = views.services(director)
    assert (web.service, dns.service) == (WEB, DNS)
    assert web.counters == Counters(connections=5, packets_in=50, bytes_in=500)
    (server,) = web.servers
    assert server.counters == Counters(connections=4, packets_in=40, bytes_in=400)
    assert (server.active, server.inactive, server.persistent) == (2, 3, 1)


def test_trouble_is_the_writers_word_or_else_a_missing_mac(director: FakeDirector) -> None:
    address = ipaddress.IPv4Address(REAL)
    director.servers["mac"][1] = 0xAB
    assert [view.servers[0].trouble for view in views.services(director)] == [None, views.UNRESOLVED]
    told = views.services(director, trouble={address: "it is silent"})
    assert [view.servers[0].trouble for view in told] == ["it is silent", "it is silent"]
    assert views.services(director, trouble={})[1].servers[0].trouble is None


def test_no_services(director: FakeDirector) -> None:
    director.services["flags"] = 0
    assert views.services(director) == ()


def test_connections(director: FakeDirector) -> None:
    director.put(3, CLIENT, 1, 1, State.ESTABLISHED, 10 * HZ)
    director.put(5, CLIENT, 2, 2, State.UDP, 0, port=5353)
    web, dns = views.connections(director)
    assert (web.client, web.client_port) == (ipaddress.ip_address("203.0.113.9"), 4000)
    assert (web.virtual, web.virtual_port, web.real, web.real_port) == (WEB.id.address, 80, REAL, 80)
    assert (web.protocol, web.state, web.expires) == (Protocol.TCP, ConnectionState.ESTABLISHED, 890.0)
    assert (dns.protocol, dns.state, dns.expires) == (Protocol.UDP, ConnectionState.UDP, 300.0)


def test_what_is_over_or_half_written_is_not_shown(director: FakeDirector) -> None:
    director.put(0, CLIENT, 1, 1, State.CLOSE, 10 * HZ + 1)
    director.put(1, CLIENT, 1, 1, State.CLOSE, 10 * HZ, port=1)
    director.table[2] = (layout.connection_key(CLIENT, 2, 1), layout.META_CLAIMING << 32)
    director.put(3, CLIENT, 9, 1, State.ESTABLISHED, 0, port=3)
    assert [entry.client_port for entry in views.connections(director)] == [1]


def test_templates_are_shown_as_ipvs_shows_them(director: FakeDirector) -> None:
    director.put(0, CLIENT, 1, 1, State.NONE, 5 * HZ, port=0)
    director.put(1, CLIENT + 1, 1, 1, State.ESTABLISHED, 70 * HZ, port=0)
    first, second = views.connections(director)
    assert (first.client_port, first.state, first.expires) == (0, ConnectionState.NONE, 55.0)
    assert (second.state, second.expires) == (ConnectionState.ASSURED, 0.0)


def test_connections_that_found_no_room_in_the_lines(director: FakeDirector) -> None:
    value = layout.connection_value(server=1, state=State.SYN_RECV, stamp=NOW)
    director.aside.append((layout.connection_key(CLIENT, 7, 1), value))
    (entry,) = views.connections(director)
    assert (entry.client_port, entry.state, entry.expires) == (7, ConnectionState.SYN_RECV, 60.0)
