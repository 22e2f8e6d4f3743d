# SPDX-License-Identifier: Apache-2.0
"""The selectors and actions of a rule in `static_rules` and `virtual_rules` (names as in ip-rule(8)).

Lines are judged as keepalived 2.2.7 does, in its order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bascule.config.keywords.inline import AnyBase, Scan, c_number
from bascule.config.keywords.inline_kinds import (
    DSFIELD,
    REALMS,
    TABLE,
    Bounds,
    Fwmark,
    IpProtocol,
    Leads,
    Listed,
    Mark,
    Network,
)
from bascule.config.keywords.inline_routes import TYPES, judge_length
from bascule.config.kinds import INT_MAX, INTERFACE, NAME, UINT_MAX, Integer, Kind
from bascule.config.schema import Block, Keyword
from bascule.model.routing import KEEPALIVED_PROTOCOL, UNNUMBERED, Prefix, Rule, RuleAction

if TYPE_CHECKING:
    from bascule.config.tree import Statement


_PREFERENCE = AnyBase("N")
_PORTS = Bounds("ports", 16)
_GROUP = Listed("GROUP", {"default": 0}, INT_MAX, "group")
_TABLE_OPTIONS = frozenset({"realms", "suppress_prefixlength", "suppress_ifgroup"})

_SHARED = (
    Keyword("from", Network("NETWORK"), default="any", acted=True, meaning="source of the packets"),
    Keyword("to", Network("NETWORK"), default="any", acted=True, meaning="destination of the packets"),
    Keyword("table", TABLE, acted=True, meaning="action: look the route up in this table"),
    Keyword("lookup", TABLE, value="table", acted=True, meaning="action: look the route up in this table"),
    Keyword("not", default="off", acted=True, meaning="take the packets that do not fit"),
    Keyword(
        "preference",
        _PREFERENCE,
        default="chosen by keepalived",
        acted=True,
        meaning="place among the rules, lowest first",
    ),
    Keyword(
        "order",
        _PREFERENCE,
        value="preference",
        default="chosen by keepalived",
        acted=True,
        meaning="place among the rules",
    ),
    Keyword(
        "priority",
        _PREFERENCE,
        value="preference",
        default="chosen by keepalived",
        acted=True,
        meaning="place among the rules",
    ),
    Keyword("tos", DSFIELD, default="any", acted=True, meaning="type of service of the packets"),
    Keyword("dsfield", DSFIELD, value="tos", default="any", acted=True, meaning="type of service of the packets"),
    Keyword("fwmark", Fwmark("MARK[/MASK]"), default="any", acted=True, meaning="firewall mark of the packets"),
    Keyword(
        "realms", REALMS, default="none", acted=True, meaning="realms given to the packets; IPv4, with a table only"
    ),
    Keyword(
        "suppress_prefixlength",
        Integer(0, INT_MAX),
        default="off",
        acted=True,
        meaning="refuse routes with a prefix of this length or shorter; with a table only",
    ),
    Keyword(
        "sup_pl",
        Integer(0, INT_MAX),
        value="suppress_prefixlength",
        default="off",
        acted=True,
        meaning="refuse routes with a prefix of this length or shorter",
    ),
    Keyword(
        "suppress_ifgroup",
        _GROUP,
        default="off",
        acted=True,
        meaning="refuse routes by interfaces of this group; with a table only",
    ),
    Keyword(
        "sup_group",
        _GROUP,
        value="suppress_ifgroup",
        default="off",
        acted=True,
        meaning="refuse routes by interfaces of this group",
    ),
    Keyword("dev", INTERFACE, value="iif", default="any", acted=True, meaning="interface that packets come in by"),
    Keyword("iif", INTERFACE, default="any", acted=True, meaning="interface that packets come in by"),
    Keyword("oif", INTERFACE, default="any", acted=True, meaning="interface that local sockets are bound to"),
    Keyword("tunnel-id", Integer(0, 2**64 - 1), default="any", acted=True, meaning="tunnel that packets come out of"),
    Keyword(
        "uidrange",
        Bounds("user ids", 32),
        default="any",
        acted=True,
        meaning="users whose sockets the packets come from",
    ),
    Keyword("l3mdev", default="off", acted=True, meaning="action: look the route up in the interface's VRF"),
    Keyword(
        "protocol",
        Integer(0, 255),
        default="keepalived",
        acted=True,
        meaning="who the kernel notes as the rule's origin",
    ),
    Keyword("ipproto", IpProtocol("PROTOCOL"), default="any", acted=True, meaning="IP protocol of the packets"),
    Keyword("sport", _PORTS, default="any", acted=True, meaning="source ports"),
    Keyword("dport", _PORTS, default="any", acted=True, meaning="destination ports"),
    Keyword("no_track", default="off", acted=True, meaning="removal of the rule by others is no fault"),
    Keyword(
        "no-track",
        value="no_track",
        legacy="is the spelling of keepalived 2.0.0 to 2.0.2, for which later ones skip the line; read as no_track",
        default="off",
        acted=True,
        meaning="the first spelling of no_track",
    ),
    Keyword("type", Kind("ACTION"), acted=True, meaning="an action follows; the word may be left out"),
    Keyword(
        "goto",
        Integer(),
        acted=True,
        meaning="action: go on at the rule with this preference, which must be further down",
    ),
    Keyword("nop", acted=True, meaning="action: none"),
)

VIRTUAL = Block("virtual_rules", *_SHARED)
STATIC = Block(
    "static_rules",
    *_SHARED,
    Keyword(
        "track_group",
        NAME,
        default="none",
        acted=True,
        meaning="instances of this group follow the incoming interface of the rule",
    ),
)

_KEEPS = frozenset({"protocol", "ipproto", "sport", "dport", "track_group"})
_ACTIONS = {
    **{each.name.lower(): each for each in RuleAction},
    **{str(each.value): each for each in RuleAction if each >= RuleAction.BLACKHOLE},
    "l3mdev": RuleAction.TABLE,
}


def virtual_rule(statement: Statement) -> Rule:
    """A line of `virtual_rules`."""
    return _Line(statement, VIRTUAL).read()


def static_rule(statement: Statement) -> Rule:
    """A line of `static_rules`."""
    return _Line(statement, STATIC).read()


class _Line:
    """One line, its action and the address family that its words have agreed on so far."""

    def __init__(self, statement: Statement, options: Block) -> None:
        self.scan = Scan(statement, options, 0)
        self.family: int | None = None
        self.action: str | None = None

    def read(self) -> Rule:
        self.scan.run(self._stray, _KEEPS, self._after)
        action = self._judge(self.scan.values)
        if "track_group" in self.scan.values and "iif" not in self.scan.values:
            at = self.scan.where["track_group"]
            message = "a rule that names no incoming interface has no track group: the option is ignored"
            self.scan.note("bad-word", at, message, since=at - 1)
            del self.scan.values["track_group"]
        value = self.scan.finish(self._rule(action))
        assert isinstance(value, Rule)
        return value

    def _rule(self, action: str) -> Rule:
        values = self.scan.values
        get = values.get
        mark: Mark | None = get("fwmark")
        return Rule(
            family=self.family or 4,
            action=_ACTIONS[action],
            table=get("table"),
            goto=get("goto"),
            priority=get("preference", UNNUMBERED),
            invert="not" in values,
            source=self._prefix(get("from")),
            destination=self._prefix(get("to")),
            tos=get("tos", 0),
            mark=mark.value if mark is not None else None,
            mark_mask=mark.mask if mark is not None else None,
            incoming=get("iif"),
            outgoing=get("oif"),
            ip_protocol=get("ipproto"),
            source_ports=get("sport"),
            destination_ports=get("dport"),
            users=get("uidrange"),
            tunnel=get("tunnel-id"),
            realms=get("realms"),
            suppress_prefix_length=get("suppress_prefixlength"),
            suppress_interface_group=get("suppress_ifgroup"),
            protocol=get("protocol", KEEPALIVED_PROTOCOL),
            no_track="no_track" in values,
            track_group=get("track_group"),
        )

    def _prefix(self, value: Leads | None) -> Prefix | None:
        return value.of(self.family) if value is not None else None

    def _judge(self, values: dict[str, Any]) -> str:
        """What the whole line must hold; its action."""
        if self.action is None:
            self.scan.drop("incomplete", 0, "the rule has no action", "add 'table N'")
        if self.action == "goto" and values.get("preference", UINT_MAX) >= values["goto"]:
            message = f"a rule can only go to one further down: it needs a preference below {values['goto']}"
            self.scan.drop("out-of-range", self.scan.where["goto"], message)
        bound = [name for name in values if name in _TABLE_OPTIONS]
        if bound and self.action not in ("table", "l3mdev"):
            self.scan.drop("bad-word", self.scan.where[bound[0]], f"'{bound[0]}' only goes with a table")
        return self.action

    def _after(self, scan: Scan, option: Keyword, value: Any) -> None:
        name = option.value
        at = scan.index - 1
        if name in ("from", "to"):
            self._agree(value.family, at)
            judge_length(scan, value, at)
        elif name == "realms":
            self._agree(4, at)
        elif name == "table" and value == 0:
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
        if known and action not in _ACTIONS and str(number) not in _ACTIONS:
            scan.drop("bad-word", index, f"'{action}' is no action of a rule")
        if known and number is not None:
            action = str(number)
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
