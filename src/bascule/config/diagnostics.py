# SPDX-License-Identifier: Apache-2.0
"""Collects findings while files are read: each once, in the order of the files. Prints nothing."""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from bascule.config.codes import CODES
from bascule.config.source import Source, Span
from bascule.model.diagnostic import Diagnostic, Severity

if TYPE_CHECKING:
    from bascule.config.tree import Statement


STRUCTURAL = frozenset(
    {
        "unknown-keyword",
        "wrong-case",
        "unexpected-brace",
        "missing-open",
        "missing-close",
        "extra-brace",
        "meaning/missing-open",
        "unknown-to-keepalived",
    }
)
"""Codes of what keepalived may read otherwise than we do; without one of them both read the same lines."""

_SHIFTING = frozenset({"skipped", "unknown-keyword", "unexpected-brace", "missing-close"})
"""Codes of what keepalived may read in another place than we do, once a brace is wrong."""


def _says_wrong(found: Diagnostic) -> bool:
    """Whether a finding says that its line is not in effect as it stands."""
    if found.code == "not-acted-on":
        return False
    return found.severity is not Severity.WARNING or not found.code.startswith("meaning/")


class Fate(enum.Enum):
    """Why a block of the files has no struct of its own in the model."""

    LEFT_OUT = "left out"
    """It is accepted, but bascule cannot run it."""
    SKIPPED = "skipped"
    """Another one of its name stands above: it is not in effect."""


class Findings:
    """Everything found so far."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._found: dict[tuple[str, Span | None, str, str], Diagnostic] = {}
        self._files: list[str] = []
        self.fates: dict[int, Fate] = {}
        """By the identity of a block's statement; blocks that are not here have their struct."""

    def __len__(self) -> int:
        """How many."""
        return len(self._found)

    def add(
        self,
        code: str,
        statement: Statement,
        index: int,
        message: str,
        hint: str | None = None,
        severity: Severity | None = None,
    ) -> None:
        """A finding about word `index` of a statement."""
        self.add_at(code, statement.source, statement.span(index), message, hint, severity)

    def add_at(
        self,
        code: str,
        source: Source,
        span: Span,
        message: str,
        hint: str | None = None,
        severity: Severity | None = None,
    ) -> None:
        """A finding about a place in a file."""
        origin = source.origin(span.line)
        name = origin.source.name
        self._note_file(name)
        found = Diagnostic(
            severity=severity or CODES[code][0],
            code=code,
            file=name,
            line=origin.line,
            column=span.column,
            end_column=span.end_column,
            message=message,
            hint=hint,
            source=source.line(span.line),
        )
        self._found.setdefault((name, span._replace(line=origin.line), code, message), found)

    def add_at_end(self, code: str, statement: Statement, message: str, hint: str | None = None) -> None:
        """A finding about a block, at its closing brace, where keepalived says it; at its opening one without."""
        if statement.close is None:
            self.add(code, statement, 0, message, hint)
        else:
            self.add_at(code, statement.source, statement.close, message, hint)

    def add_file(self, code: str, source: Source | str, message: str, hint: str | None = None) -> None:
        """A finding about a whole file, given as what was read or by its name."""
        name = source if isinstance(source, str) else source.name
        self._note_file(name)
        found = Diagnostic(severity=CODES[code][0], code=code, file=name, message=message, hint=hint)
        self._found.setdefault((name, None, code, message), found)

    def places(self, codes: Collection[str] | None = None) -> set[tuple[str, int]]:
        """The files and lines that have a finding of some codes; without them, one that says that a line is wrong."""
        return {
            (found.file, found.line)
            for found in self._found.values()
            if found.line is not None and (_says_wrong(found) if codes is None else found.code in codes)
        }

    def correct(self, complaints: Collection[tuple[str, int]]) -> None:
        """Where text is skipped here and keepalived has no complaint of its line, say that keepalived takes it."""
        code = "meaning/keepalived-applies"
        for key, found in list(self._found.items()):
            if found.code in _SHIFTING and found.line is not None and (found.file, found.line) not in complaints:
                del self._found[key]
                message = f"{found.message}; keepalived, elsewhere by then, takes it without a word"
                severity = CODES[code][0] if found.code == "skipped" else found.severity
                changed = msgspec.structs.replace(found, code=code, severity=severity, message=message)
                self._found.setdefault((found.file, key[1], code, message), changed)

    def unread(self, places: Collection[tuple[str, int]], why: str) -> None:
        """What is found at some places, which keepalived does not read, says so, and why."""
        code = "meaning/unread"
        for key, found in list(self._found.items()):
            if (found.file, found.line) in places and not found.code.startswith(("meaning/", "not-acted-on")):
                del self._found[key]
                if found.code == "keepalived-skips":
                    continue
                message = f"{found.message}; {why} and never reads this"
                changed = msgspec.structs.replace(found, code=code, message=message)
                self._found.setdefault((found.file, key[1], code, message), changed)

    def settle(self, code: str) -> None:
        """Drop what is found with `code` at places where something else says that the line is wrong."""
        told = self.places()
        for key, found in list(self._found.items()):
            if found.code == code and found.line is not None and (found.file, found.line) in told:
                del self._found[key]

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All findings: by file in the order of reading, then by place; those about a whole file first."""
        order = {name: number for number, name in enumerate(self._files)}
        return tuple(
            sorted(self._found.values(), key=lambda d: (order[d.file], d.line or 0, d.column or 0, d.code, d.message))
        )

    def _note_file(self, name: str) -> None:
        if name not in self._files:
            self._files.append(name)
