# SPDX-License-Identifier: Apache-2.0
"""The selectors and actions of a rule in `static_rules` and `virtual_rules` (names as in ip-rule(8)).

Lines are judged as keepalived 2.2.7 does, in its order, and kept as they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bascule.config.keywords.inline import AnyBase, Listed, Scan, c_number
from bascule.config.keywords.inline_routes import DSFIELD, REALMS, TABLE, TYPES, Network
from bascule.config.kinds import INT_MAX, INTERFACE, NAME, UINT_MAX, Integer, Kind, Pattern, RefusedWordError
from bascule.config.schema import Block, Keyword

if TYPE_CHECKING:
    from bascule.config.tree import Statement


class Fwmark(Kind):
    """A mark, and a mask after a slash; either may be left out, as in C."""

    def parse(self, word: str) -> str:
        """The word as it stands."""
        for part in word.split("/", 1):
            number = c_number(part) if part else 0
            if number is None or part.startswith("-") or number > UINT_MAX:
                raise RefusedWordError("bad-number", f"'{word}' is not a mark with or without a mask")
        return word


class IpProtocol(Kind):
    """A protocol's name or number. Which names there are, only the machine knows."""

    def parse(self, word: str) -> str:
        """The word as it stands."""
        number = c_number(word)
        if number is not None and number > 255:
            raise RefusedWordError("out-of-range", f"{word} is outside 0..255")
        return word


_PREFERENCE = AnyBase("N")
_PORTS = Pattern(r"[+]?\d+-[+]?\d+.*", "FIRST-LAST", "two ports with '-' between")
_TABLE_OPTIONS = frozenset({"realms", "suppress_prefixlength", "suppress_ifgroup"})

_SHARED = (
    Keyword("from", Network("NETWORK"), default="any", meaning="source of the packets"),
    Keyword("to", Network("NETWORK"), default="any", meaning="destination of the packets"),
    Keyword("table", TABLE, meaning="action: look the route up in this table"),
    Keyword("lookup", TABLE, value="table", meaning="action: look the route up in this table"),
    Keyword("not", default="off", meaning="take the packets that do not fit"),
    Keyword("preference", _PREFERENCE, default="chosen by keepalived", meaning="place among the rules, lowest first"),
    Keyword("order", _PREFERENCE, value="preference", default="chosen by keepalived", meaning="place among the rules"),
    Keyword(
        "priority", _PREFERENCE, value="preference", default="chosen by keepalived", meaning="place among the rules"
    ),
    Keyword("tos", DSFIELD, default="any", meaning="type of service of the packets"),
    Keyword("dsfield", DSFIELD, value="tos", default="any", meaning="type of service of the packets"),
    Keyword("fwmark", Fwmark("MARK[/MASK]"), default="any", meaning="firewall mark of the packets"),
    Keyword("realms", REALMS, default="none", meaning="realms given to the packets; IPv4, with a table only"),
    Keyword(
        "suppress_prefixlength",
        Integer(0, INT_MAX),
        default="off",
        meaning="refuse routes with a prefix of this length or shorter; with a table only",
    ),
    Keyword(
        "sup_pl",
        Integer(0, INT_MAX),
        value="suppress_prefixlength",
        default="off",
        meaning="refuse routes with a prefix of this length or shorter",
    ),
    Keyword(
        "suppress_ifgroup",
        Listed("GROUP", "default", INT_MAX, "group"),
        default="off",
        meaning="refuse routes by interfaces of this group; with a table only",
    ),
    Keyword(
        "sup_group",
        Listed("GROUP", "default", INT_MAX, "group"),
        value="suppress_ifgroup",
        default="off",
        meaning="refuse routes by interfaces of this group",
    ),
    Keyword("dev", INTERFACE, value="iif", default="any", meaning="interface that packets come in by"),
    Keyword("iif", INTERFACE, default="any", meaning="interface that packets come in by"),
    Keyword("oif", INTERFACE, default="any", meaning="interface that local sockets are bound to"),
    Keyword("tunnel-id", Integer(0, 2**64 - 1), default="any", meaning="tunnel that packets come out of"),
    Keyword(
        "uidrange",
        Pattern(r"[+-]?\d+-[+-]?\d+.*", "FIRST-LAST", "two user ids with '-' between"),
        default="any",
        meaning="users whose sockets the packets come from",
    ),
    Keyword("l3mdev", default="off", meaning="action: look the route up in the interface's VRF"),
    Keyword("protocol", Integer(0, 255), default="keepalived", meaning="who the kernel notes as the rule's origin"),
    Keyword("ipproto", IpProtocol("PROTOCOL"), default="any", meaning="IP protocol of the packets"),
    Keyword("sport", _PORTS, default="any", meaning="source ports"),
    Keyword("dport", _PORTS, default="any", meaning="destination ports"),
    Keyword("no_track", default="off", meaning="removal of the rule by others is no fault"),
    Keyword("no-track", value="no_track", later=True, default="off", meaning="another way to write no_track"),
    Keyword("type", Kind("ACTION"), meaning="an action follows; the word may be left out"),
    Keyword("goto", Integer(), meaning="action: go on at the rule with this preference, which must be further down"),
    Keyword("nop", meaning="action: none"),
)

