# SPDX-License-Identifier: Apache-2.0
"""Which family an instance is of, and what of the other is ignored."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.assemble.family import check_family, family
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

FOUR, SIX = "virtual_ipaddress {\n10.0.0.1\n}\n", "virtual_ipaddress {\nfe80::1\n}\n"
PEER = "unicast_peer {\nfe80::9\n}\n"


@pytest.mark.parametrize(
    ("text", "version", "lines"),
    [
        ("", 4, []),
        (FOUR, 4, []),
        (SIX + FOUR, 6, [6]),
        ("mcast_src_ip 10.0.0.2\nunicast_src_ip fe80::2\n" + SIX, 4, [3, 5]),
        (PEER + FOUR, 6, [6]),
        ("native_ipv6\n" + FOUR, 6, [4]),
        (FOUR + "native_ipv6\n", 4, [5]),
        ("virtual_ipaddress_excluded {\nfe80::1\n}\n" + FOUR, 4, []),
        ("mcast_src_ip\nmcast_src_ip x\n" + SIX, 6, []),
        # Another family's peer is said where peers are read.
        (FOUR + PEER, 4, []),
    ],
)
def test_family(read_text: Read, text: str, version: int, lines: list[int]) -> None:
    top, findings = read_text(f"vrrp_instance A {{\n{text}}}")
    (section,) = top.each("vrrp_instance")
    assert family(section) == version
    before = {each.line for each in findings.sorted() if each.code == "bad-address"}
    check_family(section, findings)
    found = [each.line for each in findings.sorted() if each.code in ("bad-address", "bad-word")]
    assert [line for line in found if line not in before] == lines
