# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a configuration file, and where. `bascule check --format json` prints these as they are."""

from __future__ import annotations

import enum

from bascule.model.base import Model


class Severity(enum.Enum):
    """How much a finding matters."""

    NOTE = "note"
    """Style."""
    WARNING = "warning"
    """Understood, probably not meant."""
    ERROR = "error"
    """Text that is not in effect; `run` starts without it."""
    FATAL = "fatal"
    """`run` refuses."""


class Diagnostic(Model, frozen=True, kw_only=True):
    """One finding. Lines and columns count from 1, columns in characters; `end_column` is past the last one.

    The three are None when the finding speaks of the file as a whole.
    """

    severity: Severity
    code: str
    file: str
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    message: str
    hint: str | None = None
    """What to write instead."""
    source: str = ""
    """The source line, without its line end."""


EXIT_STATUS = {Severity.NOTE: 0, Severity.WARNING: 0, Severity.ERROR: 1, Severity.FATAL: 2}
"""The exit status of a check, by its worst finding."""
