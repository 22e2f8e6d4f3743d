# SPDX-License-Identifier: Apache-2.0
"""Kinds of arguments of addresses, routes and rules: networks, names that iproute2 lists, realms, times."""

from __future__ import annotations

import contextlib
import contextvars
import ipaddress
import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bascule.config.keywords.inline import c_number
from bascule.config.kinds import UINT_MAX, Integer, Kind, RefusedWordError
from bascule.model.base import IPAddress
from bascule.model.routing import Prefix, Realms

FAMILY_BITS = {4: 32, 6: 128}

_ANYWHERE = ("default", "any", "all")


UNLISTED = -1
"""What stands for a name that only a machine's own lists can say the number of."""

Names = Mapping[str, Mapping[str, int]]
"""By file (`rt_tables` and the like): the numbers of the names that a machine lists in it."""


_machine: contextvars.ContextVar[Names | None] = contextvars.ContextVar("_machine", default=None)


@contextlib.contextmanager
def with_names(names: Names | None) -> Iterator[None]:
    """Meanwhile names are those of a machine; None = offline, of no machine in particular."""
    before = _machine.set(names)
    try:
        yield
    finally:
        _machine.reset(before)


class Listed(Kind):
    """A number, or a name that iproute2 lists for it in a file (`rt_tables` and the like)."""

    def __init__(self, shown: str, names: Mapping[str, int], high: int, file: str) -> None:
        """`names` are those that iproute2 brings with it; `high` is the greatest number."""
        super().__init__(shown)
        self.names = names
        self.high = high
        self.file = file

    def parse(self, word: str) -> int:
        """The number."""
        number = c_number(word)
        if number is None:
            return self._named(word)
        if number & UINT_MAX > self.high:
            raise RefusedWordError("out-of-range", f"{word} is outside 0..{self.high}")
        return number & UINT_MAX

    def _named(self, word: str) -> int:
        here = _machine.get()
        number = (here or {}).get(self.file, {}).get(word, self.names.get(word))
        if number is not None and number <= self.high:
            return number
        if here is not None:
            message = f"'{word}' is no number and no name that iproute2 lists in {self.file} here"
            raise RefusedWordError("bad-word", message, "write its number")
        message = (
            f"'{word}' is a name that iproute2 does not bring with it: each director must list it in {self.file}, "
            "or the line counts for nothing"
        )
        raise RefusedWordError("meaning/unlisted-name", message, "write its number", instead=UNLISTED)


def _numbers(text: str) -> dict[str, int]:
    """Names with the number behind each."""
    words = text.split()
    return {name: int(number) for name, number in zip(words[::2], words[1::2], strict=True)}


DSFIELD = Listed(
    "TOS",
    {
        "default": 0,
        **{f"AF{group}{drop}": group << 5 | drop << 3 for group in range(1, 5) for drop in range(1, 4)},
        **{f"CS{group}": group << 5 for group in range(1, 8)},
        "EF": 0xB8,
    },
    255,
    "rt_dsfield",
)
TABLE = Listed("TABLE", {"unspec": 0, "default": 253, "main": 254, "local": 255}, UINT_MAX, "rt_tables")
PROTOCOL = Listed(
    "PROTOCOL",
    _numbers(
        "unspec 0 none 0 redirect 1 kernel 2 boot 3 static 4 gated 8 ra 9 mrt 10 zebra 11 bird 12 dnrouted 13 xorp 14 "
        "ntk 15 dhcp 16 keepalived 18 babel 42 openr 99 bgp 186 isis 187 ospf 188 rip 189 eigrp 192"
    ),
    255,
    "rt_protos",
)
SCOPE = Listed("SCOPE", {"global": 0, "nowhere": 255, "host": 254, "link": 253, "site": 200}, 255, "rt_scopes")


class Leads(NamedTuple):
    """What a network in a route or rule is."""

    family: int | None
    """None: of whatever family the rest of the line is."""
    prefix: Prefix | None
    """None: everything."""

    def of(self, family: int | None) -> Prefix:
        """The network, everything in `family` (else IPv4) where it names none."""
        return self.prefix or everything(self.family or family or 4)


def everything(family: int) -> Prefix:
    """The network of all addresses of a family."""
    return Prefix(address=ipaddress.ip_address("0.0.0.0" if family == 4 else "::"), length=0)


class Network(Kind):
    """What a route leads to: `default`, or an address with or without a length."""

    def parse(self, word: str) -> Leads:
        """The network; of a length that is none, that of a host."""
        if word in _ANYWHERE:
            return Leads(None, None)
        if word == "default6":
            return Leads(6, None)
        text, _, length = word.partition("/")
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise RefusedWordError("bad-address", f"'{word}' is not an address or network") from None
        bits = address.max_prefixlen
        return Leads(address.version, Prefix(address=address, length=int(length) if fits(length, bits) else bits))


def fits(length: str, bits: int) -> bool:
    """Whether a text is a prefix length."""
    return length.isascii() and length.isdigit() and len(length) < 40 and int(length) <= bits


class Peer(Kind):
    """An address without a length."""

    def parse(self, word: str) -> IPAddress:
        """The address."""
        try:
            return ipaddress.ip_address(word)
        except ValueError:
            raise RefusedWordError("bad-address", f"'{word}' is not an address without a length") from None


