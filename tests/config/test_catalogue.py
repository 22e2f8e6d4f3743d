# SPDX-License-Identifier: Apache-2.0
"""The list of keywords says what their declarations say, of each of them."""

from __future__ import annotations

import pytest

from bascule.config.catalogue import as_text, catalogue, describe, nearest, select, span_of
from bascule.config.keywords.top import TOP
from bascule.config.kinds import BOOL, GROUP, INTERFACE, IP, UINT_MAX, WORD, Decimal, Integer, Kind, Pattern
from bascule.config.schema import Block, Keyword, walk
from bascule.model.keyword import ArgumentDescription, KeywordDescription

WAIT = Keyword(
    "wait", Integer(1, 9, "SECONDS"), BOOL, optional=1, default="3", acted=True, repeats=True, meaning="how long"
)
BLOCK = Block(
    "box",
    WAIT,
    Keyword("delay", Integer(1, 9), value="wait", old="is an old name of 'wait'"),
    Keyword("wiat", Integer(1, 9), value="wait", legacy="is skipped by keepalived"),
    Keyword("names", rest=WORD, later=True, unit="names"),
)


def test_every_declaration_is_there_once_by_its_path() -> None:
    declared = ["/".join((*path, keyword.name)) for path, keyword in walk(TOP)]
    assert [each.path for each in catalogue()] == declared
    assert len(set(declared)) == len(declared) > 500


def test_a_keyword_is_described_whole() -> None:
    assert describe(WAIT, BLOCK, "box/wait") == KeywordDescription(
        path="box/wait",
        usage="wait SECONDS [on|off]",
        arguments=(
            ArgumentDescription(shown="SECONDS", range="1..9"),
            ArgumentDescription(shown="on|off", range="on | true | yes | off | false | no", optional=True),
        ),
        unit="seconds",
        default="3",
        meaning="how long",
        acted_on=True,
        aliases=("delay", "wiat"),
        repeats=True,
    )


def test_other_spellings_say_of_what() -> None:
    found = {name: describe(keyword, BLOCK, name) for name, keyword in BLOCK.table.items()}
    assert (found["delay"].spelling_of, found["delay"].deprecated, found["delay"].legacy) == ("wait", True, False)
    assert (found["wiat"].spelling_of, found["wiat"].deprecated, found["wiat"].legacy) == ("wait", False, True)
    assert found["names"].later
    assert not found["names"].inline
    assert found["names"].arguments == (ArgumentDescription(shown="WORD", optional=True, repeats=True),)


def test_options_of_a_line_stand_below_their_keyword() -> None:
    found = catalogue(Block("", Keyword("box", options=Block("box", Keyword("lid", BOOL, meaning="closed")))))
    assert [(each.path, each.inline) for each in found] == [("box", False), ("box/lid", True)]
    assert "Closed. An option on the line." in as_text(found)


def test_people_read_it_in_a_few_lines() -> None:
    found = catalogue(Block("", Keyword("box", Kind("NAME"), block=BLOCK, acted=True, meaning="some settings")))
    assert as_text(found) == (
        "box NAME {\n"
        "    Some settings.\n"
        "box / wait SECONDS [on|off]\n"
        "    How long. SECONDS: 1..9. on|off: on | true | yes | off | false | no. Default: 3. Also written\n"
        "    delay, wiat. May stand several times.\n"
        "box / delay N\n"
        "    N: 1..9. Another spelling of wait, and an old one. Understood, not acted on yet.\n"
        "box / wiat N\n"
        "    N: 1..9. Another spelling of wait, which keepalived 2.2.7 skips. Understood, not acted on yet.\n"
        "box / names [WORD...]\n"
        "    Unit: names. keepalived 2.2.7 does not know it. Understood, not acted on yet.\n"
    )


def test_all_text_fits_a_terminal() -> None:
    lines = as_text(catalogue()).splitlines()
    assert max(map(len, lines)) <= 120
    assert "" not in lines


@pytest.mark.parametrize(
    ("kind", "span"),
    [
        (Integer(1, 255), "1..255"),
        (Integer(3, UINT_MAX), "3 or more"),
        (Decimal(0.000001, 4294), "1e-06..4294"),
        (IP, "an IP address"),
        (GROUP, "a multicast address"),
        (Pattern("[0-9]", "DIGIT", "a digit"), "a digit"),
        (INTERFACE, "at most 15 characters"),
        (WORD, None),
    ],
)
def test_ranges_are_told_in_words(kind: Kind, span: str | None) -> None:
    assert span_of(kind) == span


def paths(*words: str) -> list[str]:
    """The paths that a selection gives."""
    return [each.path for each in select(catalogue(), words)]


def test_a_path_selects_what_is_below_it() -> None:
    below = ["vrrp_instance/authentication", *(f"vrrp_instance/authentication/auth_{x}" for x in ("type", "pass"))]
    assert paths("vrrp_instance", "authentication") == below
    assert paths("vrrp_instance/authentication/") == below
    assert paths("VRRP_INSTANCE/authentication") == below


def test_a_name_selects_it_wherever_it_stands() -> None:
    blocks = (
        "static_routes",
        "static_rules",
        "vrrp_instance",
        "vrrp_instance/virtual_routes",
        "vrrp_instance/virtual_rules",
    )
    assert sorted(paths("priority")) == sorted(f"{block}/priority" for block in blocks)
    assert "virtual_server/real_server/TCP_CHECK/retry" in paths("retry")
    assert paths("tcp_check/retry") == ["virtual_server/real_server/TCP_CHECK/retry"]


def test_no_word_selects_everything_and_a_strange_one_nothing() -> None:
    assert paths() == [each.path for each in catalogue()]
    assert paths("no_such_keyword") == []


def test_the_nearest_name_is_offered() -> None:
    assert nearest(catalogue(), "vrrp_instance/prioirty") == "priority"
    assert nearest(catalogue(), "0123456789") is None
