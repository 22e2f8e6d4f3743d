# SPDX-License-Identifier: Apache-2.0
"""The parts of a route that have options of their own: `nexthop` and `encap` (names as in ip-route(8)).

Judged as keepalived 2.2.7 does: a bad value costs an option of a next hop, but the whole route in an encapsulation, and
after the first `nexthop` there is nothing but next hops.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from bascule.config.keywords.inline import Scan, before
from bascule.config.keywords.inline_kinds import REALMS, Peer
from bascule.config.kinds import INTERFACE, Integer, Kind, RefusedWordError, words
from bascule.config.schema import Block, Keyword
from bascule.model.base import IPAddress
from bascule.model.routing import Encapsulation, EncapsulationKind, NextHop

VIA = Peer("[inet|inet6] ADDRESS")
KINDS = words("ip|ip6|mpls|ila")
_BYTE = Integer(0, 255)


class Address(Kind):
    """An address of one family."""

    def __init__(self, family: int) -> None:
        """4 or 6."""
        super().__init__("ADDRESS")
        self.family = family

    def parse(self, word: str) -> IPAddress:
        """The address."""
        try:
            address = ipaddress.ip_address(word)
        except ValueError:
            address = None
        if address is None or address.version != self.family:
            raise RefusedWordError("bad-address", f"'{word}' is not an IPv{self.family} address")
        return address


class Labels(Kind):
    """Labels of MPLS, slashes between."""

    def parse(self, word: str) -> tuple[int, ...]:
        """The labels."""
        labels = tuple(int(part) if re.fullmatch("[0-9]{1,7}", part) else LABEL_MAX for part in word.split("/"))
        if max(labels) >= LABEL_MAX:
            raise RefusedWordError("bad-word", f"'{word}' is not labels from 0 to {LABEL_MAX - 1} with '/' between")
        return labels


LABEL_MAX = 2**20


class Locator(Kind):
    """64 bits in four parts, as the first half of an IPv6 address."""

    def parse(self, word: str) -> int:
        """The number."""
        try:
            return int(ipaddress.IPv6Address(f"{word}::")) >> 64 if word.count(":") == 3 else _refuse_locator(word)
        except ValueError:
            return _refuse_locator(word)


def _refuse_locator(word: str) -> int:
    raise RefusedWordError("bad-word", f"'{word}' is not a locator such as 2001:db8:0:1")


NEXT_HOP = Block(
    "nexthop",
    Keyword("via", VIA),
    Keyword("dev", INTERFACE),
    Keyword("oif", INTERFACE, value="dev"),
    Keyword("weight", Integer(1, 256)),
    Keyword("onlink"),
    Keyword("encap", KINDS),
    Keyword("realms", REALMS),
    Keyword("as", Peer("[to] ADDRESS")),
)

_IP = Block(
    "ip",
    Keyword("id", Integer(0, 2**64 - 1)),
    Keyword("dst", Address(4)),
    Keyword("src", Address(4)),
    Keyword("tos", _BYTE),
    Keyword("ttl", _BYTE),
    Keyword("flags", Integer(0, 65535)),
)
_IP6 = Block(
    "ip6",
    Keyword("id", Integer(0, 2**64 - 1)),
    Keyword("dst", Address(6)),
    Keyword("src", Address(6)),
    Keyword("tc", _BYTE, value="tos"),
    Keyword("hoplimit", _BYTE, value="ttl"),
    Keyword("flags", Integer(0, 65535)),
)


def next_hops(scan: Scan, family: int | None) -> Iterator[NextHop]:
    """The next hops behind the word `nexthop`, which is behind the index, of a route of `family` as far as is known."""
    while True:
        hop = _next_hop(scan, family)
        yield hop
        if hop.gateway is not None:
            family = hop.gateway.version
        if scan.index >= len(scan.words):
            return
        if scan.words[scan.index] != "nexthop":
            word = scan.words[scan.index]
            scan.note("bad-word", scan.index, f"'{word}' is ignored: only next hops can stand here", scan.nearest(word))
            scan.index = len(scan.words)
            return
        scan.index += 1


def _next_hop(scan: Scan, family: int | None) -> NextHop:
    values: dict[str, Any] = {}
    wrapped: Encapsulation | None = None
    start = scan.index
    while more := scan.some(NEXT_HOP, stop=("encap",)):
        values |= more
        if "encap" in more:
            wrapped = encapsulation(scan, more["encap"])
    if "as" in values:
        at = scan.words.index("as", start)
        end = at + 1 + (scan.words[at + 1] == "to")
        scan.note("bad-word", end, "'as' is ignored by keepalived", since=at)
    gateway = values.get("via")
    if gateway is not None and family is not None and gateway.version != family:
        at = scan.words.index("via", start)
        end = at + 1 + (scan.words[at + 1] in before(VIA))
        scan.note("bad-address", end, f"'{gateway}' is not of the family of the route: it is ignored", since=at)
        gateway = None
    return NextHop(
        gateway=gateway,
        device=values.get("dev"),
        weight=values.get("weight", 1),
        onlink="onlink" in values,
        realms=values.get("realms"),
        encapsulation=wrapped,
    )


def encapsulation(scan: Scan, kind: str) -> Encapsulation:
    """What stands behind `encap KIND`. Raises RefusedLineError."""
    name = EncapsulationKind[kind.upper()]
    if kind == "mpls":
        return Encapsulation(kind=name, labels=scan.word(Labels("LABEL[/LABEL...]"), "encap mpls"))
    if kind == "ila":
        return Encapsulation(kind=name, locator=scan.word(Locator("LOCATOR"), "encap ila"))
    at = scan.index - 1
    values = scan.some(_IP if kind == "ip" else _IP6, strict=True)
    if "dst" not in values and "id" not in values:
        scan.drop("incomplete", at, f"'encap {kind}' needs 'dst ADDRESS' or 'id N'")
    return Encapsulation(
        kind=name,
        identifier=values.get("id"),
        source=values.get("src"),
        destination=values.get("dst"),
        tos=values.get("tos"),
        ttl=values.get("ttl"),
        flags=values.get("flags"),
    )
