# SPDX-License-Identifier: Apache-2.0
"""Options of a line: their arguments, what is said first, numbers as C reads them."""

from __future__ import annotations

import pytest

from bascule.config.keywords.inline import AnyBase, Scan, before, c_number
from bascule.config.kinds import INTERFACE, Integer, Kind, RefusedWordError
from bascule.config.schema import Block, Keyword, RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


OPTIONS = Block(
    "box",
    Keyword("dev", INTERFACE),
    Keyword("old", INTERFACE, value="dev", old="is an old name of 'dev'"),
    Keyword("mtu", Integer(1, 9, "[lock] N")),
    Keyword("on"),
)


def drop(scan: Scan) -> None:
    """What the tests do with a word that is no option."""
    word = scan.words[scan.index]
    scan.drop("bad-word", scan.index, word, scan.nearest(word))


def scanned(text: str, *keeps: str) -> Scan:
    """A line, read."""
    scan = Scan(statement(text), OPTIONS, 0)
    scan.run(drop, keeps)
    return scan


def test_values_stand_by_option_with_their_places() -> None:
    scan = scanned("dev a mtu lock 5 on")
    assert (scan.values, scan.where) == ({"dev": "a", "mtu": 5, "on": True}, {"dev": 1, "mtu": 3, "on": 5})
    assert scan.finish("line") == "line"


def test_an_old_name_is_told_and_honoured() -> None:
    scan = scanned("old a")
    assert scan.values == {"dev": "a"}
    assert scan.refusal is not None
    assert (scan.refusal.code, scan.refusal.index) == ("deprecated", 0)


def test_the_first_thing_that_is_wrong_is_said_and_the_line_stays() -> None:
    scan = scanned("mtu 10 mtu x mtu 3", "mtu")
    with pytest.raises(RefusedLineError) as caught:
        scan.finish("line")
    assert (caught.value.code, caught.value.index, caught.value.instead) == ("out-of-range", 1, "line")
    assert scan.values == {"mtu": 3}


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [("mtu 10", "out-of-range", 1), ("mtu lock", "missing-argument", 2), ("onn", "bad-word", 0)],
)
def test_some_things_cost_the_line(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        scanned(text)
    assert (caught.value.code, caught.value.index, caught.value.instead) == (code, index, None)


def test_words_before_an_argument() -> None:
    assert before(Kind("[inet|inet6] ADDRESS")) == ["inet", "inet6"]
    assert before(Kind("N")) == []


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("10", 10),
        ("0x1F", 31),
        ("010", 8),
        ("+5", 5),
        ("-1", 2**64 - 1),
        ("0", 0),
        ("09", None),
        ("x", None),
        ("", None),
    ],
)
def test_numbers_as_c_reads_them(word: str, number: int | None) -> None:
    assert c_number(word) == number


def test_numbers_of_any_base() -> None:
    assert AnyBase("N").parse("0x10") == 16
    for word, code in (("x", "bad-number"), ("-1", "out-of-range")):
        with pytest.raises(RefusedWordError) as caught:
            AnyBase("N").parse(word)
        assert caught.value.code == code


def test_a_part_of_a_line_ends_where_its_options_do() -> None:
    scan = Scan(statement("dev a mtu 10 on x dev b"), OPTIONS, 0)
    assert scan.some(OPTIONS) == {"dev": "a", "on": True}
    assert scan.index == 5
    assert scan.refusal is not None
    assert (scan.refusal.code, scan.refusal.since, scan.refusal.index) == ("out-of-range", 2, 3)
    assert Scan(statement("dev a on"), OPTIONS, 0).some(OPTIONS, stop=("dev",)) == {"dev": "a"}
    with pytest.raises(RefusedLineError):
        Scan(statement("mtu 10"), OPTIONS, 0).some(OPTIONS, strict=True)
    with pytest.raises(RefusedLineError):
        Scan(statement("mtu"), OPTIONS, 0).some(OPTIONS)
