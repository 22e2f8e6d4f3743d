# SPDX-License-Identifier: Apache-2.0
"""Tokens into statements and blocks, with keepalived's brace rules. Knows of the keywords only which ones take a block.

A block that is not closed at the end of the file is closed there; a closing brace with nothing to close is dropped;
a keyword that takes a block but has no opening brace gets one. All three are reported. What stands in braces after a
word that takes none, or is not known, stays together as that word's block. Where a file has more opening braces than
closing ones, one after a word that takes none is dropped, and a block of the top of a file ends what is still open.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from bascule.config.diagnostics import Findings
from bascule.config.lexer import CLOSE, OPEN, WORDS, Flaw, Token, lex, scan, spans
from bascule.config.source import Source, Span
from bascule.model.diagnostic import Severity

Shape: TypeAlias = Mapping[str, Any]
"""Keywords, each with the shape of its block (empty where the block holds lines), or None when it takes none."""


class Statement(msgspec.Struct, gc=False, eq=False):
    """One keyword with its arguments, and its block if it has one. `words[0]` is the keyword ("" for a lone block).

    A large file has hundreds of thousands of them: kept small.
    """

    source: Source
    words: tuple[str, ...]
    line: int
    """From 1."""
    start: int
    """The first word is at or after this offset in the line."""
    children: list[Statement] | None = None
    closing: int | None = None
    """Where the block's closing brace is: the line, and in the lowest 32 bits the offset in it."""

    @property
    def close(self) -> Span | None:
        """Where the block's closing brace is; None when it has no block or the file ended first."""
        if self.closing is None:
            return None
        line, offset = divmod(self.closing, 2**32)
        return Span(line, offset + 1, offset + 2)

    def span(self, index: int = 0) -> Span:
        """The place of word `index`; of the last word that there is, for one that is missing."""
        found = spans(self.source.lines[self.line - 1], self.start)[: len(self.words)]
        if not found:
            return Span(self.line, self.start + 1, self.start + 2)
        first, last = found[min(index, len(found) - 1)]
        return Span(self.line, first + 1, last + 1)

    def rest(self) -> str:
        """The source text after the keyword, up to a brace or comment: what shell-like readers read anew."""
        found = spans(self.source.lines[self.line - 1], self.start)[: len(self.words)]
        return self.source.lines[self.line - 1][found[1][0] : found[-1][1]] if len(found) > 1 else ""

    def walk(self) -> Iterator[Statement]:
        """Every statement in this one's block, at any depth, in the order of the file."""
        waiting = list(reversed(self.children or ()))
        while waiting:
            statement = waiting.pop()
            yield statement
            if statement.children:
                waiting.extend(reversed(statement.children))


