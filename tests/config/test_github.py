# SPDX-License-Identifier: Apache-2.0
"""Golden annotations, and that no text of a file breaks out of its line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.config.github import as_annotations
from bascule.config.loader import Loaded
from bascule.model.diagnostic import Diagnostic, Severity


def test_golden_annotations(load_text: Callable[[str], Loaded]) -> None:
    text = "vrrp_instance A {\n    interface eth0\n    virtual_router_id 51\n    prioirty 100\n"
    assert as_annotations(load_text(text).diagnostics) == (
        "::error file=k.conf,title=missing-close::1 closing brace is missing at the end of the file"
        "%0A'vrrp_instance A' at line 1 is still open\n"
        "::error file=k.conf,line=4,col=5,endColumn=12,title=unknown-keyword::unknown keyword 'prioirty' in"
        " 'vrrp_instance'%0Adid you mean 'priority'?\n"
    )


@pytest.mark.parametrize(
    ("severity", "command"),
    [(Severity.NOTE, "notice"), (Severity.WARNING, "warning"), (Severity.ERROR, "error"), (Severity.FATAL, "error")],
)
def test_a_command_for_each_severity(severity: Severity, command: str) -> None:
    found = Diagnostic(severity=severity, code="a/b", file="k.conf", message="m")
    assert as_annotations([found]) == f"::{command} file=k.conf,title=a/b::m\n"


@given(st.text(), st.text())
def test_whatever_a_file_is_called_and_whatever_is_said_is_one_line(file: str, message: str) -> None:
    found = Diagnostic(severity=Severity.ERROR, code="c", file=file, message=message)
    line = as_annotations([found]).removesuffix("\n")
    assert "\n" not in line
    assert "\r" not in line
    name = line.removeprefix("::error file=").partition(",title=c::")[0]
    assert not set(name) & set(":,")
    for escaped, plain in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        name = name.replace(escaped, plain)
    assert name == file


def test_nothing_found_is_no_text() -> None:
    assert as_annotations(()) == ""
