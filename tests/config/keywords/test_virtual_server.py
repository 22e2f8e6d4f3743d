# SPDX-License-Identifier: Apache-2.0
"""`virtual_server`: which lines keepalived 2.2.7 takes, and which it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.keywords.virtual_server import VIRTUAL_SERVER
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

BEFORE, AFTER = "virtual_server 10.0.0.1 80 {\n", "\n}"


def test_the_seed_s_keywords_are_acted_on() -> None:
    words = "delay_loop lb_algo lb_kind persistence_timeout protocol real_server ha_suspend"
    assert all(VIRTUAL_SERVER.table[word].acted for word in words.split())


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("delay_loop 0", ["out-of-range"]),
        ("delay_loop 0.5", []),
        ("lb_algo RR", ["wrong-case"]),
        ("lb_algo conhash", ["bad-word"]),
        ("lvs_sched wlc", []),
        ("lb_kind FNAT", ["bad-word"]),
        ("lb_kind dr", ["wrong-case"]),
        ("lvs_method DR", []),
        ("protocol tcp", []),
        ("protocol ICMP", ["bad-word"]),
        ("persistence_timeout 0", ["out-of-range"]),
        ("persistence_timeout", []),
        ("quorum 0", ["out-of-range"]),
        ("weight 0", ["out-of-range"]),
        ("retry 0", ["out-of-range"]),
        ("connect_timeout 0", ["out-of-range"]),
        ("nat_mask 255.255.255.0", ["legacy-spelling"]),
        ("lb-kind DR", ["unknown-keyword"]),
        ("real_server 10.0.0.2/24 0 {\n}", []),
        ("real_server {\n}", ["missing-name"]),
        ("real_server host 80 {\n}", ["bad-address"]),
        ("omega", ["not-acted-on"]),
    ],
)
def test_lines(read_text: Read, line: str, codes: list[str]) -> None:
    _, findings = read_text(BEFORE + line + AFTER)
    assert [found.code for found in findings.sorted()] == codes
