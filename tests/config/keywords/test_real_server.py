# SPDX-License-Identifier: Apache-2.0
"""`real_server`: which lines keepalived 2.2.7 takes, and which it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.keywords.real_server import REAL_SERVER
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

BEFORE, AFTER = "virtual_server 10.0.0.1 80 {\nreal_server 10.0.0.2 80 {\n", "\n}\n}"


def test_every_kind_of_check_is_there() -> None:
    checks = {name for name, keyword in REAL_SERVER.table.items() if keyword.block is not None}
    assert checks == {
        "MISC_CHECK",
        "SMTP_CHECK",
        "TCP_CHECK",
        "PING_CHECK",
        "UDP_CHECK",
        "HTTP_GET",
        "SSL_GET",
        "DNS_CHECK",
        "FILE_CHECK",
        "BFD_CHECK",
    }


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("weight 0", []),
        ("weight -1", ["out-of-range"]),
        ("weigth 3", ["unknown-keyword"]),
        ("weight 70000", []),
        ("inhibit_on_failure maybe", ["bad-word"]),
        ("uthreshold 5", ["not-acted-on"]),
        ('notify_up "/bin/x y" user', []),
        ("HTTP_GET {\nurl {\npath /\n}\n}", ["not-acted-on"]),
        ("Tcp_check {\n}", ["wrong-case"]),
    ],
)
def test_lines(read_text: Read, line: str, codes: list[str]) -> None:
    _, findings = read_text(BEFORE + line + AFTER)
    assert [found.code for found in findings.sorted()] == codes