class _Builder:
    """The state of one pass over the tokens."""

    def __init__(self, source: Source, shape: Shape, findings: Findings) -> None:
        self.source = source
        self.findings = findings
        self.dropped = 0
        """How many opening braces without a closing one have been dealt with."""
        self.top: list[Statement] = []
        self.children = self.top
        self.outermost = shape
        self.shape: Shape | None = shape
        self.stack: list[tuple[list[Statement], Shape | None, Statement]] = []
        self.pending: Statement | None = None
        """The statement that an opening brace would belong to."""
        self.expected: Shape | None = None
        """The shape of the block that `pending` must have; None when it takes none."""

    def words(self, words: tuple[str, ...], line: int, start: int) -> None:
        if self.expected is not None:
            self._missing_open(line, start, words[0])
        statement = Statement(self.source, words, line, start)
        if self.stack and words[0] in self.outermost and self._belongs_outside(words[0]):
            self._close_all(statement)
        self.children.append(statement)
        self.pending = statement
        if self.shape is not None:
            self.expected = self.shape.get(words[0])

    @functools.cached_property
    def _surplus(self) -> int:
        """How many opening braces have no closing one; counted only where something is wrong."""
        kinds = [token[0] for token in lex(self.source.lines)[0]]
        return kinds.count(OPEN) - kinds.count(CLOSE)

    def _belongs_outside(self, word: str) -> bool:
        """Whether a word opens a block at the top of a file, is nothing here, and a closing brace is missing."""
        if self.shape is not None and (word in self.shape or self.shape == {}):
            return False
        return self.outermost[word] is not None and self._surplus > self.dropped

    def _close_all(self, statement: Statement) -> None:
        """Close every block before a statement that can only stand outside them."""
        self.dropped += len(self.stack)
        opener = self.stack[0][2]
        self.children, self.shape = self.top, self.outermost
        self.stack.clear()
        word, place = statement.words[0], self.source.origin(opener.line).line
        message = f"a '}}' is missing before '{word}': '{' '.join(opener.words)}' at line {place} is still open"
        # keepalived would read on in the block that is open; which of both is meant, nobody can say.
        self.findings.add("missing-close", statement, 0, message, "write '}' above", Severity.FATAL)

    def _stray_open(self, line: int, start: int) -> bool:
        """Whether an opening brace is one too many: the file lacks a closing one, and no block can begin here."""
        if self.shape is None or self.expected is not None:
            return False
        if self.pending is not None and self.shape != {} and self.pending.words[0] not in self.shape:
            return False
        if self._surplus <= self.dropped:
            return False
        self.dropped += 1
        self.pending = None
        message = "'{' stands where no block can begin, and the file lacks a '}': this one is dropped"
        self.findings.add_at("unexpected-brace", self.source, Span(line, start + 1, start + 2), message)
        return True

    def open(self, line: int, start: int) -> None:
        if self._stray_open(line, start):
            return
        if self.pending is None:
            self.pending = Statement(self.source, ("",), line, start)
            self.children.append(self.pending)
        self._enter(self.pending, self.expected)

    def close(self, line: int, start: int) -> None:
        if self.expected is not None:
            self._missing_open(line, start, "}")
        self.pending = None
        if not self.stack:
            self.findings.add_at("extra-brace", self.source, Span(line, start + 1, start + 2), "'}' closes nothing")
            return
        self.children, self.shape, opener = self.stack.pop()
        opener.closing = line << 32 | start

    def finish(self) -> None:
        if self.expected is not None:
            assert self.pending is not None
            word = self.pending.words[0]
            message = f"'{word}' has no '{{' after it"
            self.findings.add("missing-open", self.pending, len(self.pending.words) - 1, message)
            self._enter(self.pending, self.expected)
        if self.stack:
            opener = self.stack[0][2]
            count = len(self.stack)
            self.findings.add_file(
                "missing-close",
                self.source,
                f"{count} closing brace{'s are' if count > 1 else ' is'} missing at the end of the file",
                f"'{' '.join(opener.words)}' at line {self.source.origin(opener.line).line} is still open",
            )

    def _missing_open(self, line: int, start: int, before: str) -> None:
        """Open the block of the pending statement before the word that stands where its brace should be."""
        assert self.pending is not None
        assert self.expected is not None
        opener = " ".join(self.pending.words)
        place = self.source.origin(self.pending.line).line
        span = (
            Span(line, start + 1, start + 2) if before == "}" else Statement(self.source, (before,), line, start).span()
        )
        message = f"a '{{' is missing before '{before}': '{opener}' at line {place} opens no block"
        code = "missing-open" if self.expected else "meaning/missing-open"
        self.findings.add_at(code, self.source, span, message, f"write '{opener} {{'")
        self._enter(self.pending, self.expected)

    def _enter(self, opener: Statement, shape: Shape | None) -> None:
        self.stack.append((self.children, self.shape, opener))
        opener.children = self.children = []
        self.shape = shape
        self.pending = None
        self.expected = None


def build(source: Source, shape: Shape, findings: Findings) -> list[Statement]:
    """The statements at the top of `source`; what is wrong with its quotes and braces goes to `findings`."""
    flaws: list[Flaw] = []
    statements = assemble(source, scan(source.lines, flaws), shape, findings)
    for flaw in flaws:
        span = Span(flaw.line, flaw.start + 1, flaw.end + 1)
        findings.add_at(flaw.code, source, span, _FLAWS[flaw.code])
    return statements


_FLAWS = {
    "unterminated-quote": "this quote is not closed: the rest of the line is lost",
    "meaning/line-continuation": "a backslash does not continue a line, but in a definition",
    "nul-character": "a line with a NUL character is skipped",
}


def assemble(source: Source, tokens: Iterable[Token], shape: Shape, findings: Findings) -> list[Statement]:
    """The statements that `tokens` make."""
    builder = _Builder(source, shape, findings)
    add, enter, leave = builder.words, builder.open, builder.close
    for kind, words, line, start in tokens:
        if kind == WORDS:
            add(words, line, start)
        elif kind == OPEN:
            enter(line, start)
        else:
            leave(line, start)
    builder.finish()
    return builder.top
