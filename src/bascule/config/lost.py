# SPDX-License-Identifier: Apache-2.0
"""What keepalived 2.2.7 loses after a block that it does not know: lines that are in effect here and skipped there.

keepalived ignores the opening brace after an unknown word, so that the block's closing brace ends the block around it;
what follows is then read in the wrong place. This follows the braces as keepalived does and reads no values.
"""

from __future__ import annotations

from collections.abc import Iterator

from bascule.config.diagnostics import Findings
from bascule.config.schema import Block, Keyword
from bascule.config.source import Span
from bascule.config.tree import Statement

Events = Iterator[tuple[Statement, bool]]


def _events(statements: list[Statement]) -> Events:
    """Every statement in the order of the file, and once more (True) where its block ends."""
    waiting: list[tuple[Statement, bool]] = [(statement, False) for statement in reversed(statements)]
    while waiting:
        statement, closes = waiting.pop()
        yield statement, closes
        if not closes and statement.children is not None:
            waiting.append((statement, True))
            waiting.extend((child, False) for child in reversed(statement.children))


class _Place:
    """Where keepalived believes to be."""

    def __init__(self, top: Block) -> None:
        self.top = top
        self.stack: list[Block | None] = []
        """The blocks around; None for one that holds lines."""

    def knows(self, word: str) -> Keyword | None:
        """The keyword that a word is here; capitals do not matter, since wrong ones have been reported."""
        block = self.stack[-1] if self.stack else self.top
        return (block.table.get(word) or block.other_case(word)) if block is not None else None

    def accepts(self, word: str) -> bool:
        """Whether keepalived takes the line."""
        return bool(self.stack and self.stack[-1] is None) or self.knows(word) is not None

    def close(self) -> bool:
        """A closing brace; False when there is nothing to close."""
        if not self.stack:
            return False
        self.stack.pop()
        return True


def report_lost(statements: list[Statement], top: Block, torn: set[tuple[str, int]], findings: Findings) -> None:
    """Add a finding to each line that has none yet and that keepalived would skip.

    `torn`: files and lines in which an undefined `${NAME}` stands, whose braces keepalived takes for a block.
    """
    place = _Place(top)
    told = findings.places()
    for statement, closes in _events(statements):
        origin = statement.source.origin(statement.line)
        if closes:
            if not place.close() and statement.close is not None:
                _say_brace(statement, statement.close, told, findings)
            continue
        word = statement.words[0]
        if not place.accepts(word) and (origin.source.name, origin.line) not in told:
            message = f"'{word}' is in effect here; keepalived has lost its place further up and skips it"
            findings.add("keepalived-skips", statement, 0, message)
        keyword = place.knows(word)
        if statement.children is not None and keyword is not None and keyword.braced:
            place.stack.append(keyword.block)
        if (origin.source.name, origin.line) in torn:
            place.close()


def _say_brace(statement: Statement, span: Span, told: set[tuple[str, int]], findings: Findings) -> None:
    origin = statement.source.origin(span.line)
    if (origin.source.name, origin.line) not in told:
        message = "keepalived has lost its place further up and takes this '}' for one too many"
        findings.add_at("keepalived-skips", statement.source, span, message)
