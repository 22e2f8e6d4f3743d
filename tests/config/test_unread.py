# SPDX-License-Identifier: Apache-2.0
"""Findings where keepalived does not read any more."""

from __future__ import annotations

import pathlib

import pytest

from bascule.config.loader import load

UNREAD = "meaning/unread"
INSTANCE = "vrrp_instance A {\n interface eth0\n virtual_router_id 5\n foo\n}\n"
SERVICE = "virtual_server 10.0.0.1 80 {\n protocol TCP\n lb_algo rr\n foo\n}\n"


def said(folder: pathlib.Path, text: str) -> list[tuple[int | None, str]]:
    path = folder / "k.conf"
    path.write_text(text)
    words = ("unknown-keyword", "missing-argument", "missing-name", UNREAD)
    return [(found.line, found.code) for found in load([path], "here").diagnostics if found.code in words]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "vrrp_instance A {\n foo\n priority\n bar\n}\n",
            [(2, "unknown-keyword"), (3, "missing-argument"), (4, UNREAD)],
        ),
        # The checker reads before VRRP, wherever its blocks stand.
        (INSTANCE + "virtual_server 10.0.0.1 80 {\n retry\n}\n", [(4, UNREAD), (7, "missing-argument")]),
        (SERVICE + "vrrp_instance A {\n priority\n}\n", [(4, "unknown-keyword"), (7, "missing-argument")]),
        # The parent reads before all.
        (SERVICE + "global_defs {\n random_seed\n foo\n}\n", [(4, UNREAD), (7, "missing-argument"), (8, UNREAD)]),
        ("bar\n" + SERVICE + "instance\n", [(1, "unknown-keyword"), (5, UNREAD), (7, "missing-argument")]),
        ("vrrp_instance {\n foo\n}\n", [(1, "missing-name")]),
        # Of this argument keepalived makes nothing, and goes on.
        ("global_defs {\n smtp_helo_name\n foo\n}\n", [(3, "unknown-keyword")]),
    ],
)
def test_what_stands_after_the_end(tmp_path: pathlib.Path, text: str, expected: list[tuple[int, str]]) -> None:
    assert said(tmp_path, text) == expected


def test_no_process_but_the_parent_runs_in_a_namespace_of_an_undefined_name(tmp_path: pathlib.Path) -> None:
    text = "net_namespace $NAME\n" + INSTANCE + "global_defs {\n foo\n}\n"
    assert said(tmp_path, text) == [(5, UNREAD), (8, "unknown-keyword")]
    assert said(tmp_path, f"$NAME=red\n{text}") == [(6, "unknown-keyword"), (9, "unknown-keyword")]


def test_the_message_names_the_line(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "k.conf"
    path.write_text("vrrp_instance A {\n priority\n advert_int fast\n}\n")
    (found,) = (found for found in load([path]).diagnostics if found.code == UNREAD)
    assert found.message.endswith("; keepalived ends at line 2 and never reads this")
    assert found.severity.value == "error"


def test_a_block_that_is_defined_already_is_not_looked_into(tmp_path: pathlib.Path) -> None:
    assert said(tmp_path, INSTANCE + INSTANCE) == [(4, "unknown-keyword"), (9, UNREAD)]
