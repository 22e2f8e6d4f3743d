# SPDX-License-Identifier: Apache-2.0
"""The attributes of a route in `static_routes` and `virtual_routes` (names as in ip-route(8)).

Lines are judged as keepalived 2.2.7 does, in its order, and kept as they stand. What follows `encap` and `nexthop` is
not judged.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from bascule.config.keywords.inline import Listed, Scan, c_number
from bascule.config.keywords.inline_addresses import Peer
from bascule.config.kinds import INTERFACE, NAME, UINT_MAX, Integer, Kind, Pattern, RefusedWordError, words
from bascule.config.schema import Block, Keyword, RefusedLineError

if TYPE_CHECKING:
    from bascule.config.tree import Statement

TYPES = (
    *("local", "nat", "broadcast", "brd", "anycast", "multicast"),
    *("prohibit", "unreachable", "blackhole", "xresolve", "unicast", "throw"),
)
_ANYWHERE = ("default", "any", "all")


class Network(Kind):
    """What a route leads to: `default`, or an address with or without a length. Its value is its family; None = any."""

    def parse(self, word: str) -> int | None:
        """4, 6 or None."""
        if word in _ANYWHERE:
            return None
        if word == "default6":
            return 6
        try:
            return ipaddress.ip_address(word.partition("/")[0]).version
        except ValueError:
            raise RefusedWordError("bad-address", f"'{word}' is not an address or network") from None


DSFIELD = Listed(
    "TOS",
    "default AF11 AF12 AF13 AF21 AF22 AF23 AF31 AF32 AF33 AF41 AF42 AF43 CS1 CS2 CS3 CS4 CS5 CS6 CS7 EF",
    255,
    "rt_dsfield",
)
TABLE = Listed("TABLE", "unspec default main local", UINT_MAX, "rt_tables")
PROTOCOL = Listed(
    "PROTOCOL",
    "unspec none redirect kernel boot static gated ra mrt zebra bird dnrouted xorp ntk dhcp keepalived babel openr bgp "
    "isis ospf rip eigrp",
    255,
    "rt_protos",
)
SCOPE = Listed("SCOPE", "global nowhere host link site", 255, "rt_scopes")


class Realms(Kind):
    """One realm, or two with a slash between."""

    def parse(self, word: str) -> str:
        """The word as it stands."""
        for part in word.split("/", 1):
            _REALM.parse(part)
        return word


_REALM = Listed("REALM", "cosmos", 255, "rt_realms")
REALMS = Realms("REALM[/REALM]")
_COUNT = Integer()
_LOCKED = Integer(shown="[lock] N")
_TIME = Pattern(r"\+?(\d+\.?\d*|\.\d+)([mM]?[sS]([eE][cC][sS]?)?)?", "[lock] TIME", "a time such as 200, 200ms or 0.2s")
_VIA = Peer("[inet|inet6] ADDRESS")


class Preference(Kind):
    """A router preference by its name or number."""

    def parse(self, word: str) -> str:
        """The word as it stands."""
        if word not in ("low", "medium", "high"):
            Integer(0, 255).parse(word)
        return word


_TRACK_GROUP = Keyword(
    "track_group", NAME, default="none", meaning="instances of this group fault when the route is removed"
)

_SHARED = (
    Keyword(
        "to", Network("NETWORK|default"), default="required", meaning="where the route leads; the word may be left out"
    ),
    Keyword("src", Peer("ADDRESS"), default="none", meaning="preferred source address"),
    Keyword("as", Peer("[to] ADDRESS"), default="none", meaning="new destination; keepalived ignores it"),
    Keyword("via", _VIA, default="none", meaning="next router"),
    Keyword("gw", _VIA, value="via", old="is an old name of 'via'", default="none", meaning="next router"),
    Keyword("from", Network("NETWORK"), default="any", meaning="source of the packets; IPv6 only"),
    Keyword("tos", DSFIELD, default="0", meaning="type of service of the packets"),
    Keyword("dsfield", DSFIELD, value="tos", default="0", meaning="type of service of the packets"),
    Keyword("table", TABLE, default="main", meaning="routing table that gets the route"),
    Keyword("protocol", PROTOCOL, default="keepalived", meaning="who the kernel notes as the route's origin"),
    Keyword("scope", SCOPE, default="global", meaning="how far the destination is; IPv4 only"),
    Keyword("metric", _COUNT, default="the kernel's", meaning="the lower, the better the route"),
    Keyword("priority", _COUNT, value="metric", default="the kernel's", meaning="the lower, the better the route"),
    Keyword("preference", _COUNT, value="metric", default="the kernel's", meaning="the lower, the better the route"),
    Keyword("dev", INTERFACE, default="none", meaning="interface that packets leave by"),
    Keyword("oif", INTERFACE, value="dev", default="none", meaning="interface that packets leave by"),
    Keyword("onlink", default="off", meaning="the next router is on the link, whatever the addresses say"),
    Keyword("encap", words("ip|ip6|mpls|ila"), default="none", meaning="encapsulation, followed by its own options"),
    Keyword("expires", _COUNT, default="never", unit="seconds", meaning="when the route ends; IPv6 only"),
    Keyword(
        "mtu", _LOCKED, default="the interface's", unit="bytes", meaning="largest packet; lock: no discovery of less"
    ),
    Keyword("hoplimit", Integer(0, 255), default="the interface's", meaning="hop limit of packets sent"),
    Keyword("advmss", _LOCKED, default="the kernel's", unit="bytes", meaning="segment size offered to TCP peers"),
    Keyword("rtt", _TIME, default="the kernel's", unit="1/8 ms unless given", meaning="first guess of the round trip"),
    Keyword("rttvar", _TIME, default="the kernel's", unit="1/4 ms unless given", meaning="first guess of its variance"),
    Keyword("reordering", _LOCKED, default="the kernel's", meaning="packets out of order before one counts as lost"),
    Keyword("window", _COUNT, default="the kernel's", unit="bytes", meaning="largest window offered to TCP peers"),
    Keyword("cwnd", _LOCKED, default="the kernel's", unit="packets", meaning="upper bound of the congestion window"),
    Keyword("ssthresh", _LOCKED, default="the kernel's", unit="packets", meaning="first slow start threshold"),
    Keyword(
        "realms", REALMS, default="none", meaning="realm of the destination, or of source and destination; IPv4 only"
    ),
    Keyword(
        "rto_min", _TIME, default="the kernel's", unit="ms unless given", meaning="shortest retransmission timeout"
    ),
    Keyword("initcwnd", _COUNT, default="the kernel's", unit="packets", meaning="first congestion window"),
    Keyword("initrwnd", _COUNT, default="the kernel's", unit="packets", meaning="first receive window offered"),
    Keyword("features", words("ecn"), default="none", meaning="TCP features of the route: congestion notification"),
    Keyword("quickack", Integer(0, 1), default="0", meaning="acknowledge at once"),
    Keyword("congctl", Kind("[lock] NAME"), default="the kernel's", meaning="congestion control of TCP"),
    Keyword("pref", Preference("low|medium|high|N"), default="medium", meaning="preference among routers; IPv6 only"),
    Keyword("ttl-propagate", words("enabled|disabled"), default="the kernel's", meaning="MPLS: carry the TTL over"),
    Keyword("fastopen_no_cookie", Integer(0, 1), default="0", meaning="TCP fast open without a cookie"),
    Keyword("add", default="prepend", meaning="add the route; fails if it is there"),
    Keyword("prepend", default="prepend", meaning="put the route before its likes"),
    Keyword("append", default="prepend", meaning="put the route after its likes"),
    Keyword(
        "or",
        Peer("ADDRESS"),
        value="nexthop",
        old="is an old way to write 'nexthop'",
        default="none",
        meaning="second next router",
    ),
    Keyword("nexthop", default="none", meaning="one of several next routers: via, dev, weight, onlink, realms, encap"),
    Keyword("no_track", default="off", meaning="removal of the route by others is no fault"),
    Keyword("no-track", value="no_track", later=True, default="off", meaning="another way to write no_track"),
    Keyword("vrf", INTERFACE, default="none", meaning="the table of this VRF gets the route"),
    Keyword("blackhole", Network("NETWORK"), meaning="drop packets in silence"),
    Keyword("unreachable", Network("NETWORK"), meaning="answer packets with 'host unreachable'"),
    Keyword("prohibit", Network("NETWORK"), meaning="answer packets with 'prohibited'"),
    Keyword("throw", Network("NETWORK"), meaning="end the search in this table"),
)

VIRTUAL = Block("virtual_routes", *_SHARED)
STATIC = Block("static_routes", *_SHARED, _TRACK_GROUP)

_KEEPS = frozenset({"features", "ttl-propagate", "encap", "as", "track_group"})
_SIX = frozenset({"expires", "pref"})
_TYPED = frozenset({"blackhole", "unreachable", "prohibit", "throw"})


def virtual_route(statement: Statement) -> tuple[str, ...]:
    """A line of `virtual_routes`, as it stands."""
    return _Route(statement, VIRTUAL).read()


def static_route(statement: Statement) -> tuple[str, ...]:
    """A line of `static_routes`, as it stands."""
    return _Route(statement, STATIC).read()


class _Route:
    """One line, and the address family that its words have agreed on so far."""

    def __init__(self, statement: Statement, options: Block) -> None:
        self.scan = Scan(statement, options, 0)
        self.family: int | None = None
        self.destination = False

    def read(self) -> tuple[str, ...]:
        self.scan.run(self._stray, _KEEPS, self._after)
        if not self.destination:
            self.scan.drop("incomplete", 0, "the route has no destination", "write 'NETWORK via ADDRESS dev INTERFACE'")
        value = self.scan.finish(self.scan.words)
        assert isinstance(value, tuple)
        return value

    def _after(self, scan: Scan, option: Keyword, value: Any) -> None:
        name = option.value
        if option.name in ("nexthop", "encap"):
            scan.index = len(scan.words)
            self.destination = True  # It may stand in what is not judged.
        elif name == "as":
            since = scan.index - 3 if scan.words[scan.index - 2] == "to" else scan.index - 2
            scan.note("bad-word", scan.index - 1, "'as' is ignored by keepalived", since=since)
        elif name in ("src", "via"):
            self._agree(value.version, scan.index - 1)
        elif name == "to" or name in _TYPED:
            self._leads(value, scan.index - 1)
        elif name == "from":
            if value != 6:
                scan.drop("bad-address", scan.index - 1, "only an IPv6 route has a source ('from')")
            self._agree(value, scan.index - 1)
        elif name in _SIX:
            self._agree(6, scan.index - 1)
        elif name == "realms":
            self._agree(4, scan.index - 1)

    def _agree(self, family: int | None, index: int) -> None:
        """A route is of one family."""
        if self.family is not None and family != self.family:
            self.scan.drop(
                "bad-address", index, f"the route is an IPv{self.family} route before '{self.scan.words[index]}'"
            )
        self.family = family

    def _leads(self, family: int | None, index: int) -> None:
        word = self.scan.words[index]
        self._agree(family, index)
        self.destination = True
        bits = {4: 32, 6: 128}.get(family or 0)
        length = word.partition("/")[2]
        if bits and "/" in word and not (length.isascii() and length.isdigit() and int(length) <= bits):
            self.scan.note("out-of-range", index, f"'{length}' is no prefix length: {bits} is used")

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
            scan.index += 1
        at = scan.index
        try:
            family = scan.word(_NETWORK, "to")
        except RefusedLineError as refusal:
            if refusal.code == "missing-argument":
                raise
            wrong = scan.words[at]
            scan.drop("bad-word", at, f"'{wrong}' is no option of a route and no network", scan.nearest(wrong))
        self._leads(family, at)


_NETWORK = Network("NETWORK")
