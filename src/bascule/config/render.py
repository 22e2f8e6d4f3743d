# SPDX-License-Identifier: Apache-2.0
"""Findings as text for people: place, severity, message and code, the source line, a caret under the word, a hint."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from bascule.model.diagnostic import Diagnostic, Severity

_COLOURS = {Severity.NOTE: "36", Severity.WARNING: "33", Severity.ERROR: "31", Severity.FATAL: "1;31"}
_FOLDED = frozenset({"skipped", "keepalived-skips"})
"""Findings of these codes follow one that says why; many in a row are told as one."""


def as_text(diagnostics: Sequence[Diagnostic], colour: bool) -> str:
    """All findings, each with a line end after it; an empty string for none."""
    parts: list[str] = []
    index = 0
    while index < len(diagnostics):
        run = _run(diagnostics, index)
        parts.append(_one(diagnostics[index], colour, run - 1))
        index += run
    return "".join(parts)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """How many of each severity: `2 errors, 1 warning`; empty for none."""
    counted = [(severity, sum(d.severity is severity for d in diagnostics)) for severity in reversed(Severity)]
    return ", ".join(f"{count} {severity.value}{_plural(severity, count)}" for severity, count in counted if count)


def _plural(severity: Severity, count: int) -> str:
    return "" if count == 1 or severity is Severity.FATAL else "s"


def _run(diagnostics: Sequence[Diagnostic], start: int) -> int:
    """How many findings from `start` are told as one."""
    end = start + 1
    first = diagnostics[start]
    if first.code in _FOLDED:
        while end < len(diagnostics) and (diagnostics[end].code, diagnostics[end].file) == (first.code, first.file):
            end += 1
    return end - start


def _one(diagnostic: Diagnostic, colour: bool, more: int) -> str:
    place = diagnostic.file
    if diagnostic.line is not None:
        place += f":{diagnostic.line}:{diagnostic.column}"
    severity = diagnostic.severity.value
    if colour:
        severity = f"\x1b[{_COLOURS[diagnostic.severity]}m{severity}\x1b[0m"
        place = f"\x1b[1m{place}\x1b[0m"
    lines = [f"{place}: {severity}: {_plain(diagnostic.message)} [{diagnostic.code}]"]
    if diagnostic.line is not None and diagnostic.source:
        lines += _quoted(diagnostic)
    if more:
        lines.append(f"    and {more} more line{'s' if more > 1 else ''} like this")
    if diagnostic.hint is not None:
        lines.append(f"    hint: {_plain(diagnostic.hint)}")
    return "\n".join(lines) + "\n"


def _quoted(diagnostic: Diagnostic) -> list[str]:
    """The source line, and carets under the word; tabs stay tabs, so that both lines move alike."""
    assert diagnostic.column is not None
    assert diagnostic.end_column is not None
    source = _plain(diagnostic.source)
    before = "".join("\t" if char == "\t" else " " * _width(char) for char in source[: diagnostic.column - 1])
    word = source[diagnostic.column - 1 : diagnostic.end_column - 1]
    return [f"    {source}", f"    {before}{'^' * max(1, sum(_width(char) for char in word))}"]


def _plain(text: str) -> str:
    """The text without what a terminal would act on, character for character."""
    return "".join(char if char == "\t" or char.isprintable() else "\ufffd" for char in text)


def _width(char: str) -> int:
    """Columns of a character on a terminal."""
    if char.isascii():
        return 1
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
