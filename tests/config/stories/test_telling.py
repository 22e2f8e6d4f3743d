# SPDX-License-Identifier: Apache-2.0
"""Golden texts of stories."""

from __future__ import annotations

import pytest

from bascule.config.codes import CODES
from bascule.config.stories.telling import listing, nearest, told

DR_PORT = """\
meaning/dr-port (warning)
    DR cannot change the port: the real server's is the service's.

What keepalived 2.2.7 does
    'ports don't match - resetting': direct routing and tunnels cannot rewrite a port.

What goes wrong
    `virtual_server ... 80` with servers on 8080 and `lb_kind DR`: every connection is refused,
    although the check, on 8080, is green.

What to write
    The service's port on the real servers; let them listen there, or redirect there themselves.

Example
    virtual_server 192.0.2.10 80 {
        lb_algo wlc
        lb_kind DR
        protocol TCP
        real_server 192.0.2.11 8080 {
        }
    }

What bascule says of it
    keepalived.conf:5:28: warning: DR cannot change the port: 80 is used, not 8080 [meaning/dr-port]
            real_server 192.0.2.11 8080 {
                                   ^^^^
        hint: write 'real_server 192.0.2.11 80'
"""


def test_a_golden_story() -> None:
    assert told("meaning/dr-port") == DR_PORT


@pytest.mark.parametrize("code", CODES)
def test_every_code_can_be_told_on_a_terminal(code: str) -> None:
    text = told(code)
    assert text is not None
    assert all(line.isprintable() for line in text.split("\n"))
    assert f"[{code}]" in text


def test_what_a_terminal_would_not_show_is_named() -> None:
    assert "    <an empty file>\n" in (told("empty-file") or "")
    assert "    <byte order mark>global_defs {\n" in (told("byte-order-mark") or "")
    assert "lb<NUL>" in (told("nul-character") or "")


def test_two_files_are_told_apart() -> None:
    text = told("meaning/peer-vrid") or ""
    assert text.index("Example, keepalived.conf\n") < text.index("Example, peer.conf\n")


def test_there_is_no_story_of_what_is_no_code() -> None:
    assert told("dr-port") is None


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("dr-port", "meaning/dr-port"),
        ("meaning/drport", "meaning/dr-port"),
        ("zzzzzz", None),
        ("unknown-keywrd", "unknown-keyword"),
    ],
)
def test_the_nearest_code(word: str, code: str | None) -> None:
    assert nearest(word) == code


def test_the_list_has_a_line_for_each_code() -> None:
    lines = listing().splitlines()
    assert [line.split()[0] for line in lines] == list(CODES)
    assert "unreadable-file" in lines[0]
    assert lines[0].endswith("fatal    The file does not exist or cannot be read.")
