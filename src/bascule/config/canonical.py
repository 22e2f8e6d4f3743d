# SPDX-License-Identifier: Apache-2.0
"""Configuration files as one file that means the same: every keyword that is in effect, spelled as it should be.

Definitions, sequences, conditions and includes are expanded, other spellings replaced, quotes and numbers written one
way. Keywords that are understood but not acted on stay: keepalived acts on them. Order stays as it is, since names
must be defined before they are used. What is not in effect is left out, and each such place is told in a comment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bascule.config import tree
from bascule.config.diagnostics import STRUCTURAL, Findings
from bascule.config.expand import Expander
from bascule.config.keywords import inline_lvs, lines
from bascule.config.keywords.bascule import honours_legacy
from bascule.config.keywords.top import TOP
from bascule.config.kinds import SCRIPT
from bascule.config.lost import report_lost
from bascule.config.recorder import Recorder, accepted
from bascule.config.schema import Block, Keyword, LineReader
from bascule.config.source import Source
from bascule.config.spelling import canonical, line_of
from bascule.config.tree import Statement
from bascule.model.diagnostic import Diagnostic, Severity

INDENT = "    "

_TOLD = frozenset(
    {"meaning/extra-words", "meaning/keepalived-applies", "keepalived-skips", "legacy-spelling", "rounded"}
)
"""Findings that are told beside the errors: text that changes for us or for keepalived."""

_STAYS = frozenset({"incomplete"})
"""Errors about blocks that stay for all that, since others may refer to them."""


class Printed(NamedTuple):
    """A canonical file."""

    body: bytes
    """Its lines; as bytes, since words keep the encoding that they had."""
    left_out: tuple[Diagnostic, ...]
    """What the files say and the body does not, or says in other words."""

    @property
    def text(self) -> bytes:
        """The whole file: the body, under comments that tell what is left out."""
        return b"".join(_comments(self.left_out)) + self.body


def print_sources(sources: Sequence[Source], config_id: str | None = None) -> Printed:
    """The canonical text of files, taken together as the loader takes them. Linear in the size of the text.

    `config_id`: what `@ID` lines are compared with; None = this machine's name without its domain.
    """
    findings = Findings()
    expander = Expander(findings, config_id if config_id is not None else os.uname().nodename.partition(".")[0])
    statements: list[Statement] = []
    for source in sources:
        statements.extend(tree.build(expander.expand(source), TOP.shape, findings))
    recorder = Recorder(findings, honours_legacy(statements))
    recorder.section(TOP, None, statements)
    if expander.torn or findings.places(STRUCTURAL - {"unknown-to-keepalived"}):
        report_lost(statements, TOP, expander.torn, findings)
    left_out = tuple(found for found in findings.sorted() if _is_told(found))
    body = b"".join(line + b"\n" for line in _Writer(recorder.taken).block(statements, TOP, 0))
    return Printed(body, left_out)


def _is_told(found: Diagnostic) -> bool:
    """The finding is about text that is not in the body, or not as it was."""
    return found.code in _TOLD or (found.severity is Severity.ERROR and found.code not in _STAYS)


def _comments(left_out: Sequence[Diagnostic]) -> Iterator[bytes]:
    if not left_out:
        return
    yield b"# Left out or written anew, because it is not in effect as it stands:\n"
    for found in left_out:
        place = found.file if found.line is None else f"{found.file}:{found.line}:{found.column}"
        yield " ".join(f"#   {place}: {found.message}".split("\n")).encode("utf-8", "backslashreplace") + b"\n"
    yield b"\n"


class _Writer:
    """Statements into lines."""

    def __init__(self, taken: dict[int, Keyword]) -> None:
        self.taken = taken

    def block(self, statements: Sequence[Statement], block: Block, depth: int) -> Iterator[bytes]:
        """The statements of one block that are in effect; at the top with an empty line beside each block."""
        before: Keyword | None = None
        for statement in statements:
            keyword = self.taken.get(id(statement))
            if keyword is None:
                continue
            if depth == 0 and before is not None and (before.braced or keyword.braced):
                yield b""
            before = keyword
            yield from self._statement(statement, keyword, block, depth)

    def _statement(self, statement: Statement, keyword: Keyword, block: Block, depth: int) -> Iterator[bytes]:
        text = _head(_name(keyword, block), statement, keyword)
        yield _encoded(statement, depth, f"{text} {{" if keyword.braced else text)
        if keyword.block is not None:
            yield from self.block(statement.children or (), keyword.block, depth + 1)
        elif keyword.lines is not None:
            for child in statement.children or ():
                yield from _line(child, keyword.lines, depth + 1)
        if keyword.braced:
            yield _encoded(statement, depth, "}")


def _name(keyword: Keyword, block: Block) -> str:
    """The spelling that a keyword should have, unless keepalived 2.2.7 does not know that one."""
    right = block.table.get(keyword.value)
    return keyword.name if right is None or (right.later and not keyword.later) else right.name


def _head(name: str, statement: Statement, keyword: Keyword) -> str:
    """A keyword and what stands after it, without words that are ignored."""
    if keyword.reader is not None:
        return line_of(_TITLES.get(keyword.reader, _as_they_are)(statement), name)
    if keyword.name == "regex" or SCRIPT in keyword.arguments:
        return f"{name} {statement.rest().strip()}"
    given = statement.words[1:]
    count = len(keyword.arguments)
    words = [canonical(kind, word) for kind, word in zip(keyword.arguments, given, strict=False)]
    if keyword.rest is not None:
        words += [canonical(keyword.rest, word) for word in given[count:]]
    return line_of(words, name)


def _as_they_are(statement: Statement) -> Sequence[str]:
    return statement.words[1:]


def _service(statement: Statement) -> Sequence[str]:
    how, what, port = lines.virtual_server_name(statement)
    if how != "address":
        return how, str(what)
    return (str(what), str(port)) if len(statement.words) > 2 else (str(what),)


def _without_wrong(reader: LineReader) -> Callable[[Statement], Sequence[str]]:
    """Spells arguments without those that are ignored."""

    def words(statement: Statement) -> Sequence[str]:
        kept = accepted(statement, reader)
        return kept.words[1:] if kept is not None else ()

    return words


_TITLES: dict[LineReader, Callable[[Statement], Sequence[str]]] = {
    lines.virtual_server_name: _service,
    inline_lvs.forwarding: inline_lvs.forwarding_words,
    inline_lvs.sync_daemon: _without_wrong(inline_lvs.sync_daemon),
    inline_lvs.timeouts: _without_wrong(inline_lvs.timeouts),
}
"""For arguments with a grammar of their own: how they are spelled. Others stay as they are."""


def _line(statement: Statement, reader: LineReader, depth: int) -> Iterator[bytes]:
    """A line of a block of lines, without the words in it that are ignored; nothing when all of it is."""
    kept = accepted(statement, reader)
    if kept is not None:
        yield _encoded(statement, depth, line_of(kept.words))


def _encoded(statement: Statement, depth: int, text: str) -> bytes:
    return (INDENT * depth + text).encode(statement.source.origin(statement.line).source.encoding)
