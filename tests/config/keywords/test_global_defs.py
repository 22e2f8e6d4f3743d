# SPDX-License-Identifier: Apache-2.0
"""`global_defs`: which lines keepalived 2.2.7 takes, and which it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.keywords.global_defs import GLOBAL_DEFS
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

BEFORE, AFTER = "global_defs {\n", "\n}"


def test_every_keyword_of_the_inventory_is_there() -> None:
    assert len(GLOBAL_DEFS.table) > 130
    acted = {name for name, keyword in GLOBAL_DEFS.table.items() if keyword.acted}
    assert {"router_id", "notification_email", "notification_email_from", "smtp_server", "smtp_connect_timeout"} < acted


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("router_id A", []),
        ("smtp_server 127.0.0.1 25", []),
        ("smtp_server", ["missing-argument"]),
        ("smtp_server 127.0.0.1 99999", ["out-of-range"]),
        ("smtp_server **", ["bad-word"]),
        ("smtp_connect_timeout 30.5", ["bad-number"]),
        ("smtp_alert maybe", ["bad-word"]),
        ("smtp_alert ON", ["wrong-case"]),
        ("vrrp_garp_master_delay 1.5", ["bad-number"]),
        ("vrrp_garp_interval 0", ["out-of-range"]),
        ("vrrp_mcast_group4 10.0.0.1", ["bad-address"]),
        ("lvs_id A", ["legacy-spelling"]),
        ("vrrp_vmac_garp_intvl 5", ["deprecated"]),
        ("enable_snmp_keepalived", ["not-acted-on"]),
        ("enable_traps", ["not-acted-on"]),
    ],
)
def test_lines(read_text: Read, line: str, codes: list[str]) -> None:
    _, findings = read_text(BEFORE + line + AFTER)
    assert [found.code for found in findings.sorted()] == codes
