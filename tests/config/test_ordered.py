# SPDX-License-Identifier: Apache-2.0
"""What counts only below something else, and names that must be defined."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.ordered import check_order
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

SERVICE = "virtual_server {} 80 {{\n{}\n}}\n"
CHECK = "virtual_server 10.0.0.1 80 {\nreal_server 10.0.0.2 80 {\nBFD_CHECK {\nname b\n}\n}\n}\n"
SESSION = "bfd_instance b {\nneighbor_ip 10.0.0.9\n}\n"
GROUP = "track_group g {\ngroup {\nA\n}\n}\n"
ROUTE = "static_routes {\n10.0.0.0/8 via 10.0.0.1 dev eth0 track_group g\n}\n"
ADDRESS = "static_ipaddress {\n10.0.0.8 dev eth0 track_group g\n}\n"


def said(read_text: Read, text: str) -> list[tuple[int | None, str]]:
    top, findings = read_text(text)
    before = len(findings)
    check_order(top, findings)
    found = [(each.line, each.code) for each in findings.sorted()]
    return [each for each in found if each[1] in ("bad-word", "unknown-reference")] if len(findings) > before else []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SERVICE.format("10.0.0.1", "sh-port\nlb_algo sh"), [(2, "bad-word")]),
        (SERVICE.format("10.0.0.1", "lb_algo rr\nhashed"), [(3, "bad-word")]),
        (SERVICE.format("10.0.0.1", "lvs_sched mh\nmh-port\nsh-fallback\nflag-1"), []),
        (SERVICE.format("10.0.0.1", "sorry_server_inhibit\nsorry_server 10.0.0.9 80"), [(2, "bad-word")]),
        (SERVICE.format("10.0.0.1", "sorry_server_lvs_method TUN"), [(2, "bad-word")]),
        (
            SERVICE.format("10.0.0.1", "sorry_server x 80\nsorry_server_inhibit"),
            [(3, "bad-word")],
        ),
        (SERVICE.format("10.0.0.1", "sorry_server 10.0.0.9 80\nsorry_server_inhibit"), []),
        (SERVICE.format("fe80::1", "ip_family inet"), [(2, "bad-word")]),
        (SERVICE.format("10.0.0.1", "ip_family inet6"), [(2, "bad-word")]),
        (SERVICE.format("10.0.0.1", "ip_family inet"), []),
        (SERVICE.format("fwmark", "ip_family inet6"), []),
        (CHECK, [(4, "unknown-reference")]),
        (CHECK + SESSION, [(4, "unknown-reference")]),
        (SESSION + CHECK, []),
        (ROUTE, [(2, "unknown-reference")]),
        (ROUTE + GROUP, [(2, "unknown-reference")]),
        (GROUP + ADDRESS + ADDRESS, []),
        (ADDRESS + ADDRESS, [(2, "unknown-reference"), (5, "unknown-reference")]),
    ],
)
def test_order(read_text: Read, text: str, expected: list[tuple[int, str]]) -> None:
    assert said(read_text, text) == expected
