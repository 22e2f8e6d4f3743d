# SPDX-License-Identifier: Apache-2.0
"""Lines into words: comments, quotes and braces as keepalived 2.2.7 reads them. Knows no keyword.

A comment starts with `!` or `#` anywhere outside double quotes, even glued to a word; a backslash before them makes
them plain characters. A brace outside double quotes ends the line wherever it stands. Words are split at blanks;
double quotes make a word of their own, without escapes. Positions are not kept for each word, since few are ever asked
for: `spans` finds them again from where a line's words start.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

WORDS, OPEN, CLOSE = 0, 1, 2
"""What a token is: the words of a line, or a brace."""

Token = tuple[int, tuple[str, ...], int, int]
"""Kind, words (none for a brace), line number from 1, offset in the line from 0 at which it starts."""


class Flaw(NamedTuple):
    """A piece of text that cannot be words: line from 1, first and last offset, and which flaw (a diagnostic code)."""

    line: int
    start: int
    end: int
    code: str


_SPECIAL = re.compile("[^\t\x0b\x0c\r $-\\[\\]-z|~]")
"""All but ordinary ASCII: braces, quotes, comments, backslashes; also what Python alone takes for blanks.

A line without any of it is simply split at blanks.
"""


@functools.cache
def _pieces() -> re.Pattern[str]:
    """What a line is made of; compiled when the first line needs it."""
    return re.compile(_PIECE, re.VERBOSE | re.DOTALL)


_PIECE = r"""(?P<blank>[ \t\r\n\f\v]+)
    |(?P<quoted>"(?:[^"\\]|\\.)*"|"[^"]*")
    |(?P<comment>[#!].*)
    |(?P<brace>[{}])
    |(?P<word>(?:\\[#!]|[^ \t\r\n\f\v"#!{}])+)
    |(?P<open_quote>".*)"""


def lex(lines: list[str]) -> tuple[list[Token], list[Flaw]]:
    """The tokens of `lines` (without their line ends), and what could not be read. Linear in the size of the text."""
    flaws: list[Flaw] = []
    return list(scan(lines, flaws)), flaws


def scan(lines: list[str], flaws: list[Flaw]) -> Iterator[Token]:
    """The same one by one, since all tokens of a large file are large, too; what could not be read goes to `flaws`."""
    special = _SPECIAL.search
    # Large files repeat most of their lines and words: one tuple or string for all that are the same.
    seen: dict[str, tuple[str, ...]] = {}
    alone: dict[str, tuple[str, ...]] = {}
    same = {}.setdefault  # type: ignore[var-annotated]
    for number, line in enumerate(lines, 1):
        known = seen.get(line)
        if known is None and special(line) is None:
            known = seen[line] = tuple(line.split())
        if known is not None:
            if known:
                yield WORDS, known, number, 0
            continue
        stripped = line.strip(" \t\r")
        if stripped == "}":
            yield CLOSE, (), number, line.index("}")
        elif stripped[-1:] == "{" and special(stripped, 0, len(stripped) - 1) is None:
            words = stripped[:-1].split()
            if len(words) == 1:
                yield WORDS, alone.setdefault(words[0], tuple(words)), number, 0
            elif words:
                yield WORDS, tuple([same(word, word) for word in words]), number, 0
            yield OPEN, (), number, line.rindex("{")
        elif stripped[:1] not in {"!", "#"}:
            yield from _lex_line(line, number, flaws)
        elif stripped[-1] == "\\":
            yield WORDS, ("\\",), number, line.rindex("\\")


def _lex_line(line: str, number: int, flaws: list[Flaw]) -> list[Token]:
    """One line with anything special in it."""
    tokens: list[Token] = []
    if "\x00" in line:
        flaws.append(Flaw(number, line.index("\x00"), line.index("\x00") + 1, "nul-character"))
        return tokens
    words: list[str] = []
    start = 0
    for piece in _pieces().finditer(line):
        kind = piece.lastgroup
        if kind == "word" or kind == "quoted":
            if not words:
                start = piece.start()
            words.append(word_of(piece.group()))
        elif kind == "brace":
            if words:
                tokens.append((WORDS, tuple(words), number, start))
                words = []
            tokens.append((OPEN if piece.group() == "{" else CLOSE, (), number, piece.start()))
        elif kind == "open_quote":
            flaws.append(Flaw(number, piece.start(), len(line.rstrip("\r")), "unterminated-quote"))
    if line.rstrip(" \t\r").endswith("\\"):
        _glue(words)
        flaws.append(Flaw(number, line.rindex("\\"), line.rindex("\\") + 1, "meaning/line-continuation"))
    if words:
        tokens.append((WORDS, tuple(words), number, start))
    return tokens


def _glue(words: list[str]) -> None:
    """A backslash at the end of a line, even of its comment, becomes a part of the last word: it continues nothing."""
    if words and words[-1] == "\\" and len(words) > 1:
        words.pop()
    elif not words or words[-1].endswith("\\"):
        return
    words[-1] += "\\"


def word_of(text: str) -> str:
    """What a piece of source stands for: without its quotes, `\\#` as `#`."""
    if text[0] == '"':
        return text[1:-1]
    if "\\" in text:
        return text.replace("\\#", "#").replace("\\!", "!")
    return text


def without_comment(line: str) -> str:
    """The line up to its comment, if it has one."""
    for piece in _pieces().finditer(line):
        if piece.lastgroup == "comment":
            return line[: piece.start()]
    return line


def spans(line: str, start: int) -> list[tuple[int, int]]:
    """Where the words are that `lex` found in `line` from `start`: offsets of the first and past the last character."""
    found: list[tuple[int, int]] = []
    for piece in _pieces().finditer(line, start):
        if piece.lastgroup in ("word", "quoted"):
            found.append(piece.span())
        elif piece.lastgroup in ("brace", "comment"):
            break
    return found
