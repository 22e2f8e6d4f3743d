# SPDX-License-Identifier: Apache-2.0
"""Checks whose parts do not go together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.probing import check_checks
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]
SERVER = "virtual_server 10.0.0.1 80 {{\nreal_server {} 80 {{\n{}\n}}\n}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SERVER.format("fe80::1", "TCP_CHECK {\n}"), [(4, "incomplete")]),
        (SERVER.format("fe80::1", "TCP_CHECK {\nbind_if eth0\n}"), []),
        (SERVER.format("10.0.0.2", "SMTP_CHECK {\nhost {\nconnect_ip fe80::1\n}\n}"), [(6, "incomplete")]),
        (SERVER.format("10.0.0.2", "UDP_CHECK {\nmin_reply_length 256\n}"), [(5, "out-of-range")]),
        (SERVER.format("10.0.0.2", "UDP_CHECK {\nmin_reply_length 256\nmax_reply_length 256\n}"), []),
        (SERVER.format("10.0.0.2", "UDP_CHECK {\nmin_reply_length 256")[:-4], [(3, "out-of-range")]),
    ],
)
def test_parts(read_text: Read, text: str, expected: list[tuple[int, str]]) -> None:
    top, _ = read_text(text)
    findings = Findings()
    check_checks(top, findings)
    assert [(found.line, found.code) for found in findings.sorted()] == expected
