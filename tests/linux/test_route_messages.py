# SPDX-License-Identifier: Apache-2.0
"""Routes as messages: what the kernel makes of each option, and what it has no words for here, byte by byte."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from bascule.linux import route_messages
from bascule.linux.iproute import ip
from bascule.linux.netlink import CREATE, Netlink, attributes
from bascule.linux.routes import NEW_ROUTE
from bascule.model.routing import (
    Encapsulation,
    EncapsulationKind,
    MetricKind,
    NextHop,
    Prefix,
    Realms,
    Route,
    RouteMetric,
    RouteType,
)

VIA = ipaddress.ip_address("192.0.2.2")
VIA6 = ipaddress.ip_address("fd00::2")


def prefix(text: str) -> Prefix:
    word, _, length = text.partition("/")
    return Prefix(address=ipaddress.ip_address(word), length=int(length))


def route(text: str = "10.0.0.0/8", **changes: Any) -> Route:
    return Route(destination=prefix(text), **changes)


def encoded(entry: Route) -> tuple[tuple[int, ...], dict[int, bytes]]:
    body = route_messages.encode(entry, 254, lambda name: {"eth0": 7}[name])
    return route_messages.INFO.unpack_from(body), attributes(body[route_messages.INFO.size :])


def test_the_head_says_what_and_where() -> None:
    head, found = encoded(route(tos=16, protocol=33, scope=253, type=RouteType.PROHIBIT, onlink=True))
    assert head == (socket.AF_INET, 8, 0, 16, 254, 33, 253, RouteType.PROHIBIT, 4)
    assert found[route_messages.DESTINATION] == bytes((10, 0, 0, 0))
    body = route_messages.encode(route(), 300, lambda _: 0)
    assert route_messages.INFO.unpack_from(body)[4] == 0, "a table that needs more than a byte"
    assert attributes(body[route_messages.INFO.size :])[route_messages.TABLE] == (300).to_bytes(4, "little")


def test_an_interface_that_is_not_there_is_the_callers_error() -> None:
    with pytest.raises(OSError, match="no interface"):
        route_messages.encode(route(device="eth7"), 254, socket.if_nametoindex)


@pytest.mark.parametrize(
    ("wrapped", "expected"),
    [
        (
            Encapsulation(kind=EncapsulationKind.MPLS, labels=(16, 17), ttl=9),
            {1: bytes.fromhex("00010000 00011100"), 2: b"\x09"},
        ),
        (
            Encapsulation(kind=EncapsulationKind.IP, identifier=5, destination=VIA, source=VIA, ttl=3, tos=4, flags=8),
            {1: bytes(7) + b"\5", 2: VIA.packed, 3: VIA.packed, 4: b"\3", 5: b"\4", 6: b"\0\x08"},
        ),
        (Encapsulation(kind=EncapsulationKind.IP6, destination=VIA6), {2: VIA6.packed}),
        (Encapsulation(kind=EncapsulationKind.ILA, locator=0x20010DB800000001), {1: bytes.fromhex("20010db800000001")}),
    ],
)
def test_what_is_put_around_packets(wrapped: Encapsulation, expected: dict[int, bytes]) -> None:
    _, found = encoded(route(encapsulation=wrapped))
    assert int.from_bytes(found[21], "little") == wrapped.kind
    assert attributes(found[22]) == expected


def test_small_options() -> None:
    entry = route(
        "fd01::/64", ttl_propagate=True, preference=3, expires=60, source=prefix("fd02::/64"), gateway=VIA6, metric=5
    )
    head, found = encoded(entry)
    assert head[2] == 64
    assert (found[26], found[20], found[23]) == (b"\1", b"\3", (60).to_bytes(4, "little"))
    assert found[route_messages.SOURCE] == ipaddress.ip_address("fd02::").packed
    _, mixed = encoded(route(gateway=VIA6, realms=Realms(destination=4, source=3)))
    assert mixed[18] == socket.AF_INET6.to_bytes(2, "little") + VIA6.packed
    assert mixed[11] == (3 << 16 | 4).to_bytes(4, "little")


def test_a_route_is_told_by_its_table_destination_and_service() -> None:
    def key(entry: Route, table: int = 254) -> tuple[object, ...]:
        body = route_messages.encode(entry, table, lambda _: 7)
        return route_messages.key_of(body, attributes(body[route_messages.INFO.size :]))

    assert key(route()) == key(route(gateway=VIA, protocol=4))
    others = [key(route(tos=4)), key(route("10.0.0.0/9")), key(route("11.0.0.0/8")), key(route(), 300)]
    assert len({key(route()), *others}) == 5
    assert key(route("fd01::1/64")) == key(route("fd01::/64")), "bits behind the length are nothing to the kernel"


@pytest.mark.root
@pytest.mark.usefixtures("inside")
def test_the_kernel_understands_metrics_and_several_next_routers() -> None:
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    for name in ("eth0", "eth1"):
        ip("link", "set", name, "up")
    ip("address", "add", "192.0.2.1/24", "dev", "eth0")
    metrics = (RouteMetric(kind=MetricKind.MTU, value=1400, locked=True), RouteMetric(kind=MetricKind.ADVMSS, value=99))
    hops = (NextHop(gateway=VIA, device="eth0", weight=2), NextHop(gateway=VIA, weight=3, onlink=True, device="eth0"))
    wanted = {
        route(metrics=metrics, gateway=VIA, congestion_control="reno", congestion_control_locked=True): (
            "mtu lock 1400 advmss 99 congctl lock reno"
        ),
        route("10.0.0.0/16", next_hops=hops): "nexthop via 192.0.2.2 dev eth0 weight 2",
        route("0.0.0.0/0", gateway=VIA, metric=9): "default via 192.0.2.2 dev eth0 proto keepalived metric 9",
    }
    with Netlink() as netlink:
        for entry in wanted:
            body = route_messages.encode(entry, 254, socket.if_nametoindex)
            netlink.request(NEW_ROUTE, CREATE, body, "put a route")
    shown = " ".join(ip("route", "show").split())
    for words in wanted.values():
        assert words in shown
