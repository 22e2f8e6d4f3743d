# SPDX-License-Identifier: Apache-2.0
"""Hypothesis: addresses, routes and rules with all their options, and the line that says each address."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies

from bascule.model.base import IPAddress
from bascule.model.configuration import FOREVER, VirtualAddress
from bascule.model.routing import (
    Encapsulation,
    EncapsulationKind,
    MetricKind,
    NextHop,
    Prefix,
    Realms,
    Route,
    RouteMetric,
    RoutePlace,
    RouteType,
    Rule,
    RuleAction,
)

Values = strategies.SearchStrategy

BYTES = strategies.integers(1, 255)
NUMBERS = strategies.integers(0, 2**32 - 1)
NAMES = strategies.sampled_from(["eth0", "eth1.100", "bond0"])
GROUPS = strategies.sampled_from(["blue", "green"])
YES = strategies.booleans()


def addresses(family: int) -> Values[IPAddress]:
    """Of a family, no host bits set below the last byte."""
    start = int(ipaddress.ip_address("10.0.0.0" if family == 4 else "2001:db8::"))
    return BYTES.map(lambda number: ipaddress.ip_address(start + number))


def prefixes(family: int) -> Values[Prefix]:
    """Networks with host bits, too, and everything."""
    bits = 32 if family == 4 else 128
    nothing = ipaddress.ip_address("0.0.0.0" if family == 4 else "::")
    named = strategies.builds(Prefix, address=addresses(family), length=strategies.integers(1, bits))
    return named | strategies.just(Prefix(address=nothing, length=0))


REALMS = strategies.builds(Realms, destination=BYTES, source=strategies.integers(0, 255))

_MAYBE_BYTE = strategies.none() | BYTES


def _wrapped(kind: EncapsulationKind, family: int) -> Values[Encapsulation]:
    return strategies.builds(
        Encapsulation,
        kind=strategies.just(kind),
        identifier=strategies.none() | NUMBERS,
        source=strategies.none() | addresses(family),
        destination=addresses(family),
        tos=_MAYBE_BYTE,
        ttl=_MAYBE_BYTE,
        flags=_MAYBE_BYTE,
    )


ENCAPSULATIONS: Values[Encapsulation] = strategies.one_of(
    _wrapped(EncapsulationKind.IP, 4),
    _wrapped(EncapsulationKind.IP6, 6),
    strategies.builds(
        Encapsulation,
        kind=strategies.just(EncapsulationKind.MPLS),
        labels=strategies.lists(strategies.integers(0, 2**20 - 1), min_size=1, max_size=3).map(tuple),
    ),
    strategies.builds(
        Encapsulation, kind=strategies.just(EncapsulationKind.ILA), locator=strategies.integers(0, 2**64 - 1)
    ),
)


def next_hops(family: int) -> Values[NextHop]:
    """Of a route of a family."""
    return strategies.builds(
        NextHop,
        gateway=addresses(family),
        device=strategies.none() | NAMES,
        weight=strategies.integers(1, 256),
        onlink=YES,
        realms=strategies.none() | REALMS,
        encapsulation=strategies.none() | ENCAPSULATIONS,
    )


@strategies.composite
def metrics(draw: strategies.DrawFn) -> tuple[RouteMetric, ...]:
    """Some, each kind once."""
    kinds = draw(strategies.sets(strategies.sampled_from(MetricKind), max_size=4))
    spans = {MetricKind.RTT: 8, MetricKind.RTTVAR: 4, MetricKind.RTO_MIN: 1}
    bits = {MetricKind.FEATURES, MetricKind.QUICKACK, MetricKind.FASTOPEN_NO_COOKIE}
    lockable = {MetricKind.MTU, MetricKind.ADVMSS, MetricKind.REORDERING, MetricKind.CWND, MetricKind.SSTHRESH}
    return tuple(
        RouteMetric(
            kind=kind,
            value=1 if kind in bits else draw(strategies.integers(200, 255)) * spans.get(kind, 1),
            locked=draw(YES) if kind in lockable or kind in spans else False,
        )
        for kind in sorted(kinds)
    )


def _some(draw: strategies.DrawFn, options: Mapping[str, Values[Any]]) -> dict[str, Any]:
    """Values of a few of some options, since each costs time to draw."""
    names = draw(strategies.lists(strategies.sampled_from(sorted(options)), unique=True, max_size=5))
    return {name: draw(options[name]) for name in names}


_ANY_ROUTE: dict[str, Values[Any]] = {
    "type": strategies.sampled_from([each for each in RouteType if each] + [77]),
    "table": NUMBERS,
    "vrf": NAMES,
    "device": NAMES,
    "tos": strategies.integers(0, 255),
    "protocol": BYTES,
    "scope": strategies.integers(0, 255),
    "metric": NUMBERS,
    "onlink": YES,
    "place": strategies.sampled_from(RoutePlace),
    "encapsulation": ENCAPSULATIONS,
    "metrics": metrics(),
    "congestion_control": strategies.just("cubic"),
    "ttl_propagate": YES,
    "no_track": YES,
}


def _route_options(family: int) -> dict[str, Values[Any]]:
    own: dict[str, Values[Any]] = (
        {"realms": REALMS}
        if family == 4
        else {"source": prefixes(6), "expires": NUMBERS, "preference": strategies.sampled_from([0, 1, 3])}
    )
    return {
        **_ANY_ROUTE,
        **own,
        "gateway": addresses(family),
        "preferred_source": addresses(family),
        "next_hops": strategies.lists(next_hops(family), max_size=2).map(tuple),
    }


_ROUTE_OPTIONS = {family: _route_options(family) for family in (4, 6)}


@strategies.composite
def routes(draw: strategies.DrawFn, static: bool = False) -> Route:
    """With a few of all options."""
    family = draw(strategies.sampled_from([4, 6]))
    values = _some(draw, _ROUTE_OPTIONS[family])
    if static and "device" in values:
        values["track_group"] = draw(strategies.none() | GROUPS)
    if "congestion_control" in values:
        values["congestion_control_locked"] = draw(YES)
    return Route(destination=draw(prefixes(family)), **values)


_PORTS = strategies.tuples(BYTES, BYTES)
_ANY_RULE: dict[str, Values[Any]] = {
    "invert": YES,
    "tos": strategies.integers(0, 255),
    "mark": NUMBERS,
    "incoming": NAMES,
    "outgoing": NAMES,
    "ip_protocol": strategies.integers(0, 255),
    "source_ports": _PORTS,
    "destination_ports": _PORTS,
    "users": strategies.tuples(NUMBERS, NUMBERS),
    "tunnel": NUMBERS,
    "protocol": BYTES,
    "no_track": YES,
}
_RULE_OPTIONS = {
    family: {**_ANY_RULE, "source": prefixes(family), "destination": prefixes(family)} for family in (4, 6)
}
_TABLE_OPTIONS: dict[str, Values[Any]] = {
    "table": strategies.integers(1, 2**32 - 1),
    "suppress_prefix_length": BYTES,
    "suppress_interface_group": BYTES,
}


@strategies.composite
def rules(draw: strategies.DrawFn, static: bool = False) -> Rule:
    """With any action and a few of all selectors."""
    family = draw(strategies.sampled_from([4, 6]))
    action = draw(strategies.sampled_from(RuleAction))
    values = _some(draw, _RULE_OPTIONS[family])
    if action is RuleAction.TABLE:
        values |= _some(draw, {**_TABLE_OPTIONS, **({"realms": REALMS} if family == 4 else {})})
    if static and "incoming" in values:
        values["track_group"] = draw(strategies.none() | GROUPS)
    if "mark" in values:
        values["mark_mask"] = draw(strategies.none() | NUMBERS)
    goto = 2**32 - 1 if action is RuleAction.GOTO else None
    return Rule(family=family, action=action, goto=goto, priority=draw(strategies.integers(0, 2**32 - 2)), **values)


_ADDRESS_OPTIONS: dict[str, Values[Any]] = {
    "device": NAMES,
    "home": YES,
    "detect_duplicates": YES,
    "mngtmpaddr": YES,
    "noprefixroute": YES,
    "autojoin": YES,
    "no_track": YES,
}
_OPTIONS_OF: dict[int, dict[str, Values[Any]]] = {
    4: {
        **_ADDRESS_OPTIONS,
        "label": strategies.just("eth0:1"),
        "scope": strategies.integers(0, 255),
        "broadcast": addresses(4),
        "peer": addresses(4),
    },
    6: {**_ADDRESS_OPTIONS, "preferred_lifetime": NUMBERS, "peer": addresses(6)},
}


@strategies.composite
def virtual_addresses(draw: strategies.DrawFn, address: IPAddress, static: bool = False) -> VirtualAddress:
    """An address with a few of all options."""
    values = _some(draw, _OPTIONS_OF[address.version])
    if "peer" in values:
        values["broadcast"] = None
    if static:
        values["track_group"] = draw(strategies.none() | GROUPS)
    else:
        values["use_vmac"] = draw(YES)
    length = draw(strategies.integers(0, address.max_prefixlen))
    return VirtualAddress(address=address, prefix_length=length, **values)


def address_line(address: VirtualAddress) -> str:
    """The line that says an address."""
    return " ".join(_address(address))


def _address(address: VirtualAddress) -> Iterator[str]:
    yield f"{address.address}/{address.prefix_length}"
    lifetime = address.preferred_lifetime
    for name, value in (
        ("dev", address.device),
        ("label", address.label),
        ("scope", address.scope if address.address.version == 4 else None),
        ("broadcast", address.broadcast),
        ("peer", address.peer),
        ("preferred_lft", "forever" if lifetime == FOREVER else lifetime),
        ("track_group", address.track_group),
    ):
        if value is not None:
            yield f"{name} {value}"
    for name, held in (
        ("home", address.home),
        ("-nodad", address.detect_duplicates),
        ("mngtmpaddr", address.mngtmpaddr),
        ("noprefixroute", address.noprefixroute),
        ("autojoin", address.autojoin),
        ("use_vmac", address.use_vmac),
        ("no_track", address.no_track),
    ):
        if held:
            yield name
