# SPDX-License-Identifier: Apache-2.0
"""Where keepalived 2.2.7 ends up after a block that it does not know, and which lines it skips from there on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.loader import Loaded

LoadText = Callable[[str], Loaded]


def skipped(loaded: Loaded) -> list[int | None]:
    """The lines that keepalived is said to skip although they are in effect here."""
    return [found.line for found in loaded.diagnostics if found.code == "keepalived-skips"]


BODY = " interface eth0\n virtual_router_id 1\n"


def test_what_follows_an_unknown_block_inside_a_block(load_text: LoadText) -> None:
    loaded = load_text(
        "vrrp_instance A {\n foo {\n a\n }\n interface eth0\n virtual_router_id 1\n}\nglobal_defs {\n}\n"
    )
    assert skipped(loaded) == [5, 6, 7]
    assert loaded.configuration is not None
    assert len(loaded.configuration.instances) == 1


def test_it_ends_where_it_takes_a_line_for_a_keyword_that_needs_an_argument(load_text: LoadText) -> None:
    # Outside instances a `track_file` has a name: keepalived ends there and complains of nothing behind it.
    text = f"vrrp_instance A {{\n{BODY} foo {{\n }}\n track_file {{\n  a\n }}\n}}\n"
    assert skipped(load_text(text)) == [6]


def test_lines_of_an_inner_block_after_it(load_text: LoadText) -> None:
    text = f"vrrp_instance A {{\n{BODY} foo {{\n }}\n virtual_ipaddress {{\n  10.0.0.1\n }}\n}}\n"
    assert skipped(load_text(text)) == [6, 7, 8, 9]


def test_two_levels_deep_keepalived_is_one_level_up(load_text: LoadText) -> None:
    text = (
        "virtual_server 10.0.0.1 80 {\n lb_algo wlc\n lb_kind DR\n protocol TCP\n real_server 10.0.0.2 80 {\n"
        "  foo {\n  }\n  weight 1\n  TCP_CHECK {\n  }\n }\n delay_loop 6\n}\n"
    )
    # `weight` is a keyword of the service too, so keepalived applies it there; TCP_CHECK is none, and its '}' ends it.
    assert skipped(load_text(text)) == [9, 11, 12, 13]


@pytest.mark.parametrize(
    "text",
    [
        f"vrrp_instance A {{\n{BODY} foo 1\n}}\n",
        "foo {\n a\n}\nglobal_defs {\n}\n",
        f'vrrp_instance A {{\n{BODY} notify "/bin/x ${{NAME}}"\n}}\n',
    ],
)
def test_what_does_not_make_keepalived_lose_its_place(load_text: LoadText, text: str) -> None:
    assert skipped(load_text(text)) == []


def test_a_block_in_wrong_capitals_is_an_unknown_one(load_text: LoadText) -> None:
    text = f"vrrp_instance A {{\n Authentication {{\n  Auth_type PASS\n }}\n{BODY}}}\n"
    assert skipped(load_text(text)) == [5, 6, 7]


def test_lines_alone_are_not_said_to_be_lost_with_the_wrong_capitals_of_their_block(load_text: LoadText) -> None:
    loaded = load_text(f"vrrp_instance A {{\n{BODY} Virtual_ipaddress {{\n  10.0.0.1\n }}\n}}\n")
    assert [found.line for found in loaded.diagnostics if found.code != "not-acted-on"] == [4]


def test_keywords_are_said_to_be_skipped_with_the_wrong_capitals_of_their_block(load_text: LoadText) -> None:
    loaded = load_text("Vrrp_script a {\n script /bin/true\n}\n")
    assert [(found.line, found.code) for found in loaded.diagnostics] == [
        (1, "wrong-case"),
        (2, "skipped"),
        (3, "keepalived-skips"),
    ]


def test_an_undefined_name_in_braces_is_a_block_to_keepalived(load_text: LoadText) -> None:
    text = "global_defs {\n router_id ${NAME}\n smtp_server 10.0.0.1\n notification_email {\n  a@b\n }\n}\n"
    loaded = load_text(text)
    assert skipped(loaded) == [3, 4, 5, 6, 7]
    assert loaded.configuration is not None
    assert loaded.configuration.globals.mail.to == ("a@b",)


def test_a_long_row_of_braces_is_no_trouble(load_text: LoadText) -> None:
    text = "vrrp_instance A {\n" + "foo {\n" * 5000 + "}\n" * 5000 + BODY + "}\n"
    assert len(skipped(load_text(text))) == 4999 + 3
