# SPDX-License-Identifier: Apache-2.0
"""Braces: where blocks begin and end when they are right, missing, or too many."""

from __future__ import annotations

import hypothesis
from hypothesis import strategies

from bascule.config import tree
from bascule.config.diagnostics import Findings
from bascule.config.source import Source, Span
from bascule.config.tree import Statement

SHAPE: tree.Shape = {"outer": {"inner": {}}}

Plain = tuple[tuple[str, ...], list["Plain"] | None]


def plain(statement: Statement) -> Plain:
    """A statement as words and children."""
    children = statement.children
    return statement.words, None if children is None else [plain(child) for child in children]


def build(text: str) -> tuple[list[Plain], list[str]]:
    """The statements of a text, and the codes of what is wrong with its braces."""
    findings = Findings()
    statements = tree.build(Source("k.conf", text), SHAPE, findings)
    return [plain(statement) for statement in statements], [found.code for found in findings.sorted()]


def test_the_brace_may_stand_anywhere() -> None:
    expected: list[Plain] = [(("outer", "x"), [(("inner",), [(("a",), None)])]), (("b",), None)]
    for text in (
        "outer x {\n inner {\n  a\n }\n}\nb",
        "outer x{ inner{ a } }\nb",
        "outer x\n\n# c\n{\ninner\n{\na\n}\n}\nb",
        "outer x { inner { a\n}} b",
    ):
        assert build(text) == (expected, [])


def test_a_missing_close_closes_at_the_end() -> None:
    statements, codes = build("outer x {\n inner {\n a\n }\n")
    assert statements == [(("outer", "x"), [(("inner",), [(("a",), None)])])]
    assert codes == ["missing-close"]


def test_the_missing_close_names_the_open_block() -> None:
    findings = Findings()
    tree.build(Source("k.conf", "\nouter x {\n inner {\n a\n"), SHAPE, findings)
    (found,) = findings.sorted()
    assert found.line is None
    assert found.message == "2 closing braces are missing at the end of the file"
    assert found.hint == "'outer x' at line 2 is still open"


def test_an_extra_close_is_dropped() -> None:
    assert build("outer {\n}\n}\na") == ([(("outer",), []), (("a",), None)], ["extra-brace"])


def test_a_missing_open_is_put_in() -> None:
    expected: list[Plain] = [(("outer", "x"), [(("a",), None)]), (("b",), None)]
    assert build("outer x\n a\n}\nb") == (expected, ["missing-open"])
    assert build("outer x\n}\nb") == ([(("outer", "x"), []), (("b",), None)], ["missing-open"])
    assert build("outer x") == ([(("outer", "x"), [])], ["missing-close", "missing-open"])


def test_a_brace_too_many_after_a_word_without_block_is_dropped() -> None:
    shape: tree.Shape = {"outer": {"plain": None, "list": {}}, "plain": None}

    def built(text: str) -> tuple[list[Plain], list[str]]:
        findings = Findings()
        statements = tree.build(Source("k.conf", text), shape, findings)
        return [plain(statement) for statement in statements], [found.code for found in findings.sorted()]

    expected: list[Plain] = [(("outer",), [(("plain", "1"), None), (("list",), [(("x",), None)])]), (("plain",), None)]
    assert built("outer {\n plain 1 {\n list {\n x\n }\n}\nplain") == (expected, ["unexpected-brace"])
    assert built("outer {\n plain 1\n list {\n x {\n }\n}\nplain") == (expected, ["unexpected-brace"])
    assert built("outer {\n plain 1 {\n }\n}")[0] == [(("outer",), [(("plain", "1"), [])])]


def test_a_block_of_the_top_ends_what_was_not_closed() -> None:
    expected: list[Plain] = [(("outer", "x"), [(("inner",), [(("a",), None)])]), (("outer", "y"), [])]
    assert build("outer x {\n inner {\n a\n }\nouter y {\n}\n") == (expected, ["missing-close"])
    assert build("outer x {\n foo {\n a\nouter y {\n}\n") == (
        [(("outer", "x"), [(("foo",), [(("a",), None)])]), (("outer", "y"), [])],
        ["missing-close"],
    )


def test_blocks_of_unknown_words_stay_together() -> None:
    assert build("foo {\n outer\n bar {\n }\n}\na") == (
        [(("foo",), [(("outer",), None), (("bar",), [])]), (("a",), None)],
        [],
    )


def test_a_lone_brace_is_a_block_without_a_word() -> None:
    assert build("{\n a\n}") == ([(("",), [(("a",), None)])], [])


def test_places_of_words_and_braces() -> None:
    source = Source("k.conf", "outer {\n  inner  x { a } # c\n}")
    (outer,) = tree.build(source, SHAPE, Findings())
    assert outer.children is not None
    (inner,) = outer.children
    assert inner.span() == Span(2, 3, 8)
    assert inner.span(1) == Span(2, 10, 11)
    assert inner.span(7) == Span(2, 10, 11)
    assert inner.close == Span(2, 16, 17)
    assert outer.close == Span(3, 1, 2)


def test_the_place_of_a_lone_brace() -> None:
    (lone,) = tree.build(Source("k.conf", "  {\n}"), SHAPE, Findings())
    assert lone.span() == Span(1, 3, 4)


def test_the_text_after_the_keyword_as_it_stands() -> None:
    (statement,) = tree.build(Source("k.conf", "notify  \"a  b\" 'c' # d"), SHAPE, Findings())
    assert statement.rest() == "\"a  b\" 'c'"
    (bare,) = tree.build(Source("k.conf", "notify"), SHAPE, Findings())
    assert bare.rest() == ""


def test_walk_goes_through_everything_in_order() -> None:
    (outer,) = tree.build(Source("k.conf", "outer {\n a\n inner {\n b\n }\n c\n}"), SHAPE, Findings())
    assert [statement.words[0] for statement in outer.walk()] == ["a", "inner", "b", "c"]


def test_flaws_of_the_lines_are_reported() -> None:
    assert build('a "b\n\x00')[1] == ["unterminated-quote", "nul-character"]


TREES = strategies.recursive(
    strategies.sampled_from(["a", "b x", "c 1 2"]),
    lambda children: strategies.tuples(
        strategies.sampled_from(["outer", "inner", "foo z"]), strategies.lists(children)
    ),
    max_leaves=20,
)


def written(node: object) -> str:
    """A tree as text."""
    if isinstance(node, str):
        return f"{node}\n"
    assert isinstance(node, tuple)
    word, children = node
    return f"{word} {{\n{''.join(written(child) for child in children)}}}\n"


def meant(node: object) -> Plain:
    """The same tree as statements."""
    if isinstance(node, str):
        return tuple(node.split()), None
    assert isinstance(node, tuple)
    word, children = node
    return tuple(word.split()), [meant(child) for child in children]


@hypothesis.given(strategies.lists(TREES, max_size=5))
def test_a_written_tree_comes_back(trees: list[object]) -> None:
    statements, codes = build("".join(written(node) for node in trees))
    assert statements == [meant(node) for node in trees]
    assert codes == []


@hypothesis.given(strategies.text(strategies.sampled_from('outer inner{}\n "#a'), max_size=120))
def test_any_text_builds_a_tree_whose_places_exist(text: str) -> None:
    findings = Findings()
    source = Source("k.conf", text)
    for statement in tree.build(source, SHAPE, findings):
        for each in (statement, *statement.walk()):
            span = each.span()
            assert 1 <= span.line <= len(source.lines)
            assert 1 <= span.column < span.end_column <= len(source.lines[span.line - 1]) + 1
    for found in findings.sorted():
        assert found.line is None or found.line <= len(source.lines)
