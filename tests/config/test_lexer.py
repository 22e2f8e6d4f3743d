# SPDX-License-Identifier: Apache-2.0
"""Words, comments, quotes and braces as keepalived 2.2.7 reads them, and positions that point at the words."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies

from bascule.config.lexer import CLOSE, OPEN, WORDS, lex, spans, without_comment, word_of

Pieces = list[tuple[str, ...] | str]


def pieces(text: str) -> Pieces:
    """The tokens of a text without their places: tuples of words, and braces."""
    names = {OPEN: "{", CLOSE: "}"}
    return [words if kind == WORDS else names[kind] for kind, words, _, _ in lex(text.split("\n"))[0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("priority 100", [("priority", "100")]),
        ("  priority\t100  \r", [("priority", "100")]),
        ("", []),
        ("   ", []),
        ("vrrp_instance A {", [("vrrp_instance", "A"), "{"]),
        ("vrrp_instance A{", [("vrrp_instance", "A"), "{"]),
        ("{", ["{"]),
        ("  }  ", ["}"]),
        ("a { b { c } }", [("a",), "{", ("b",), "{", ("c",), "}", "}"]),
        ("a {}", [("a",), "{", "}"]),
        ("! comment", []),
        ("# comment {", []),
        ("interface eth0!c", [("interface", "eth0")]),
        ("priority 1#c {", [("priority", "1")]),
        ("}#c", ["}"]),
        (r"auth_pass a\#b\!c", [("auth_pass", "a#b!c")]),
        (r"auth_pass a\b", [("auth_pass", r"a\b")]),
        ('notify "a b # c" d', [("notify", "a b # c", "d")]),
        ('a"b c"d', [("a", "b c", "d")]),
        ('script ""', [("script", "")]),
        ('x "{ }" y', [("x", "{ }", "y")]),
        (r'script "a \"b\" {c}" # d', [("script", r"a \"b\" {c}")]),
        (r'path "c:\dir\"', [("path", "c:\\dir\\")]),
        ("interface 'eth0'", [("interface", "'eth0'")]),
        ("a\u00a0b c", [("a\u00a0b", "c")]),
        ("a\x1cb c", [("a\x1cb", "c")]),
        ("interface \\", [("interface\\",)]),
        ("interface\\", [("interface\\",)]),
    ],
)
def test_words_and_braces(text: str, expected: Pieces) -> None:
    assert pieces(text) == expected


def test_places_are_those_of_the_source() -> None:
    tokens, flaws = lex(["a b {", "  c d } e {"])
    assert flaws == []
    assert tokens == [
        (WORDS, ("a", "b"), 1, 0),
        (OPEN, (), 1, 4),
        (WORDS, ("c", "d"), 2, 2),
        (CLOSE, (), 2, 6),
        (WORDS, ("e",), 2, 8),
        (OPEN, (), 2, 10),
    ]


def test_an_open_quote_loses_the_rest_of_its_line_only() -> None:
    tokens, flaws = lex(['interface "eth0 {', "priority 1"])
    assert [words for _, words, _, _ in tokens] == [("interface",), ("priority", "1")]
    assert [(flaw.line, flaw.start, flaw.end, flaw.code) for flaw in flaws] == [(1, 10, 17, "unterminated-quote")]


def test_a_line_with_a_nul_is_left_out() -> None:
    tokens, flaws = lex(["a\x00b", "c"])
    assert [words for _, words, _, _ in tokens] == [("c",)]
    assert [(flaw.line, flaw.start, flaw.code) for flaw in flaws] == [(1, 1, "nul-character")]


def test_a_backslash_continues_nothing() -> None:
    assert lex(["interface \\ ", "eth0"])[1] == [(1, 10, 11, "meaning/line-continuation")]
    assert lex(["a \\ {"])[1] == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a 5 \\", ("a", "5\\")),
        ("a 5\\", ("a", "5\\")),
        ("a 5 # c \\", ("a", "5\\")),
        ("# c \\", ("\\",)),
        ("\\", ("\\",)),
    ],
)
def test_a_backslash_at_the_end_belongs_to_the_last_word(line: str, words: tuple[str, ...]) -> None:
    assert [token[1] for token in lex([line])[0]] == [words]


def test_spans_stop_at_a_brace_and_at_a_comment() -> None:
    assert spans("a bb { c", 0) == [(0, 1), (2, 4)]
    assert spans("a bb { c", 6) == [(7, 8)]
    assert spans("a # b", 0) == [(0, 1)]


def test_a_line_without_its_comment() -> None:
    assert without_comment('a "#" b # c') == 'a "#" b '
    assert without_comment("a b") == "a b"


LINES = strategies.text(strategies.sampled_from("ab1/.{}!#\"\\' \t\r\u00a0é\x1c\x00"), max_size=40)


@hypothesis.given(strategies.lists(LINES, max_size=6))
def test_every_word_stands_where_its_span_says(lines: list[str]) -> None:
    tokens, _ = lex(lines)
    for kind, words, number, start in tokens:
        line = lines[number - 1]
        if kind != WORDS:
            assert line[start] == ("{" if kind == OPEN else "}")
            continue
        found = spans(line, start)
        assert len(found) >= len(words)
        shown = [word_of(line[first:last]) for first, last in found[: len(words)]]
        assert words in (tuple(shown), (*shown[:-1], f"{shown[-1]}\\"))


@hypothesis.given(strategies.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    lex(text.split("\n"))


WORD = strategies.text(strategies.characters(codec="utf-8", exclude_characters='{}"!#\\ \t\r\n\f\v\x00'), min_size=1)


@hypothesis.given(strategies.lists(strategies.lists(WORD, min_size=1, max_size=5), max_size=5))
def test_plain_words_come_back_as_they_were_written(statements: list[list[str]]) -> None:
    text = "\n".join(" ".join(words) for words in statements)
    assert pieces(text) == [tuple(words) for words in statements]


@hypothesis.given(strategies.text(strategies.sampled_from("a #!{}"), max_size=20))
def test_quotes_protect_everything_but_themselves(text: str) -> None:
    assert pieces(f'script "{text}"') == [("script", text)]
