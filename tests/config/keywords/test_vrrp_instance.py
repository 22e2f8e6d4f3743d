# SPDX-License-Identifier: Apache-2.0
"""`vrrp_instance`: which lines keepalived 2.2.7 takes, and which it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.keywords.vrrp_instance import VRRP_INSTANCE
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

BEFORE, AFTER = "vrrp_instance A {\n", "\n}"


def test_the_seed_s_keywords_are_acted_on() -> None:
    words = "state interface virtual_router_id priority advert_int authentication virtual_ipaddress mcast_src_ip"
    assert all(VRRP_INSTANCE.table[word].acted for word in words.split())
    assert not VRRP_INSTANCE.table["lvs_sync_daemon_interface"].acted


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("state MASTER", []),
        ("state master", ["wrong-case"]),
        ("state SLAVE", ["bad-word"]),
        ("interface 'eth0'", []),
        ("virtual_router_id 0x10", ["bad-number"]),
        ("virtual_router_id 256", ["out-of-range"]),
        ("priority 0", ["out-of-range"]),
        ("advert_int 0", ["out-of-range"]),
        ("advert_int 0.01", []),
        ("garp_master_delay 1.5", ["bad-number"]),
        ("garp_master_repeat 0", ["out-of-range"]),
        ("authentication {\nauth_type pass\n}", ["wrong-case"]),
        ("authentication {\nauth_type PASS\nauth_pass a b\n}", ["meaning/extra-words"]),
        ("mcast_src_ip @ip", ["bad-address"]),
        ("macast_src_ip 10.0.0.1", ["unknown-keyword"]),
        ("preempt_delay 2000", ["out-of-range"]),
        ("version 4", ["out-of-range"]),
        ("lvs_sync_daemon_inteface eth0", ["legacy-spelling"]),
        (
            "auth_hmac {\nkey 1 x\nmode strange\n}",
            ["unknown-to-keepalived", "unknown-to-keepalived", "unknown-to-keepalived", "bad-word"],
        ),
    ],
)
def test_lines(read_text: Read, line: str, codes: list[str]) -> None:
    _, findings = read_text(BEFORE + line + AFTER)
    assert [found.code for found in findings.sorted()] == codes
