# SPDX-License-Identifier: Apache-2.0
"""Words into text: the lexer reads the same words again, and one value has one spelling."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies

from bascule.config.keywords.virtual_server import PROTOCOL
from bascule.config.kinds import BOOL, IP, SECONDS_MAX, WORD, Decimal, Integer, Kind
from bascule.config.lexer import WORDS, lex
from bascule.config.spelling import canonical, decimal, line_of, spelled

# No word that a file can give ends in a backslash before a quoted one, and only escaped quotes stand inside.
ALPHABET = strategies.one_of(
    strategies.sampled_from(" \t{}#!@~$=\\ab1:/.'"),
    strategies.characters(exclude_characters='\n\r\0"', exclude_categories=["Cs"]),
)
WORD_TEXTS = strategies.text(ALPHABET, max_size=8).filter(lambda word: not word.endswith("\\"))


@hypothesis.given(strategies.lists(WORD_TEXTS, min_size=1, max_size=5))
def test_a_line_is_read_as_the_same_words(words: list[str]) -> None:
    tokens, flaws = lex([line_of(words)])
    assert flaws == []
    assert [(kind, list(found)) for kind, found, _, _ in tokens] == [(WORDS, words)]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["eth0"], "eth0"),
        (["a b", "c"], '"a b" c'),
        (["pa#ss!"], "pa\\#ss\\!"),
        (["a#b c"], '"a#b c"'),
        ([""], '""'),
        (["{"], '"{"'),
        (["@low", "@low"], '"@low" @low'),
        (["include", "include"], '"include" include'),
        (["includes"], "includes"),
        (["a", "\\"], 'a "\\"'),
        (["\\", "a"], "\\ a"),
    ],
)
def test_quotes_stand_only_where_they_must(words: list[str], line: str) -> None:
    assert line_of(words) == line


def test_behind_a_keyword_no_word_starts_the_line() -> None:
    assert line_of(["@low", "a b"], "router_id") == 'router_id @low "a b"'
    assert line_of([], "nopreempt") == "nopreempt"
    assert line_of(["\\"], "script") == 'script "\\"'


@pytest.mark.parametrize(
    ("kind", "word", "canon"),
    [
        (Integer(0, 10), "010", "10"),
        (Integer(0, 10), "+5", "5"),
        (Integer(1, 10, instead=1), "0", "1"),
        (Integer(0, 10), "x", "x"),
        (Decimal(), "x", "x"),
        (Decimal(), "5.", "5"),
        (Decimal(), "0.500", "0.5"),
        (Decimal(), "0.12345678", "0.123457"),
        (BOOL, "yes", "on"),
        (BOOL, "false", "off"),
        (PROTOCOL, "tcp", "TCP"),
        (IP, "2001:DB8::0:1", "2001:db8::1"),
        (IP, "10.0.0.1/24", "10.0.0.1"),
        (WORD, "010", "010"),
    ],
)
def test_one_value_has_one_spelling(kind: Kind, word: str, canon: str) -> None:
    assert canonical(kind, word) == canon


@hypothesis.given(strategies.floats(0, SECONDS_MAX, allow_nan=False))
def test_seconds_are_written_without_loss(seconds: float) -> None:
    kept = round(seconds, 6)
    assert float(decimal(kept)) == kept
    assert Decimal(high=SECONDS_MAX + 1).parse(decimal(kept)) == kept


def test_a_word_is_spelled_alone() -> None:
    assert spelled("$A=b", starts=True) == '"$A=b"'
    assert spelled("$A=b") == "$A=b"
