# SPDX-License-Identifier: Apache-2.0
"""Rules as messages, and as the kernel shows them. Each option beside keepalived's: tests/interop."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from bascule.linux import rules
from bascule.linux.iproute import ip
from bascule.linux.netlink import CREATE, EXCLUSIVE, Netlink, attributes
from bascule.model.routing import Prefix, Realms, Rule, RuleAction

SOURCE = Prefix(address=ipaddress.ip_address("10.0.0.0"), length=8)


def rule(**changes: Any) -> Rule:
    return Rule(**{"family": 4, "action": RuleAction.TABLE, "table": 100, "priority": 500, **changes})


def key(entry: Rule) -> tuple[object, ...]:
    body = rules.encode(entry)
    return rules.key_of(body, attributes(body[rules.INFO.size :]))


def test_without_a_table_the_packets_vrf_decides() -> None:
    body = rules.encode(rule(table=None))
    assert attributes(body[rules.INFO.size :])[19] == b"\1"


def test_a_rule_is_told_by_its_place_its_action_and_its_ends() -> None:
    same = (key(rule(source=SOURCE)), key(rule(source=SOURCE, table=7, protocol=4)))
    assert same[0] == same[1]
    assert len({key(rule()), key(rule(priority=501)), key(rule(source=SOURCE)), key(rule(family=6))}) == 4
    assert key(rule(action=RuleAction.NOP)) != key(rule())


@pytest.mark.root
@pytest.mark.usefixtures("inside")
def test_the_kernel_understands_every_option() -> None:
    wanted = {
        rule(source=SOURCE, invert=True, tos=16): "500: not from 10.0.0.0/8 tos 0x10 lookup 100 proto keepalived",
        rule(priority=501, mark=18, mark_mask=255, incoming="lo"): "501: from all fwmark 0x12/0xff iif lo lookup 100",
        rule(priority=502, outgoing="lo", realms=Realms(destination=3, source=2)): "oif lo lookup 100 realms 2/3",
        rule(priority=503, action=RuleAction.GOTO, table=None, goto=600): "503: from all goto 600",
        rule(priority=504, ip_protocol=6, source_ports=(80, 90)): "504: from all ipproto tcp sport 80-90 lookup 100",
        rule(priority=505, destination_ports=(443, 443)): "505: from all dport 443 lookup 100",
        rule(priority=506, users=(100, 200)): "506: from all uidrange 100-200 lookup 100",
        rule(priority=509, tunnel=77): "509: from all tun_id 77 lookup 100",
        rule(priority=507, table=300, suppress_prefix_length=16): "507: from all lookup 300 suppress_prefixlength 16",
        rule(priority=508, action=RuleAction.BLACKHOLE, table=None): "508: from all blackhole",
    }
    with Netlink() as netlink:
        for entry in wanted:
            netlink.request(rules.NEW_RULE, CREATE | EXCLUSIVE, rules.encode(entry), "put a rule")
        shown = "\n".join(" ".join(line.split()) for line in ip("rule", "show").splitlines())
        for words in wanted.values():
            assert words in shown
        for entry in wanted:
            netlink.request(rules.DELETE_RULE, 0, rules.encode(entry), "take a rule off")
    assert len(ip("rule", "show").splitlines()) == 3
