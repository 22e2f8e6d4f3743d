# SPDX-License-Identifier: Apache-2.0
"""Routes, taken and refused as keepalived 2.2.7 does."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from bascule.config.keywords.inline_routes import static_route, virtual_route
from bascule.config.schema import RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement
from bascule.model.routing import MetricKind, NextHop, Prefix, Realms, Route, RouteMetric, RoutePlace, RouteType


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


EVERYTHING = Prefix(address=ipaddress.ip_address("0.0.0.0"), length=0)
TEN = Prefix(address=ipaddress.ip_address("10.0.0.0"), length=8)
FD = Prefix(address=ipaddress.ip_address("fd00::"), length=8)
A, B, SIX = map(ipaddress.ip_address, ("10.0.0.1", "10.0.0.2", "fd00::1"))


def metric(kind: MetricKind, value: int, locked: bool = False) -> dict[str, Any]:
    """The fields of a route with one metric."""
    return {"metrics": (RouteMetric(kind=kind, value=value, locked=locked),)}


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("default via 10.0.0.1 dev lo", {"destination": EVERYTHING, "gateway": A, "device": "lo"}),
        ("inet x to 10.0.0.0/8 dev lo", {"device": "lo"}),
        ("inet6 to fd00::/8 dev lo", {"destination": FD, "device": "lo"}),
        ("blackhole 10.0.0.0/8 no_track", {"type": RouteType.BLACKHOLE, "no_track": True}),
        ("7 10.0.0.0/8 no_track", {"type": RouteType.UNREACHABLE, "no_track": True}),
        ("local 10.0.0.0/8", {"type": RouteType.LOCAL}),
        ("brd 10.0.0.0/8", {"type": RouteType.BROADCAST}),
        ("10.0.0.0/8 mtu lock 1400", metric(MetricKind.MTU, 1400, locked=True)),
        ("10.0.0.0/8 rtt 2000", metric(MetricKind.RTT, 2000)),
        ("10.0.0.0/8 rtt 5ms", metric(MetricKind.RTT, 1600)),
        ("10.0.0.0/8 rttvar 0.9s", metric(MetricKind.RTTVAR, 3600)),
        ("10.0.0.0/8 rto_min 1.5s", metric(MetricKind.RTO_MIN, 1500)),
        ("10.0.0.0/8 rto_min lock 100s", metric(MetricKind.RTO_MIN, 100_000, locked=True)),
        ("10.0.0.0/8 features ecn", metric(MetricKind.FEATURES, 1)),
        ("10.0.0.0/8 quickack 1", metric(MetricKind.QUICKACK, 1)),
        ("10.0.0.0/8 congctl lock cubic", {"congestion_control": "cubic", "congestion_control_locked": True}),
        ("10.0.0.0/8 congctl reno", {"congestion_control": "reno"}),
        ("fd00::/8 pref high", {"destination": FD, "preference": 1}),
        ("fd00::/8 pref 9", {"destination": FD, "preference": 0}),
        ("fd00::/8 expires 5", {"destination": FD, "expires": 5}),
        ("fd00::/8 from fd00::/8 src fd00::1", {"destination": FD, "source": FD, "preferred_source": SIX}),
        ("default6", {"destination": Prefix(address=ipaddress.ip_address("::"), length=0)}),
        (
            "default via inet6 fd00::1 dev lo",
            {"destination": Prefix(address=ipaddress.ip_address("::"), length=0), "gateway": SIX, "device": "lo"},
        ),
        ("10.0.0.0/8 metric 5 add append onlink", {"metric": 5, "place": RoutePlace.APPEND, "onlink": True}),
        ("10.0.0.0/8 scope link", {"scope": 253}),
        ("10.0.0.0/8 realms 5/cosmos", {"realms": Realms(destination=0, source=5)}),
        ("10.0.0.0/8 table 0x5", {"table": 5}),
        ("10.0.0.0/8 table local", {"table": 255}),
        ("10.0.0.0/8 table 99999999999", {"table": 1215752191}),
        ("10.0.0.0/8 protocol static no_track", {"protocol": 4, "no_track": True}),
        (
            "10.0.0.0/8 nexthop via 10.0.0.1 weight 5 nexthop via 10.0.0.2 oif lo onlink realms 7",
            {
                "next_hops": (
                    NextHop(gateway=A, weight=5),
                    NextHop(gateway=B, device="lo", onlink=True, realms=Realms(destination=7)),
                )
            },
        ),
        (
            "default nexthop via fd00::1",
            {
                "destination": Prefix(address=ipaddress.ip_address("::"), length=0),
                "next_hops": (NextHop(gateway=SIX),),
            },
        ),
        ("10.0.0.0/8 ttl-propagate enabled", {"ttl_propagate": True}),
        ("10.0.0.0/8 tos AF11", {"tos": 0x28}),
        ("10.0.0.0/8 tos 10 vrf blue", {"tos": 10, "vrf": "blue"}),
    ],
)
def test_lines_that_are_taken(text: str, fields: dict[str, Any]) -> None:
    assert static_route(statement(text)) == Route(**{"destination": TEN, **fields})


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("10.0.0.0/8 via", "missing-argument", 2),
        ("10.0.0.0/8 dev lo mtu lock", "missing-argument", 5),
        ("10.0.0.0/8 dev lo table foo", "meaning/unlisted-name", 4),
        ("via 10.0.0.1 dev lo", "incomplete", 0),
        ("10.0.0.0/8 dev lo foo", "bad-word", 3),
        ("via 10.0.0.1 default dev lo", "bad-address", 2),
        ("10.0.0.0/40 dev lo", "out-of-range", 0),
        ("10.0.0.0/8 gw 10.0.0.1", "deprecated", 1),
        ("10.0.0.0/8 via 10.0.0.1 or 10.0.0.2", "deprecated", 3),
        ("blackhole dev lo", "bad-address", 1),
        ("unicast dev lo", "bad-word", 1),
        ("local", "missing-argument", 1),
        ("10.0.0.0/8 dev lo mtu 0x5", "bad-number", 4),
        ("10.0.0.0/8 dev lo mtu -5", "out-of-range", 4),
        ("10.0.0.0/8 dev lo rtt 5x", "bad-word", 4),
        ("10.0.0.0/8 dev lo features foo", "bad-word", 4),
        ("10.0.0.0/8 dev lo quickack 2", "out-of-range", 4),
        ("10.0.0.0/8 dev lo pref high", "bad-address", 4),
        ("10.0.0.0/8 dev lo pref foo", "bad-number", 4),
        ("10.0.0.0/8 dev lo ttl-propagate foo", "bad-word", 4),
        ("10.0.0.0/8 dev lo hoplimit 256", "out-of-range", 4),
        ("10.0.0.0/8 dev lo expires 5", "bad-address", 4),
        ("10.0.0.0/8 dev lo as to 10.0.0.1", "bad-word", 5),
        ("10.0.0.0/8 dev lo encap foo", "bad-word", 4),
        ("10.0.0.0/8 dev lo scope foo", "meaning/unlisted-name", 4),
        ("10.0.0.0/8 dev lo scope 256", "out-of-range", 4),
        ("10.0.0.0/8 dev lo src 10.0.0.5/32", "bad-address", 4),
        ("10.0.0.0/8 dev lo src fd00::1", "bad-address", 4),
        ("10.0.0.0/8 dev lo from 10.0.0.0/8", "bad-address", 4),
        ("fd00::/8 realms 5", "bad-address", 2),
        ("inet 10.0.0.0/8 dev lo", "incomplete", 0),
        ("10.0.0.0/8 inet6 x", "bad-address", 1),
        ("10.0.0.0/8 dev lo window lock 5", "bad-number", 4),
        ("to x dev lo", "bad-address", 1),
    ],
)
def test_lines_that_are_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        static_route(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("10.0.0.0/8 gw 10.0.0.1", Route(destination=TEN, gateway=A)),
        (
            "10.0.0.0/8 via 10.0.0.1 or 10.0.0.2",
            Route(destination=TEN, gateway=A, next_hops=(NextHop(gateway=B),)),
        ),
        ("10.0.0.0/40 dev lo", Route(destination=Prefix(address=TEN.address, length=32), device="lo")),
        ("10.0.0.0/8 dev lo features foo", Route(destination=TEN, device="lo")),
        ("10.0.0.0/8 as to 10.0.0.1", Route(destination=TEN)),
        ("10.0.0.0/8 nexthop via 10.0.0.1 metric 5", Route(destination=TEN, next_hops=(NextHop(gateway=A),))),
    ],
)
def test_what_stays_of_lines_with_something_wrong(text: str, kept: Route) -> None:
    with pytest.raises(RefusedLineError) as caught:
        static_route(statement(text))
    assert caught.value.instead == kept


def test_virtual_routes_have_no_group_and_misspelt_words_are_told() -> None:
    assert virtual_route(statement("10.0.0.0/8 dev lo")) == Route(destination=TEN, device="lo")
    with pytest.raises(RefusedLineError, match="'track_group' is no option"):
        virtual_route(statement("10.0.0.0/8 dev lo track_group g"))
    with pytest.raises(RefusedLineError) as caught:
        virtual_route(statement("10.0.0.0/8 dve lo"))
    assert caught.value.hint == "did you mean 'dev'?"


def test_a_group_follows_the_interface_of_the_route() -> None:
    named = static_route(statement("10.0.0.0/8 dev lo track_group g"))
    assert named == Route(destination=TEN, device="lo", track_group="g")
    with pytest.raises(RefusedLineError, match="names no interface") as caught:
        static_route(statement("10.0.0.0/8 track_group g"))
    assert (caught.value.code, caught.value.index) == ("bad-word", 2)
    assert caught.value.instead == Route(destination=TEN)
