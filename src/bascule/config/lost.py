# SPDX-License-Identifier: Apache-2.0
"""What keepalived 2.2.7 makes of a file whose braces or blocks are wrong: which of its lines it complains of.

keepalived ignores the opening brace after a word that takes no block, so that the block's closing brace ends the block
around it, and what follows is read in the wrong place. Each of its processes reads the whole file and knows only its
own blocks; the others it skips by counting braces. This does the same with braces and keywords, and reads no values but
the lines of line blocks. Only files in which something is wrong with a block come here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bascule.config.diagnostics import STRUCTURAL, Findings
from bascule.config.lexer import CLOSE, OPEN, WORDS, Token, lex
from bascule.config.schema import Block, Keyword, RefusedLineError, walk
from bascule.config.source import Source, Span
from bascule.config.tree import Statement
from bascule.config.unread import nowhere

REFUSED = frozenset(
    {"missing-argument", "missing-name", "duplicate", "bad-address", "bad-number", "out-of-range", "bad-word"}
)
"""What a block's own line is refused for: keepalived skips such a block by counting braces."""

PROCESSES = (
    frozenset({"global_defs"}),
    frozenset({"global_defs", "bfd_instance"}),
    frozenset({"global_defs", "virtual_server", "virtual_server_group", "SSL", "track_file", "vrrp_track_file"}),
    frozenset(
        {
            "global_defs",
            "garp_group",
            "interface_up_down_delays",
            "linkbeat_interfaces",
            "static_ipaddress",
            "static_routes",
            "static_rules",
            "track_file",
            "track_group",
            "vrrp_instance",
            "vrrp_script",
            "vrrp_sync_group",
            "vrrp_track_file",
            "vrrp_track_process",
        }
    ),
)
"""The blocks that each process reads, in the order in which they do: the parent, BFD, the checker and VRRP."""

Place = tuple[str, int]
"""A file and a line in it."""


class _Process:
    """Where one process believes to be."""

    def __init__(self, source: Source, top: Block, active: frozenset[str], refused: frozenset[int]) -> None:
        self._source = source
        self._active = active
        self._refused = refused
        self._top = top
        self._stack: list[Keyword] = []
        self._skipping = 0
        """Braces still to be closed of what is skipped; -1: an opening brace may follow."""
        self._needs_open = False
        self.ended = False
        """At a keyword without an argument that it needs: nothing is read behind it, by the processes after it, too."""

    def read(self, tokens: Sequence[Token]) -> set[int]:
        """The lines that draw a message, until it ends."""
        found: set[int] = set()
        for token in tokens:
            if self._complains(token):
                found.add(token[2])
            if self.ended:
                break
        return found

    def _complains(self, token: Token) -> bool:
        """Take the next token; whether it draws a message."""
        kind = token[0]
        if self._skips(kind):
            return False
        if self._needs_open:
            self._needs_open = False
            if kind == OPEN:
                return False
            # Where lines are wanted, keepalived does not miss the brace.
            missed = self._stack[-1].lines is None
            return self._line(token) or missed
        return self._line(token)

    def _skips(self, kind: int) -> bool:
        if self._skipping == -1:
            self._skipping = int(kind == OPEN)
            return kind == OPEN
        if not self._skipping:
            return False
        self._skipping += 1 if kind == OPEN else -1 if kind == CLOSE else 0
        return True

    def _line(self, token: Token) -> bool:
        kind, words, line, start = token
        around = self._stack[-1] if self._stack else None
        if kind == CLOSE and around is not None:
            self._stack.pop()
            return False
        if around is not None and around.lines is not None:
            return kind != WORDS or self._refuses(around, Statement(self._source, words, line, start))
        if kind != WORDS:
            return True
        block = around.block if around is not None else self._top
        keyword = block.table.get(words[0]) if block is not None else None
        if keyword is None or keyword.legacy or keyword.later:
            return True
        if (around is None and keyword.braced and keyword.name not in self._active) or (
            keyword.braced and line in self._refused
        ):
            self._skipping = -1
        elif self._lacks_argument(keyword, words) and line not in self._refused:
            self.ended = True
            return True
        elif keyword.braced:
            self._stack.append(keyword)
            self._needs_open = True
        return False

    @staticmethod
    def _lacks_argument(keyword: Keyword, words: Sequence[str]) -> bool:
        """keepalived ends here. Where we read the line as it does, bascule.config.unread knows that."""
        needed = 0 if keyword.reader is not None or keyword.bare else len(keyword.arguments) - keyword.optional
        return len(words) <= needed

    def _refuses(self, around: Keyword, statement: Statement) -> bool:
        assert around.lines is not None
        try:
            around.lines(statement)
        except RefusedLineError:
            return True
        return False