VIRTUAL = Block("virtual_rules", *_SHARED)
STATIC = Block(
    "static_rules",
    *_SHARED,
    Keyword("track_group", NAME, default="none", meaning="instances of this group fault when the rule is removed"),
)

_KEEPS = frozenset({"protocol", "ipproto", "sport", "dport", "track_group"})
_ACTIONS = ("blackhole", "unreachable", "prohibit")


def virtual_rule(statement: Statement) -> tuple[str, ...]:
    """A line of `virtual_rules`, as it stands."""
    return _Rule(statement, VIRTUAL).read()


def static_rule(statement: Statement) -> tuple[str, ...]:
    """A line of `static_rules`, as it stands."""
    return _Rule(statement, STATIC).read()


class _Rule:
    """One line, its action and the address family that its words have agreed on so far."""

    def __init__(self, statement: Statement, options: Block) -> None:
        self.scan = Scan(statement, options, 0)
        self.family: int | None = None
        self.action: str | None = None

    def read(self) -> tuple[str, ...]:
        self.scan.run(self._stray, _KEEPS, self._after)
        self._judge(self.scan.values)
        value = self.scan.finish(self.scan.words)
        assert isinstance(value, tuple)
        return value

    def _judge(self, values: dict[str, Any]) -> None:
        """What the whole line must hold."""
        if self.action is None:
            self.scan.drop("incomplete", 0, "the rule has no action", "add 'table N'")
        if self.action == "goto" and values.get("preference", UINT_MAX) >= values["goto"]:
            message = f"a rule can only go to one further down: it needs a preference below {values['goto']}"
            self.scan.drop("out-of-range", self.scan.where["goto"], message)
        bound = [name for name in values if name in _TABLE_OPTIONS]
        if bound and self.action not in ("table", "l3mdev"):
            self.scan.drop("bad-word", self.scan.where[bound[0]], f"'{bound[0]}' only goes with a table")

    def _after(self, scan: Scan, option: Keyword, value: Any) -> None:
        name = option.value
        at = scan.index - 1
        if name in ("from", "to"):
            self._agree(value, at)
            bits = {4: 32, 6: 128}.get(value or 0)
            length = scan.words[at].partition("/")[2]
            if bits and "/" in scan.words[at] and not (length.isascii() and length.isdigit() and int(length) <= bits):
                scan.note("out-of-range", at, f"'{length}' is no prefix length: {bits} is used")
        elif name == "realms":
            self._agree(4, at)
        elif name == "table" and (value == "unspec" or (c_number(value) or 1) % 2**32 == 0 or c_number(value) == 0):
            scan.drop("out-of-range", at, "there is no table 0")
        elif name == "type":
            scan.index -= 1
            if scan.words[at] not in ("goto", "nop"):
                self._act(scan.words[at], at)
                scan.index += 1
        if name in ("table", "l3mdev", "goto", "nop"):
            self._act(name, at)

    def _agree(self, family: int | None, index: int) -> None:
        """A rule is of one family."""
        if self.family is not None and family != self.family:
            self.scan.drop(
                "bad-address", index, f"the rule is an IPv{self.family} rule before '{self.scan.words[index]}'"
            )
        self.family = family

    def _act(self, action: str, index: int) -> None:
        """A rule has one action."""
        scan = self.scan
        number = c_number(action)
        known = action in TYPES or (number is not None and number <= 255 and not action.startswith("-"))
        if known and action not in _ACTIONS and number not in (6, 7, 8):
            scan.drop("bad-word", index, f"'{action}' is no action of a rule")
        if not known and action not in ("table", "l3mdev", "goto", "nop"):
            scan.drop("bad-word", index, f"'{action}' is no option of a rule", scan.nearest(action))
        if self.action is not None:
            scan.drop("bad-word", index, f"the rule has an action already ({self.action}): '{action}' is one too many")
        self.action = action

    def _stray(self, scan: Scan) -> None:
        """A family, or an action without `type`."""
        word = scan.words[scan.index]
        if word in ("inet", "inet6"):
            self._agree(int(word[4:] or 4), scan.index)
            scan.index += 1
            if scan.index < len(scan.words) and scan.words[scan.index] not in scan.options.table:
                scan.index += 1  # keepalived skips the word after it; an option is read as it is meant.
            return
        self._act(word, scan.index)
        scan.index += 1
