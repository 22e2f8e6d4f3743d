# SPDX-License-Identifier: Apache-2.0
"""Findings as annotations of a GitHub workflow: a line each, which the runner shows beside the source line.

Workflow commands: `::error file=F,line=L,col=C,endColumn=E,title=T::MESSAGE`. Columns here end past the last character,
there on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from bascule.model.diagnostic import Diagnostic, Severity

_COMMANDS = {
    Severity.NOTE: "notice",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
    Severity.FATAL: "error",
}


def as_annotations(diagnostics: Sequence[Diagnostic]) -> str:
    """All findings, each with a line end after it; an empty string for none."""
    return "".join(f"{_annotation(diagnostic)}\n" for diagnostic in diagnostics)


def _annotation(diagnostic: Diagnostic) -> str:
    properties = {"file": diagnostic.file}
    if diagnostic.line is not None and diagnostic.column is not None and diagnostic.end_column is not None:
        properties["line"] = str(diagnostic.line)
        properties["col"] = str(diagnostic.column)
        properties["endColumn"] = str(max(diagnostic.column, diagnostic.end_column - 1))
    properties["title"] = diagnostic.code
    shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = diagnostic.message if diagnostic.hint is None else f"{diagnostic.message}\n{diagnostic.hint}"
    return f"::{_COMMANDS[diagnostic.severity]} {shown}::{_data(message)}"


def _data(text: str) -> str:
    """A message as the runner reads it back."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property's value, in which colons and commas mean something, too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
