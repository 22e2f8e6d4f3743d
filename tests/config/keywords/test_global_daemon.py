# SPDX-License-Identifier: Apache-2.0
"""The part of `global_defs` that is about the daemon itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.keywords.global_daemon import DAEMON
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]


def test_each_keyword_stands_once() -> None:
    names = [keyword.name for keyword in DAEMON]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("umask 022", ["not-acted-on"]),
        ("umask 01000", ["not-acted-on", "bad-word"]),
        ("vrrp_rx_bufs_policy MTU", ["not-acted-on"]),
        ("include_check readable", ["not-acted-on", "bad-word"]),
        ("snmp_socket a\nsnmp_socket b", ["not-acted-on", "duplicate", "not-acted-on"]),
        ("json_version 2", ["unknown-to-keepalived"]),
        ("random_seed", ["missing-argument", "not-acted-on"]),
        ("lvs_id a", ["legacy-spelling"]),
    ],
)
def test_lines(read_text: Read, line: str, codes: list[str]) -> None:
    _, findings = read_text(f"global_defs {{\n{line}\n}}")
    assert sorted(found.code for found in findings.sorted()) == sorted(codes)
