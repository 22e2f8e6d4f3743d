# SPDX-License-Identifier: Apache-2.0
"""Rules, taken and refused as keepalived 2.2.7 does."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from bascule.config.keywords.inline_rules import static_rule, virtual_rule
from bascule.config.schema import RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement
from bascule.model.routing import Prefix, Realms, Rule, RuleAction


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


TEN = Prefix(address=ipaddress.ip_address("10.0.0.0"), length=8)
EVERYTHING = Prefix(address=ipaddress.ip_address("0.0.0.0"), length=0)


def in_table(number: int, **fields: Any) -> dict[str, Any]:
    """The fields of a rule that looks a route up."""
    return {"action": RuleAction.TABLE, "table": number, **fields}


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("from 10.0.0.0/8 table 100 priority 5", in_table(100, source=TEN, priority=5)),
        ("from default table 5 priority 5", in_table(5, source=EVERYTHING, priority=5)),
        ("sport 5-6 dport 70000-7x table 5", in_table(5, source_ports=(5, 6), destination_ports=(4464, 7))),
        ("uidrange 5-6 table 5", in_table(5, users=(5, 6))),
        ("to 10.0.0.0/8 goto 5 priority 3", {"action": RuleAction.GOTO, "goto": 5, "destination": TEN, "priority": 3}),
        ("blackhole priority 9", {"action": RuleAction.BLACKHOLE, "priority": 9}),
        ("type blackhole", {"action": RuleAction.BLACKHOLE}),
        ("type goto 5 priority 3", {"action": RuleAction.GOTO, "goto": 5, "priority": 3}),
        ("type nop", {"action": RuleAction.NOP}),
        ("7 priority 9", {"action": RuleAction.UNREACHABLE, "priority": 9}),
        ("0x8", {"action": RuleAction.PROHIBIT}),
        ("nop", {"action": RuleAction.NOP}),
        ("l3mdev", {"action": RuleAction.TABLE}),
        ("lookup main order 0x10", in_table(254, priority=16)),
        ("table 5 protocol 17", in_table(5, protocol=17)),
        ("table 5 ipproto TCP", in_table(5, ip_protocol=6)),
        ("table 5 suppress_prefixlength 33", in_table(5, suppress_prefix_length=33)),
        ("table 5 fwmark 0x5/0xff", in_table(5, mark=5, mark_mask=255)),
        ("table 5 fwmark 5/", in_table(5, mark=5, mark_mask=0)),
        ("table 5 fwmark 5", in_table(5, mark=5)),
        ("table 5 realms 5/6", in_table(5, realms=Realms(destination=6, source=5))),
        ("table 5 tos 0x10", in_table(5, tos=16)),
        ("table 5 sup_group default", in_table(5, suppress_interface_group=0)),
        ("table 5 dev a oif b tunnel-id 7", in_table(5, incoming="a", outgoing="b", tunnel=7)),
        ("not table 5", in_table(5, invert=True)),
        ("inet6 fwmark 5 table 28 no_track", in_table(28, family=6, mark=5, no_track=True)),
    ],
)
def test_lines_that_are_taken(text: str, fields: dict[str, Any]) -> None:
    assert static_rule(statement(text)) == Rule(**{"family": 4, **fields})


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("from 10.0.0.0/8", "incomplete", 0),
        ("inet6 x fd00::/8 table 5", "bad-word", 2),
        ("from 10.0.0.0/8 table foo", "meaning/unlisted-name", 3),
        ("table 5 priority", "missing-argument", 3),
        ("inet6 to 10.0.0.0/8 table 28", "bad-address", 2),
        ("inet fwmark foo", "bad-number", 2),
        ("sport 5 table 5", "bad-word", 1),
        ("uidrange 5 table 5", "bad-word", 1),
        ("goto 5 priority 9", "out-of-range", 1),
        ("goto 5", "out-of-range", 1),
        ("throw", "bad-word", 0),
        ("type throw", "bad-word", 1),
        ("l3mdev table 5", "bad-word", 2),
        ("nop type nop", "bad-word", 2),
        ("table 5 priority -1", "out-of-range", 3),
        ("table 5 priority x", "bad-number", 3),
        ("table 0", "out-of-range", 1),
        ("table unspec", "out-of-range", 1),
        ("from 10.0.0.0/8 to fd00::/8 table 5", "bad-address", 3),
        ("from 10.0.0.0/8 to default table 5", "bad-address", 3),
        ("from 10.0.0.0/40 table 5", "out-of-range", 1),
        ("from 10.0.0.0/8 table 5 priority 9 tunnel-id 0x5", "bad-number", 7),
        ("from 10.0.0.0/8 table 5 priority 9 fwmark 5/x", "bad-number", 7),
        ("from 10.0.0.0/8 table 5 priority 9 realms foo", "meaning/unlisted-name", 7),
        ("from 10.0.0.0/8 table 5 priority 9 sup_group foo", "meaning/unlisted-name", 7),
        ("from 10.0.0.0/8 table 5 priority 9 dsfield foo", "meaning/unlisted-name", 7),
        ("from 10.0.0.0/8 table 5 priority 9 ipproto 256", "out-of-range", 7),
        ("from 10.0.0.0/8 table 5 priority 9 ipproto foo", "bad-word", 7),
        ("realms 5 nop", "bad-word", 1),
    ],
)
def test_lines_that_are_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        static_rule(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)


def test_virtual_rules_have_no_group_and_misspelt_words_are_told() -> None:
    assert virtual_rule(statement("table 5")) == Rule(family=4, action=RuleAction.TABLE, table=5)
    with pytest.raises(RefusedLineError, match="'track_group' is no option"):
        virtual_rule(statement("table 5 track_group g"))
    with pytest.raises(RefusedLineError) as caught:
        virtual_rule(statement("tabel 5"))
    assert caught.value.hint == "did you mean 'table'?"


def test_a_group_follows_the_incoming_interface_of_the_rule() -> None:
    named = static_rule(statement("iif eth1 table 5 track_group g"))
    assert named == Rule(**{"family": 4, **in_table(5, incoming="eth1", track_group="g")})
    with pytest.raises(RefusedLineError, match="names no incoming interface") as caught:
        static_rule(statement("oif eth1 table 5 track_group g"))
    assert (caught.value.code, caught.value.index) == ("bad-word", 5)
    assert caught.value.instead == Rule(**{"family": 4, **in_table(5, outgoing="eth1")})
