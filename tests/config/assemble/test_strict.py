# SPDX-License-Identifier: Apache-2.0
"""Strict mode: what is not in effect and what is said of it, as tried with keepalived 2.2.7."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.assemble.globals import merged
from bascule.config.assemble.instances import instances
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.configuration import AuthType, HmacMode, VrrpInstance

Read = Callable[[str], tuple[Section, Findings]]

BASE = "interface eth0\nvirtual_router_id 51\n"
VIP = "virtual_ipaddress {\n192.0.2.10\n}\n"


def built(read_text: Read, body: str, above: str = "vrrp_strict") -> tuple[VrrpInstance | None, list[str]]:
    top, _ = read_text(f"global_defs {{\n{above}\n}}\nvrrp_instance A {{\n{BASE}{body}\n}}\n")
    findings = Findings()
    found = instances(top, merged(top, "global_defs"), findings)
    return (found[0] if found else None), [finding.message for finding in findings.sorted()]


def test_defaults_follow_the_rfcs_without_a_word(read_text: Read) -> None:
    found, said = built(read_text, VIP)
    assert found is not None
    assert (found.accept, found.lower_prio_no_advert, found.higher_prio_send_advert) == (False, True, False)
    assert (found.garp_lower_prio_repeat, found.down_timer_adverts) == (0, 3)
    assert said == []


def test_it_can_be_on_or_off_for_one(read_text: Read) -> None:
    for body, above, strict in (("strict_mode off", "vrrp_strict", False), ("strict_mode", "", True), ("", "", False)):
        found, _ = built(read_text, f"{VIP}{body}", above)
        assert found is not None
        assert found.lower_prio_no_advert is strict


@pytest.mark.parametrize(
    ("body", "above", "words"),
    [
        ("preempt_delay 3", "", "no preempt_delay"),
        ("authentication {\nauth_type PASS\nauth_pass x\n}", "", "no authentication"),
        ("accept", "", "no accept in version 2"),
        ("garp_lower_prio_repeat 4", "", "garp_lower_prio_repeat"),
        ("", "vrrp_garp_lower_prio_repeat 4", "garp_lower_prio_repeat"),
        ("lower_prio_no_advert off", "", "lower_prio_no_advert"),
        ("higher_prio_send_advert on", "", "higher_prio_send_advert"),
        ("down_timer_adverts 5", "", "down_timer_adverts"),
        ("state MASTER\npriority 100", "", "priority 255"),
        ("state BACKUP\npriority 255", "", "priority 255"),
        (f"auth_hmac {{\nkey 1 {'x' * 32}\nactive_key 1\nmode permissive\n}}", "", "mode enforce"),
    ],
)
def test_what_is_not_allowed_is_said_where_it_stands(read_text: Read, body: str, above: str, words: str) -> None:
    found, said = built(read_text, VIP + body, f"vrrp_strict\n{above}")
    assert found is not None
    (message,) = said
    assert words in message
    assert message.startswith("strict mode")
    assert (found.auth_type, found.preempt_delay, found.down_timer_adverts) == (AuthType.NONE, 0.0, 3)
    assert found.auth_hmac is None or found.auth_hmac.mode is HmacMode.ENFORCE


def test_what_is_allowed_stays(read_text: Read) -> None:
    body = "accept\nversion 3\nnopreempt\nstate BACKUP\ngarp_master_repeat 3\nunicast_peer {\n192.0.2.1\n}"
    found, said = built(read_text, VIP + body)
    assert found is not None
    assert (found.accept, found.nopreempt, found.garp_master_repeat, len(found.unicast_peers)) == (True, True, 3, 1)
    assert said == []


def test_over_ipv6_a_link_local_address_stands_first(read_text: Read) -> None:
    _, said = built(read_text, "virtual_ipaddress {\nfd00::1\n}")
    assert said == ["strict mode wants a link-local address first"]


def test_there_must_be_an_address(read_text: Read) -> None:
    found, said = built(read_text, "")
    assert found is None
    assert said == ["vrrp_instance 'A' is left out: strict mode demands a virtual address"]
