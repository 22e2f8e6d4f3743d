# SPDX-License-Identifier: Apache-2.0
"""The checks: which lines keepalived 2.2.7 takes, and which it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.keywords.checks import HTTP_GET, SSL_GET, TCP_CHECK
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

BEFORE, AFTER = "virtual_server 10.0.0.1 80 {\nreal_server 10.0.0.2 80 {\n", "\n}\n}"


def test_both_http_checks_have_the_same_keywords() -> None:
    assert SSL_GET.table == HTTP_GET.table
    assert "nb_get_retry" in TCP_CHECK.table


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("TCP_CHECK {\nconnect_timeout 10\nretry 3\ndelay_before_retry 3\nconnect_port 80\n}", []),
        ("TCP_CHECK {\nnb_get_retry 3\n}", ["legacy-spelling"]),
        ("TCP_CHECK {\nconnect_port 0\n}", ["out-of-range"]),
        ("TCP_CHECK {\ndelay_loop 0\n}", ["out-of-range"]),
        ("TCP_CHECK {\nretry 0\n}", []),
        ("TCP_CHECK {\nfwmark 1\n}", ["not-acted-on"]),
        ("HTTP_GET {\nnb_get_retry 3\nurl {\npath /\n}\n}", ["not-acted-on", "deprecated"]),
        ("HTTP_GET {\nurl {\npath\n}\n}", ["not-acted-on", "missing-argument"]),
        ("MISC_CHECK {\nmisc_timeout 1.5\n}", ["not-acted-on", "bad-number", "incomplete"]),
        ("HTTP_GET {\nurl {\npath /\nstatus_code 200-299 302\n}\n}", ["not-acted-on"]),
        ("HTTP_GET {\nurl {\nstatus_code 2000\n}\n}", ["not-acted-on", "bad-word", "incomplete"]),
        ("HTTP_GET {\nurl {\ndigest xyz\n}\n}", ["not-acted-on", "bad-word", "incomplete"]),
        ("UDP_CHECK {\npayload xyz\n}", ["not-acted-on", "bad-word"]),
        ("DNS_CHECK {\ntype a\n}", ["not-acted-on"]),
        ("DNS_CHECK {\ntype BAD\n}", ["not-acted-on", "bad-word"]),
    ],
)
def test_lines(read_text: Read, line: str, codes: list[str]) -> None:
    _, findings = read_text(BEFORE + line + AFTER)
    assert [found.code for found in findings.sorted()] == codes