class RealmsKind(Kind):
    """One realm, or two with a slash between: the source's and the destination's."""

    def parse(self, word: str) -> Realms:
        """The realms."""
        try:
            *source, destination = [_REALM.parse(part) for part in word.split("/", 1)]
        except RefusedWordError as refusal:
            if refusal.instead is not None:
                refusal.instead = Realms(destination=UNLISTED)
            raise
        return Realms(destination=destination, source=source[0] if source else 0)


_REALM = Listed("REALM", {"cosmos": 0}, 255, "rt_realms")
REALMS = RealmsKind("REALM[/REALM]")


class Span(Kind):
    """A time as ip-route(8) writes it: a number in the kernel's own unit, or with `s` or `ms` after it."""

    def __init__(self, units_a_millisecond: int) -> None:
        """The kernel's unit, as that."""
        super().__init__("[lock] TIME")
        self.scale = units_a_millisecond

    def parse(self, word: str) -> int:
        """In the kernel's unit, within what keepalived allows."""
        found = _TIME.fullmatch(word)
        if found is None:
            raise RefusedWordError("bad-word", f"'{word}' is not a time such as 200, 200ms or 0.2s")
        unit = found[2].lower()
        scale = self.scale if unit.startswith("m") else 1000 * self.scale if unit else 1
        number = math.ceil(float(found[1]) * scale - 1e-6)
        if number > LONGEST * self.scale:
            raise RefusedWordError("out-of-range", f"{word} is longer than {LONGEST // 1000} seconds")
        number = max(number, SHORTEST * self.scale)
        if len(found[1].partition(".")[2]) > (3 if unit.startswith("s") else 0):
            message = f"'{word}' has more decimal places than can be kept"
            raise RefusedWordError("rounded", message, instead=number)
        return number


SHORTEST, LONGEST = 200, 120_000
"""Milliseconds: keepalived uses the first for what is less, and refuses what is more than the second."""

_TIME = re.compile(r"\+?(\d{1,12}\.?\d{0,12}|\.\d{1,12})((?:[mM]?[sS](?:[eE][cC][sS]?)?)?)", re.ASCII)


class RouterPreference(Kind):
    """A router's preference by its name or number (RFC 4191)."""

    def parse(self, word: str) -> int:
        """As it stands in the kernel; numbers that have no meaning are medium."""
        if word in _PREFERENCES:
            return _PREFERENCES[word]
        number = Integer(0, 255).parse(word)
        return number if number in _PREFERENCES.values() else 0


_PREFERENCES = {"low": 3, "medium": 0, "high": 1}


class Bounds(Kind):
    """First and last, `-` between, within `bits` of a number. What stands after them counts for nothing."""

    def __init__(self, what: str, bits: int) -> None:
        """`what` they are, in the plural."""
        super().__init__("FIRST-LAST")
        self.what = what
        self.mask = 2**bits - 1

    def parse(self, word: str) -> tuple[int, int]:
        """Both; keepalived keeps the low bits of numbers that are too great."""
        found = _BOUNDS.match(word)
        if found is None:
            raise RefusedWordError("bad-word", f"'{word}' is not two {self.what} with '-' between")
        return int(found[1]) & self.mask, int(found[2]) & self.mask


_BOUNDS = re.compile(r"([+-]?\d{1,20})-([+-]?\d{1,20})", re.ASCII)


class Mark(NamedTuple):
    """A firewall mark and which of its bits count (None: all)."""

    value: int
    mask: int | None


class Fwmark(Kind):
    """A mark, and a mask after a slash; either may be left out, as in C."""

    def parse(self, word: str) -> Mark:
        """The mark."""
        numbers: list[int] = []
        for part in word.split("/", 1):
            number = c_number(part) if part else 0
            if number is None or part.startswith("-") or number > UINT_MAX:
                raise RefusedWordError("bad-number", f"'{word}' is not a mark with or without a mask")
            numbers.append(number)
        return Mark(numbers[0], numbers[1] if len(numbers) > 1 else None)


class IpProtocol(Kind):
    """A protocol's number, or one of its names that every machine knows."""

    def parse(self, word: str) -> int:
        """The number."""
        number = c_number(word)
        if number is None:
            number = _IP_PROTOCOLS.get(word.lower())
        if number is None:
            message = f"'{word}' is no number and no protocol that every machine knows by name"
            raise RefusedWordError("bad-word", message, "write its number")
        if number > 255:
            raise RefusedWordError("out-of-range", f"{word} is outside 0..255")
        return number


_IP_PROTOCOLS = _numbers(
    "ip 0 icmp 1 igmp 2 ipencap 4 tcp 6 egp 8 igp 9 udp 17 dccp 33 ipv6 41 ipv6-route 43 ipv6-frag 44 rsvp 46 gre 47 "
    "esp 50 ah 51 ipv6-icmp 58 icmpv6 58 ospf 89 ipip 94 pim 103 vrrp 112 l2tp 115 sctp 132 udplite 136"
)
"""Assigned Internet protocol numbers (RFC 5237), the ones in use."""
