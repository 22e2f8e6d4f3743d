# SPDX-License-Identifier: Apache-2.0
"""Golden texts: what people read when their file is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.loader import Loaded
from bascule.config.render import as_text, summary

LoadText = Callable[[str], Loaded]

GOLDEN = [
    (
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    prioirty 100\n}\n",
        "k.conf:4:5: error: unknown keyword 'prioirty' in 'vrrp_instance' [unknown-keyword]\n"
        "        prioirty 100\n"
        "        ^^^^^^^^\n"
        "    hint: did you mean 'priority'?\n",
    ),
    (
        "global_defs {\n\trouter_id\n}\n",
        "k.conf:2:2: error: 'router_id' lacks an argument [missing-argument]\n"
        "    \trouter_id\n"
        "    \t^^^^^^^^^\n"
        "    hint: write 'router_id WORD'\n",
    ),
    (
        "bascule {\n    vip_lifetime 15   # 王\n    ready_timeout 王\n",
        "k.conf: error: 1 closing brace is missing at the end of the file [missing-close]\n"
        "    hint: 'bascule' at line 1 is still open\n"
        "k.conf:3:19: error: '王' is not a number of seconds ('ready_timeout') [bad-number]\n"
        "        ready_timeout 王\n"
        "                      ^^\n",
    ),
    (
        "local_address_group x {\n    192.168.1.1\n    192.168.1.2\n}\n",
        "k.conf:1:1: error: unknown keyword 'local_address_group' at the top of a file, its block is skipped"
        " (keepalived would complain of each line) [unknown-keyword]\n"
        "    local_address_group x {\n"
        "    ^^^^^^^^^^^^^^^^^^^\n"
        "k.conf:2:5: error: '192.168.1.1' is skipped with the unknown block 'local_address_group' [skipped]\n"
        "        192.168.1.1\n"
        "        ^^^^^^^^^^^\n"
        "    and 2 more lines like this\n",
    ),
    (
        "vrrp_instance VI_1 {\n    state MASTER\n    interface eth0 virtual_router_id 51\n}\n",
        "k.conf:1:15: error: vrrp_instance 'VI_1' is left out: it has no valid virtual_router_id"
        " [meaning/instance-incomplete]\n"
        "    vrrp_instance VI_1 {\n"
        "                  ^^^^\n"
        "k.conf:3:20: warning: 'virtual_router_id 51' after 'interface eth0' is ignored [meaning/extra-words]\n"
        "        interface eth0 virtual_router_id 51\n"
        "                       ^^^^^^^^^^^^^^^^^\n"
        "    hint: one keyword to a line\n",
    ),
]


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_golden_texts(load_text: LoadText, text: str, expected: str) -> None:
    assert as_text(load_text(text).diagnostics, colour=False) == expected


def test_nothing_found_is_no_text() -> None:
    assert as_text((), colour=False) == ""
    assert summary(()) == ""


def test_colour_is_around_place_and_severity_only(load_text: LoadText) -> None:
    diagnostics = load_text("foo\n").diagnostics
    text = as_text(diagnostics, colour=True)
    assert text.startswith("\x1b[1mk.conf:1:1\x1b[0m: \x1b[31merror\x1b[0m: unknown keyword 'foo'")
    assert text.count("\x1b") == 4


def test_a_terminal_is_not_sent_what_stands_in_a_file(load_text: LoadText) -> None:
    text = as_text(load_text("foo\x1b[2J\n").diagnostics, colour=False)
    assert "\x1b" not in text
    assert "'foo\ufffd[2J'" in text


def test_marks_that_take_no_room(load_text: LoadText) -> None:
    lines = as_text(load_text("e\u0301e\u0301\n").diagnostics, colour=False).splitlines()
    assert lines[2] == "    ^^"


def test_the_summary_counts_by_severity(load_text: LoadText) -> None:
    assert summary(load_text("foo\nbar\nglobal_defs {\n enable_traps\n}\n").diagnostics) == "2 errors, 1 warning"
    assert summary(load_text("").diagnostics) == "1 warning"
