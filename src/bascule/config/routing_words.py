# SPDX-License-Identifier: Apache-2.0
"""Routes and rules as one line each, in the words of the configuration language; names that were numbers stay numbers.

For people: what a canonical file says of them are the words of the file (bascule.config.canonical).
"""

from __future__ import annotations

from collections.abc import Iterator

from bascule.model.routing import (
    KEEPALIVED_PROTOCOL,
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


def route_in_words(route: Route) -> str:
    """The route as a line of `virtual_routes`."""
    return " ".join(_route(route))


def rule_in_words(rule: Rule) -> str:
    """The rule as a line of `virtual_rules`."""
    return " ".join(_rule(rule))


def _options(*pairs: tuple[str, object]) -> Iterator[str]:
    """Each option that is there: alone if it is a switch, else with its value."""
    for name, value in pairs:
        if value is True:
            yield name
        elif value is not None and value is not False:
            yield f"{name} {value}"


def _route(route: Route) -> Iterator[str]:
    if route.type != RouteType.UNICAST:
        names = {int(each): each.name.lower() for each in RouteType if each}
        yield names.get(route.type, str(route.type))
    yield _prefix(route.destination)
    yield from _options(
        ("from", route.source and _prefix(route.source)),
        ("via", route.gateway),
        ("dev", route.device),
        ("src", route.preferred_source),
        ("metric", route.metric),
        ("table", route.table),
        ("vrf", route.vrf),
        ("scope", route.scope or None),
        ("protocol", route.protocol if route.protocol != KEEPALIVED_PROTOCOL else None),
        ("tos", route.tos or None),
        ("onlink", route.onlink),
        (route.place.value, route.place is not RoutePlace.PREPEND),
        ("realms", route.realms and _realms(route.realms)),
        ("expires", route.expires),
        ("pref", None if route.preference is None else _PREFERENCES.get(route.preference, route.preference)),
        ("ttl-propagate", _PROPAGATION[route.ttl_propagate]),
        *((each.kind.name.lower(), _metric(each)) for each in route.metrics),
        ("congctl", route.congestion_control and _lock(route.congestion_control_locked) + route.congestion_control),
        ("encap", route.encapsulation and _encapsulation(route.encapsulation)),
        ("no_track", route.no_track),
        ("track_group", route.track_group),
    )
    yield from (f"nexthop {_next_hop(hop)}".rstrip() for hop in route.next_hops)


_PREFERENCES = {3: "low", 0: "medium", 1: "high"}
_PROPAGATION = {None: None, True: "enabled", False: "disabled"}


def _prefix(prefix: Prefix) -> str:
    if prefix.length == 0 and int(prefix.address) == 0:
        return "default" if prefix.address.version == 4 else "default6"
    return str(prefix)


def _realms(realms: Realms) -> str:
    return f"{realms.source}/{realms.destination}" if realms.source else str(realms.destination)


def _lock(locked: bool) -> str:
    return "lock " if locked else ""


_SCALES = {MetricKind.RTT: 8, MetricKind.RTTVAR: 4, MetricKind.RTO_MIN: 1}
"""Units of the kernel in a millisecond."""


def _metric(metric: RouteMetric) -> str:
    if metric.kind is MetricKind.FEATURES:
        return f"{_lock(metric.locked)}ecn"
    scale = _SCALES.get(metric.kind)
    value = str(metric.value) if scale is None else f"{metric.value / scale:.10g}ms"
    return _lock(metric.locked) + value


def _next_hop(hop: NextHop) -> str:
    return " ".join(
        _options(
            ("via", hop.gateway),
            ("dev", hop.device),
            ("weight", hop.weight if hop.weight != 1 else None),
            ("onlink", hop.onlink),
            ("realms", hop.realms and _realms(hop.realms)),
            ("encap", hop.encapsulation and _encapsulation(hop.encapsulation)),
        )
    )


def _encapsulation(encapsulation: Encapsulation) -> str:
    kind = encapsulation.kind
    if kind is EncapsulationKind.MPLS:
        return f"mpls {'/'.join(map(str, encapsulation.labels))}"
    if kind is EncapsulationKind.ILA:
        digits = f"{encapsulation.locator or 0:016x}"
        return f"ila {':'.join(digits[index : index + 4] for index in range(0, 16, 4))}"
    tos, ttl = ("tos", "ttl") if kind is EncapsulationKind.IP else ("tc", "hoplimit")
    options = _options(
        ("id", encapsulation.identifier),
        ("src", encapsulation.source),
        ("dst", encapsulation.destination),
        (tos, encapsulation.tos),
        (ttl, encapsulation.ttl),
        ("flags", encapsulation.flags),
    )
    return " ".join([kind.name.lower(), *options])


def _rule(rule: Rule) -> Iterator[str]:
    yield from _options(
        ("inet6", rule.family == 6),
        ("not", rule.invert),
        ("from", rule.source),
        ("to", rule.destination),
        ("tos", rule.tos or None),
        ("fwmark", _mark(rule)),
        ("iif", rule.incoming),
        ("oif", rule.outgoing),
        ("tunnel-id", rule.tunnel),
        ("uidrange", _bounds(rule.users)),
        ("ipproto", rule.ip_protocol),
        ("sport", _bounds(rule.source_ports)),
        ("dport", _bounds(rule.destination_ports)),
        ("priority", rule.priority),
        ("protocol", rule.protocol if rule.protocol != KEEPALIVED_PROTOCOL else None),
    )
    yield _action(rule)
    yield from _options(
        ("realms", rule.realms and _realms(rule.realms)),
        ("suppress_prefixlength", rule.suppress_prefix_length),
        ("suppress_ifgroup", rule.suppress_interface_group),
        ("no_track", rule.no_track),
        ("track_group", rule.track_group),
    )


def _action(rule: Rule) -> str:
    if rule.action is RuleAction.TABLE:
        return "l3mdev" if rule.table is None else f"table {rule.table}"
    return f"goto {rule.goto}" if rule.action is RuleAction.GOTO else rule.action.name.lower()


def _mark(rule: Rule) -> str | None:
    if rule.mark is None:
        return None
    return str(rule.mark) if rule.mark_mask is None else f"{rule.mark}/{rule.mark_mask}"


def _bounds(bounds: tuple[int, int] | None) -> str | None:
    return None if bounds is None else f"{bounds[0]}-{bounds[1]}"
