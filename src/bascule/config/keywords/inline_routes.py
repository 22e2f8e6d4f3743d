# SPDX-License-Identifier: Apache-2.0
"""The attributes of a route in `static_routes` and `virtual_routes` (names as in ip-route(8)).

Lines are judged as keepalived 2.2.7 does, in its order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bascule.config.keywords.inline import Scan, c_number
from bascule.config.keywords.inline_kinds import (
    DSFIELD,
    FAMILY_BITS,
    PROTOCOL,
    REALMS,
    SCOPE,
    TABLE,
    Leads,
    Network,
    Peer,
    RouterPreference,
    Span,
    fits,
)
from bascule.config.keywords.inline_nexthops import KINDS, VIA, encapsulation, next_hops
from bascule.config.kinds import INTERFACE, NAME, Integer, Kind, words
from bascule.config.schema import Block, Keyword, RefusedLineError
from bascule.model.routing import (
    KEEPALIVED_PROTOCOL,
    Encapsulation,
    MetricKind,
    NextHop,
    Route,
    RouteMetric,
    RoutePlace,
    RouteType,
)

if TYPE_CHECKING:
    from bascule.config.tree import Statement

TYPES = {
    **{each.name.lower(): each for each in RouteType if each},
    "brd": RouteType.BROADCAST,
}
_COUNT = Integer()
_LOCKED = Integer(shown="[lock] N")

_TRACK_GROUP = Keyword(
    "track_group",
    NAME,
    default="none",
    acted=True,
    meaning="instances of this group follow the interface of the route",
)

_SHARED = (
    Keyword(
        "to",
        Network("NETWORK|default"),
        default="required",
        acted=True,
        meaning="where the route leads; the word may be left out",
    ),
    Keyword("src", Peer("ADDRESS"), default="none", acted=True, meaning="preferred source address"),
    Keyword("as", Peer("[to] ADDRESS"), default="none", meaning="new destination; keepalived ignores it"),
    Keyword("via", VIA, default="none", acted=True, meaning="next router"),
    Keyword("gw", VIA, value="via", old="is an old name of 'via'", default="none", acted=True, meaning="next router"),
    Keyword("from", Network("NETWORK"), default="any", acted=True, meaning="source of the packets; IPv6 only"),
    Keyword("tos", DSFIELD, default="0", acted=True, meaning="type of service of the packets"),
    Keyword("dsfield", DSFIELD, value="tos", default="0", acted=True, meaning="type of service of the packets"),
    Keyword("table", TABLE, default="main", acted=True, meaning="routing table that gets the route"),
    Keyword(
        "protocol", PROTOCOL, default="keepalived", acted=True, meaning="who the kernel notes as the route's origin"
    ),
    Keyword("scope", SCOPE, default="global", acted=True, meaning="how far the destination is; IPv4 only"),
    Keyword("metric", _COUNT, default="the kernel's", acted=True, meaning="the lower, the better the route"),
    Keyword(
        "priority",
        _COUNT,
        value="metric",
        default="the kernel's",
        acted=True,
        meaning="the lower, the better the route",
    ),
    Keyword(
        "preference",
        _COUNT,
        value="metric",
        default="the kernel's",
        acted=True,
        meaning="the lower, the better the route",
    ),
    Keyword("dev", INTERFACE, default="none", acted=True, meaning="interface that packets leave by"),
    Keyword("oif", INTERFACE, value="dev", default="none", acted=True, meaning="interface that packets leave by"),
    Keyword("onlink", default="off", acted=True, meaning="the next router is on the link, whatever the addresses say"),
    Keyword("encap", KINDS, default="none", acted=True, meaning="encapsulation, followed by its own options"),
    Keyword("expires", _COUNT, default="never", unit="seconds", acted=True, meaning="when the route ends; IPv6 only"),
    Keyword(
        "mtu",
        _LOCKED,
        default="the interface's",
        unit="bytes",
        acted=True,
        meaning="largest packet; lock: no discovery of less",
    ),
    Keyword("hoplimit", Integer(0, 255), default="the interface's", acted=True, meaning="hop limit of packets sent"),
    Keyword(
        "advmss", _LOCKED, default="the kernel's", unit="bytes", acted=True, meaning="segment size offered to TCP peers"
    ),
    Keyword(
        "rtt",
        Span(8),
        default="the kernel's",
        unit="1/8 ms unless given",
        acted=True,
        meaning="first guess of the round trip",
    ),
    Keyword(
        "rttvar",
        Span(4),
        default="the kernel's",
        unit="1/4 ms unless given",
        acted=True,
        meaning="first guess of its variance",
    ),
    Keyword(
        "reordering",
        _LOCKED,
        default="the kernel's",
        acted=True,
        meaning="packets out of order before one counts as lost",
    ),
    Keyword(
        "window",
        _COUNT,
        default="the kernel's",
        unit="bytes",
        acted=True,
        meaning="largest window offered to TCP peers",
    ),
    Keyword(
        "cwnd",
        _LOCKED,
        default="the kernel's",
        unit="packets",
        acted=True,
        meaning="upper bound of the congestion window",
    ),
    Keyword(
        "ssthresh", _LOCKED, default="the kernel's", unit="packets", acted=True, meaning="first slow start threshold"
    ),
    Keyword(
        "realms",
        REALMS,
        default="none",
        acted=True,
        meaning="realm of the destination, or of source and destination; IPv4 only",
    ),
    Keyword(
        "rto_min",
        Span(1),
        default="the kernel's",
        unit="ms unless given",
        acted=True,
        meaning="shortest retransmission timeout",
    ),
    Keyword("initcwnd", _COUNT, default="the kernel's", unit="packets", acted=True, meaning="first congestion window"),
    Keyword(
        "initrwnd", _COUNT, default="the kernel's", unit="packets", acted=True, meaning="first receive window offered"
    ),
    Keyword(
        "features",
        words("ecn"),
        default="none",
        acted=True,
        meaning="TCP features of the route: congestion notification",
    ),
    Keyword("quickack", Integer(0, 1), default="0", acted=True, meaning="acknowledge at once"),
    Keyword("congctl", Kind("[lock] NAME"), default="the kernel's", acted=True, meaning="congestion control of TCP"),
    Keyword(
        "pref", RouterPreference("low|medium|high|N"), default="medium", acted=True, meaning="among routers; IPv6 only"
    ),
    Keyword(
        "ttl-propagate",
        words("enabled|disabled"),
        default="the kernel's",
        acted=True,
        meaning="MPLS: carry the TTL over",
    ),
    Keyword("fastopen_no_cookie", Integer(0, 1), default="0", acted=True, meaning="TCP fast open without a cookie"),
    Keyword("add", default="prepend", acted=True, meaning="add the route; fails if it is there"),
    Keyword("prepend", default="prepend", acted=True, meaning="put the route before its likes"),
    Keyword("append", default="prepend", acted=True, meaning="put the route after its likes"),
    Keyword(
        "or",
        Peer("ADDRESS"),
        value="nexthop",
        old="is an old way to write 'nexthop'",
        default="none",
        acted=True,
        meaning="second next router",
    ),
    Keyword(
        "nexthop",
        default="none",
        acted=True,
        meaning="one of several next routers: via, dev, weight, onlink, realms, encap",
    ),
    Keyword("no_track", default="off", acted=True, meaning="removal of the route by others is no fault"),
    Keyword(
        "no-track",
        value="no_track",
        legacy="is the spelling of keepalived 2.0.0 to 2.0.2, for which later ones skip the line; read as no_track",
        default="off",
        acted=True,
        meaning="the first spelling of no_track",
    ),
    Keyword("vrf", INTERFACE, default="none", acted=True, meaning="the table of this VRF gets the route"),
    Keyword("blackhole", Network("NETWORK"), acted=True, meaning="drop packets in silence"),
    Keyword("unreachable", Network("NETWORK"), acted=True, meaning="answer packets with 'host unreachable'"),
    Keyword("prohibit", Network("NETWORK"), acted=True, meaning="answer packets with 'prohibited'"),
    Keyword("throw", Network("NETWORK"), acted=True, meaning="end the search in this table"),
)

VIRTUAL = Block("virtual_routes", *_SHARED)
STATIC = Block("static_routes", *_SHARED, _TRACK_GROUP)

_KEEPS = frozenset({"features", "ttl-propagate", "as", "track_group"})
_SIX = frozenset({"expires", "pref"})
_TYPED = frozenset({"blackhole", "unreachable", "prohibit", "throw"})
_PLACES = frozenset({"add", "prepend", "append"})
_METRICS = {kind.name.lower(): kind for kind in MetricKind}


def virtual_route(statement: Statement) -> Route:
    """A line of `virtual_routes`."""
    return _Line(statement, VIRTUAL).read()


def static_route(statement: Statement) -> Route:
    """A line of `static_routes`."""
    return _Line(statement, STATIC).read()


class _Line:
    """One line, and the address family that its words have agreed on so far."""

    def __init__(self, statement: Statement, options: Block) -> None:
        self.scan = Scan(statement, options, 0)
        self.family: int | None = None
        self.destination: Leads | None = None
        self.type = 1
        self.place = RoutePlace.PREPEND
        self.source: Leads | None = None
        self.encapsulation: Encapsulation | None = None
        self.hops: list[NextHop] = []

    def read(self) -> Route:
        self.scan.run(self._stray, _KEEPS, self._after)
        if self.destination is None:
            self.scan.drop("incomplete", 0, "the route has no destination", "write 'NETWORK via ADDRESS dev INTERFACE'")
        values = self.scan.values
        if "track_group" in values and "dev" not in values:
            at = self.scan.where["track_group"]
            message = "a route that names no interface has no track group: the option is ignored"
            self.scan.note("bad-word", at, message, since=at - 1)
            del values["track_group"]
        value = self.scan.finish(self._route(self.destination))
        assert isinstance(value, Route)
        return value

    def _route(self, destination: Leads) -> Route:
        get = self.scan.values.get
        return Route(
            destination=destination.of(self.family),
            type=self.type,
            table=get("table"),
            vrf=get("vrf"),
            gateway=get("via"),
            device=get("dev"),
            next_hops=tuple(self.hops),
            preferred_source=get("src"),
            source=self.source.of(6) if self.source is not None else None,
            tos=get("tos", 0),
            protocol=get("protocol", KEEPALIVED_PROTOCOL),
            scope=get("scope", 0),
            metric=get("metric"),
            onlink="onlink" in self.scan.values,
            place=self.place,
            encapsulation=self.encapsulation,
            metrics=tuple(self._metrics()),
            congestion_control=get("congctl"),
            congestion_control_locked="congctl" in self.scan.values and self._locked("congctl"),
            realms=get("realms"),
            expires=get("expires"),
            preference=get("pref"),
            ttl_propagate=get("ttl-propagate", "") == "enabled" if "ttl-propagate" in self.scan.values else None,
            no_track="no_track" in self.scan.values,
            track_group=get("track_group"),
        )

    def _metrics(self) -> Iterator[RouteMetric]:
        for name, kind in _METRICS.items():
            if name in self.scan.values:
                value = 1 if kind is MetricKind.FEATURES else self.scan.values[name]
                yield RouteMetric(kind=kind, value=value, locked=self._locked(name))

    def _locked(self, name: str) -> bool:
        return self.scan.words[self.scan.where[name]] == "lock"

    def _after(self, scan: Scan, option: Keyword, value: Any) -> None:
        name = option.value
        at = scan.index - 1
        if name == "nexthop":
            self.hops += next_hops(scan, self.family) if option.name == name else (NextHop(gateway=value),)
            gateways = [hop.gateway.version for hop in self.hops if hop.gateway is not None]
            self.family = self.family or (gateways[0] if gateways else None)
        elif name == "encap":
            self.encapsulation = encapsulation(scan, value)
        elif name == "as":
            since = at - 2 if scan.words[at - 1] == "to" else at - 1
            scan.note("bad-word", at, "'as' is ignored by keepalived", since=since)
        elif name in _PLACES:
            self.place = RoutePlace(name)
        elif name in ("src", "via"):
            self._agree(value.version, at)
        elif name == "to" or name in _TYPED:
            self.type = TYPES.get(name, self.type)
            self._leads(value, at)
        elif name == "from":
            if value.family != 6:
                scan.drop("bad-address", at, "only an IPv6 route has a source ('from')")
            self.source = value
            self._agree(6, at)
        elif name in _SIX or name == "realms":
            self._agree(4 if name == "realms" else 6, at)

    def _agree(self, family: int | None, index: int) -> None:
        """A route is of one family."""
        if self.family is not None and family != self.family:
            self.scan.drop(
                "bad-address", index, f"the route is an IPv{self.family} route before '{self.scan.words[index]}'"
            )
        self.family = family

    def _leads(self, value: Leads, index: int) -> None:
        self._agree(value.family, index)
        self.destination = value
        judge_length(self.scan, value, index)

    def _stray(self, scan: Scan) -> None:
        """A family, a type, or the destination without `to`."""
        word = scan.words[scan.index]
        if word in ("inet", "inet6"):
            self._agree(int(word[4:] or 4), scan.index)
            scan.index += 1
            if scan.index < len(scan.words) and scan.words[scan.index] not in scan.options.table:
                scan.index += 1  # keepalived skips the word after it; an option is read as it is meant.
            return
        number = c_number(word)
        if word in TYPES or (number is not None and number <= 255 and not word.startswith("-")):
            self.type = TYPES.get(word, number or 0)
            scan.index += 1
        at = scan.index
        try:
            value = scan.word(_NETWORK, "to")
        except RefusedLineError as refusal:
            if refusal.code == "missing-argument":
                raise
            wrong = scan.words[at]
            scan.drop("bad-word", at, f"'{wrong}' is no option of a route and no network", scan.nearest(wrong))
        self._leads(value, at)


_NETWORK = Network("NETWORK")


def judge_length(scan: Scan, value: Leads, index: int) -> None:
    """A length behind the network at word `index` is one for its family, or said to be none."""
    _, slash, length = scan.words[index].partition("/")
    bits = FAMILY_BITS.get(value.family or 0)
    if bits and slash and not fits(length, bits):
        scan.note("out-of-range", index, f"'{length}' is no prefix length: {bits} is used")
