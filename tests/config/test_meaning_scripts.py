# SPDX-License-Identifier: Apache-2.0
"""That scripts without a user do not run as root is said once, where the first of them stands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.meaning_scripts import check_scripts
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

INSTANCE = "vrrp_instance A {{\n interface eth0\n virtual_router_id 5\n{}\n}}\n"


def said(read_text: Read, text: str) -> list[tuple[str, int | None, str]]:
    top, _ = read_text(text)
    findings = Findings()
    check_scripts(top, findings)
    return [(found.code, found.line, found.message) for found in findings.sorted()]


@pytest.mark.parametrize(
    "text",
    [
        INSTANCE.format(""),
        INSTANCE.format(" notify /bin/x nobody"),
        INSTANCE.format(" notify_deleted"),
        "global_defs {\n script_user root\n}\n" + INSTANCE.format(" notify /bin/x"),
        "global_defs {\n startup_script /bin/x\n}\n",
    ],
)
def test_nothing_to_say(read_text: Read, text: str) -> None:
    assert said(read_text, text) == []


def test_it_is_said_once(read_text: Read) -> None:
    text = INSTANCE.format(' notify "/bin/x y"\n notify_master /bin/z\n notify_backup /bin/z nobody')
    ((code, line, message),) = said(read_text, text)
    assert (code, line) == ("meaning/script-user", 4)
    assert message.startswith("no user is named for this script, and 1 more: ")


def test_a_fifo_s_reader_and_a_server_s_script_count(read_text: Read) -> None:
    fifo = "global_defs {\n notify_fifo /run/f\n notify_fifo_script /bin/x\n}\n"
    assert [line for _, line, _ in said(read_text, fifo)] == [3]
    server = "virtual_server 10.0.0.1 80 {\n real_server 10.0.0.2 80 {\n notify_up /bin/x\n}\n}\n"
    assert [line for _, line, _ in said(read_text, server)] == [3]
