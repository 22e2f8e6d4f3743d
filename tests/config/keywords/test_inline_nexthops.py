# SPDX-License-Identifier: Apache-2.0
"""Next hops and encapsulations, taken and refused as keepalived 2.2.7 does."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.config.keywords.inline_routes import virtual_route
from bascule.config.schema import RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement
from bascule.model.routing import Encapsulation, EncapsulationKind, NextHop, Realms, Route

A, B, SIX = map(ipaddress.ip_address, ("10.0.0.1", "10.0.0.2", "fd00::1"))


def statement(text: str) -> Statement:
    """A route with more behind it, as a statement."""
    return Statement(Source("k.conf", text), ("10.0.0.0/8", *text.split()), 1, 0)


@pytest.mark.parametrize(
    ("text", "hops"),
    [
        ("nexthop", (NextHop(),)),
        ("nexthop via inet 10.0.0.1 oif a weight 9 onlink", (NextHop(gateway=A, device="a", weight=9, onlink=True),)),
        ("nexthop via 10.0.0.1 nexthop via 10.0.0.2", (NextHop(gateway=A), NextHop(gateway=B))),
        ("nexthop dev a realms 1/2", (NextHop(device="a", realms=Realms(destination=2, source=1)),)),
        (
            "nexthop via 10.0.0.1 encap mpls 100/200 weight 4",
            (
                NextHop(
                    gateway=A, weight=4, encapsulation=Encapsulation(kind=EncapsulationKind.MPLS, labels=(100, 200))
                ),
            ),
        ),
    ],
)  # fmt: skip
def test_next_hops(text: str, hops: tuple[NextHop, ...]) -> None:
    assert virtual_route(statement(text)).next_hops == hops


@pytest.mark.parametrize(
    ("text", "code", "places", "hops"),
    [
        ("nexthop via fd00::1 dev a", "bad-address", (2, 3), (NextHop(device="a"),)),
        ("nexthop via inet6 fd00::1 dev a", "bad-address", (2, 4), (NextHop(device="a"),)),
        ("nexthop via x dev a", "bad-address", (2, 3), (NextHop(device="a"),)),
        ("nexthop dev a weight 0", "out-of-range", (4, 5), (NextHop(device="a"),)),
        ("nexthop dev a weight x", "bad-number", (4, 5), (NextHop(device="a"),)),
        ("nexthop dev a realms 256", "out-of-range", (4, 5), (NextHop(device="a"),)),
        ("nexthop dev a as to 10.0.0.1", "bad-word", (4, 6), (NextHop(device="a"),)),
        ("nexthop dev a metric 5", "bad-word", (4, 4), (NextHop(device="a"),)),
        ("nexthop dev a encap foo", "bad-word", (4, 5), (NextHop(device="a"),)),
    ],
)
def test_what_is_wrong_in_one_costs_only_that(
    text: str, code: str, places: tuple[int, int], hops: tuple[NextHop, ...]
) -> None:
    with pytest.raises(RefusedLineError) as caught:
        virtual_route(statement(text))
    error = caught.value
    assert (error.code, (error.since, error.index)) == (code, places)
    assert isinstance(error.instead, Route)
    assert error.instead.next_hops == hops


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("encap ip id 5 dst 10.0.0.1 src 10.0.0.2 tos 1 ttl 2",
         {"kind": EncapsulationKind.IP, "identifier": 5, "destination": A, "source": B, "tos": 1, "ttl": 2}),
        ("encap ip6 dst fd00::1 tc 1 hoplimit 2 flags 3",
         {"kind": EncapsulationKind.IP6, "destination": SIX, "tos": 1, "ttl": 2, "flags": 3}),
        ("encap mpls 100", {"kind": EncapsulationKind.MPLS, "labels": (100,)}),
        ("encap ila 5:6:7:8", {"kind": EncapsulationKind.ILA, "locator": 0x0005000600070008}),
    ],
)  # fmt: skip
def test_encapsulations(text: str, fields: dict[str, object]) -> None:
    route = virtual_route(statement(f"{text} dev a"))
    assert (route.encapsulation, route.device) == (Encapsulation(**fields), "a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("encap foo", "bad-word", 2),
        ("encap", "missing-argument", 2),
        ("encap ip", "incomplete", 2),
        ("encap ip dst", "missing-argument", 4),
        ("encap ip foo 1", "incomplete", 2),
        ("encap ip dst fd00::1", "bad-address", 4),
        ("encap ip dst x", "bad-address", 4),
        ("encap ip id 5 ttl 300", "out-of-range", 6),
        ("encap mpls 1048576", "bad-word", 3),
        ("encap mpls 1/x", "bad-word", 3),
        ("encap mpls", "missing-argument", 3),
        ("encap ila x", "bad-word", 3),
        ("encap ila 1:2:3:x", "bad-word", 3),
        ("encap ila", "missing-argument", 3),
        ("nexthop via", "missing-argument", 3),
    ],
)
def test_some_things_cost_the_route(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        virtual_route(statement(text))
    assert (caught.value.code, caught.value.index, caught.value.instead) == (code, index, None)
