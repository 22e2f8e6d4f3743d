# SPDX-License-Identifier: Apache-2.0
"""Declarations: usage lines, shapes for the braces, and the nearest keyword to a wrong one."""

from __future__ import annotations

import pytest

from bascule.config.keywords.top import TOP
from bascule.config.keywords.virtual_server import VIRTUAL_SERVER
from bascule.config.keywords.vrrp_instance import VRRP_INSTANCE
from bascule.config.kinds import IP, NAME, PORT, WORD
from bascule.config.schema import Block, Keyword, RefusedLineError, walk


def test_usage_shows_what_may_be_missing() -> None:
    assert Keyword("interface", NAME).usage == "interface NAME"
    assert (
        Keyword("real_server", IP, PORT, optional=1, block=Block("real_server")).usage == "real_server ADDRESS [PORT] {"
    )
    assert Keyword("notify", NAME, rest=WORD).usage == "notify NAME [WORD...]"


def test_the_shape_names_what_takes_a_block() -> None:
    inner = Block("inner", Keyword("deep", block=Block("deep")), Keyword("plain"))
    outer = Block("outer", Keyword("inner", block=inner), Keyword("list", lines=lambda line: line.words), Keyword("x"))
    assert outer.shape == {"inner": {"deep": {}, "plain": None}, "list": {}, "x": None}


@pytest.mark.parametrize(
    ("block", "word", "nearest"),
    [
        (VRRP_INSTANCE, "macast_src_ip", "mcast_src_ip"),
        (VRRP_INSTANCE, "virtual_router", "virtual_routes"),
        (VRRP_INSTANCE, "prioirty", "priority"),
        (VIRTUAL_SERVER, "lb-kind", "lb_kind"),
        (VIRTUAL_SERVER, "real_sever", "real_server"),
        (VIRTUAL_SERVER, "nat_mask", None),
        (TOP, "vrrp_intsance", "vrrp_instance"),
        (TOP, "x", None),
    ],
)
def test_the_nearest_keyword_of_this_block(block: Block, word: str, nearest: str | None) -> None:
    assert block.nearest(word) == nearest


def test_old_and_skipped_spellings_are_not_proposed() -> None:
    block = Block(
        "b", Keyword("old_name", value="new", old="is old"), Keyword("old_nama", value="new", legacy="is skipped")
    )
    assert block.nearest("old_namex") is None


def test_a_keyword_but_for_its_capitals() -> None:
    found = VRRP_INSTANCE.other_case("Virtual_Router_ID")
    assert found is not None
    assert found.name == "virtual_router_id"
    assert VRRP_INSTANCE.other_case("foo") is None


def test_two_keywords_of_one_name_are_a_defect() -> None:
    with pytest.raises(AssertionError):
        Block("b", Keyword("a"), Keyword("a"))


def test_every_declaration_is_whole() -> None:
    seen = 0
    for path, keyword in walk(TOP):
        seen += 1
        place = "/".join((*path, keyword.name))
        assert keyword.meaning, place
        assert keyword.block is None or keyword.lines is None, place
        assert 0 <= keyword.optional <= len(keyword.arguments), place
        if keyword.old:
            assert keyword.value != keyword.name, place
    assert seen > 500


def test_a_refusal_tells_its_word() -> None:
    error = RefusedLineError("bad-word", 2, "message", "hint", 5)
    assert (str(error), error.code, error.index, error.hint, error.instead) == ("message", "bad-word", 2, "hint", 5)