def report_lost(statements: Sequence[Statement], top: Block, torn: set[Place], findings: Findings) -> set[Place]:
    """Add a finding to each line that has none yet and that keepalived would skip, and mend what others assumed of it.

    `torn`: files and lines in which an undefined `${NAME}` stands, whose braces keepalived takes for a block. Returns
    the places that keepalived complains of; none where it reads the files as we do.
    """
    if not torn and not findings.places(STRUCTURAL):
        return set()
    own = _own(statements)
    told = findings.places() | own
    reading = _Reading(
        top, PROCESSES[:1] if nowhere(statements) is not None else PROCESSES, torn, findings.places(REFUSED)
    )
    asleep, quiet = _misspelt(statements, top, findings.places({"wrong-case"}))
    lexed = [(source, lex(source.lines)[0]) for source in dict.fromkeys(statement.source for statement in statements)]
    complaints = {_place(source, line) for source, tokens in lexed for line in _complaints(source, tokens, reading)}
    if nowhere(statements) is None:
        findings.correct(complaints | own)
    for source, tokens in lexed:
        untold = [
            token for token in tokens if _place(source, token[2]) in complaints and _place(source, token[2]) not in told
        ]
        if not quiet or any(token[0] == WORDS and _place(source, token[2]) not in quiet for token in untold):
            for token in {token[2]: token for token in reversed(untold)}.values():
                _say(source, token, _place(source, token[2]) in asleep, findings)
    return complaints


def _own(statements: Sequence[Statement]) -> set[Place]:
    """The lines of `bascule` blocks, which keepalived complains of and need not know."""
    blocks = [statement for statement in statements if statement.words[0] == "bascule"]
    return {_place(line.source, line.line) for block in blocks for line in (block, *block.walk())}


def _place(source: Source, line: int) -> Place:
    origin = source.origin(line)
    return origin.source.name, origin.line


class _Reading(NamedTuple):
    """By whom a file is read, and what is known of its lines."""

    top: Block
    processes: Sequence[frozenset[str]]
    torn: set[Place]
    refused: set[Place]


def _complaints(source: Source, tokens: list[Token], reading: _Reading) -> frozenset[int]:
    """The lines that draw a message of any process."""
    torn, refused = reading.torn, reading.refused
    lines = frozenset(token[2] for token in tokens if _place(source, token[2]) in refused) if refused else frozenset()
    seen = list(_as_keepalived_sees(source, tokens, torn)) if torn else tokens
    found = _closed_too_often(seen)
    for active in reading.processes:
        process = _Process(source, reading.top, active, lines)
        found |= process.read(seen)
        if process.ended:
            break
    return frozenset(found)


def _closed_too_often(tokens: Sequence[Token]) -> set[int]:
    """The lines of closing braces that close nothing."""
    found: set[int] = set()
    depth = 0
    for token in tokens:
        depth += 1 if token[0] == OPEN else -1 if token[0] == CLOSE else 0
        if depth < 0:
            depth = 0
            found.add(token[2])
    return found


def _as_keepalived_sees(source: Source, tokens: list[Token], torn: set[Place]) -> Iterator[Token]:
    """The tokens, with a block after each line in which an undefined `${NAME}` stands."""
    for token in tokens:
        yield token
        if token[0] == WORDS and _place(source, token[2]) in torn and any("$" in word for word in token[1]):
            yield OPEN, (), token[2], token[3]
            yield WORDS, ("",), token[2], token[3]
            yield CLOSE, (), token[2], token[3]


def _misspelt(statements: Sequence[Statement], top: Block, wrong: set[Place]) -> tuple[set[Place], set[Place]]:
    """What stands in blocks whose own word has wrong capitals: all lines; those of them that hold no keywords."""
    asleep: set[Place] = set()
    quiet: set[Place] = set()
    if wrong:
        of_lines = {keyword.name.lower() for _, keyword in walk(top) if keyword.lines is not None}
        for outer in statements:
            for statement in (outer, *outer.walk()):
                if statement.children is not None and _place(statement.source, statement.line) in wrong:
                    inside = {_place(line.source, line.line) for line in statement.walk()}
                    asleep |= inside
                    quiet |= inside if statement.words[0].lower() in of_lines else set()
    return asleep, quiet


def _say(source: Source, token: Token, asleep: bool, findings: Findings) -> None:
    kind, words, line, start = token
    if kind != WORDS:
        brace = "}" if kind == CLOSE else "{"
        message = f"keepalived has lost its place further up and takes this '{brace}' for one too many"
        findings.add_at("keepalived-skips", source, Span(line, start + 1, start + 2), message)
    elif asleep:
        statement = Statement(source, words, line, start)
        findings.add("skipped", statement, 0, f"'{words[0]}' is skipped with the block that it stands in")
    else:
        message = f"'{words[0]}' is in effect here; keepalived has lost its place further up and skips it"
        findings.add("keepalived-skips", Statement(source, words, line, start), 0, message)
