# SPDX-License-Identifier: Apache-2.0
"""The top of a file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.keywords.top import TOP
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]


def test_every_block_of_the_inventory_is_there() -> None:
    assert len(TOP.table) >= 26
    assert [name for name, keyword in TOP.table.items() if keyword.acted] == [
        "global_defs",
        "virtual_server",
        "track_group",
        "static_ipaddress",
        "static_routes",
        "static_rules",
        "vrrp_sync_group",
        "garp_group",
        "vrrp_instance",
        "vrrp_script",
        "vrrp_track_process",
        "bfd_instance",
        "track_file",
        "vrrp_track_file",
        "bascule",
    ]


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("global_defs {\n}", []),
        ("bascule {\n}", []),
        ("vrrp_instance A {\n}", []),
        ("virtual_server 10.0.0.1 80 {\n}", []),
        ("net_namespace x", ["not-acted-on"]),
        ("real_server 10.0.0.2 80 {\n}", ["unknown-keyword", "skipped"]),
        ("Global_defs {\n}", ["wrong-case"]),
        ("virtual_server {\n}", ["missing-name"]),
        ("static_routes {\n10.0.0.0/8 via 10.0.0.1\n}", []),
    ],
)
def test_lines(read_text: Read, line: str, codes: list[str]) -> None:
    _, findings = read_text(line)
    assert [found.code for found in findings.sorted()] == codes
