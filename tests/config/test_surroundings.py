# SPDX-License-Identifier: Apache-2.0
"""Interfaces and scripts that files name, against a machine that the test makes up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.surroundings import check_surroundings

Read = Callable[[str], tuple[Section, Findings]]


class Machine:
    """One interface; of the scripts, `/gone` is not there and `/open` belongs to everybody."""

    def names(self) -> dict[str, dict[str, int]]:
        """What it calls routing tables and the like."""
        return {"rt_tables": {"blue": 7}}

    def interfaces(self) -> frozenset[str]:
        """One, and lo."""
        return frozenset({"lo", "eth0"})

    def missing(self, script: str) -> str | None:
        """One is."""
        return "there is no such file" if script == "/gone" else None

    def insecure(self, script: str) -> str | None:
        """One is."""
        return "/open is writable by everybody" if script == "/open" else None


def said(read_text: Read, text: str) -> list[tuple[str, int | None, str]]:
    """Code, line and marked word of what the machine lacks."""
    top, _ = read_text(text)
    findings = Findings()
    check_surroundings(top, Machine(), findings)
    return [
        (found.code.removeprefix("meaning/"), found.line, found.source[found.column - 1 : found.end_column - 1])
        for found in findings.sorted()
        if found.column is not None and found.end_column is not None
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vrrp_instance A {\ninterface eth0\n}\n", []),
        ("vrrp_instance A {\ninterface eth1\n}\n", [("no-interface", 2, "eth1")]),
        ("vrrp_instance A {\ntrack_interface {\neth0\neth1 weight 5\n}\n}\n", [("no-interface", 4, "eth1")]),
        (
            "vrrp_instance A {\nvirtual_ipaddress {\n10.0.0.1/24 dev eth1 label eth1:x\n}\n}\n",
            [("no-interface", 3, "eth1")],
        ),
        ("bascule {\nxdp_interface eth2\n}\n", []),
        ("vrrp_script a {\nscript /there\n}\n", []),
        ('vrrp_script a {\nscript "/gone -x"\n}\n', [("no-script", 2, '"/gone -x"')]),
        ("vrrp_script a {\nscript '/open'\n}\n", []),
        (
            "vrrp_script a {\nscript '/open'\n}\nglobal_defs {\nscript_user root\n}\n",
            [("insecure-script", 2, "'/open'")],
        ),
        ("vrrp_instance A {\nnotify /open root\n}\n", [("insecure-script", 2, "/open")]),
        ("vrrp_instance A {\nnotify /open 0\nnotify_master /open nobody\n}\n", [("insecure-script", 2, "/open")]),
        ("vrrp_script a {\nscript /open\nuser nobody\n}\n", []),
        ("vrrp_script a {\nscript /open\nuser root\n}\n", [("insecure-script", 2, "/open")]),
        ("vrrp_script a {\nscript /open\n}\nglobal_defs {\nscript_user nobody nogroup\n}\n", []),
        ("vrrp_track_process a {\nprocess /gone\n}\n", []),
        ("vrrp_instance A {\nnotify_master\nno_such /gone\n}\n", []),
        (
            "virtual_server 10.0.0.1 80 {\nreal_server 10.0.0.2 80 {\nMISC_CHECK {\nmisc_path /gone\n}\n}\n}\n",
            [("no-script", 4, "/gone")],
        ),
    ],
)
def test_what_is_not_there(read_text: Read, text: str, expected: list[tuple[str, int, str]]) -> None:
    assert said(read_text, text) == expected
