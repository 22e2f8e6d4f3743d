# SPDX-License-Identifier: Apache-2.0
"""What the child that reads configuration files hands to the supervisor."""

from __future__ import annotations

from bascule.errors import ConfigurationError
from bascule.model.base import Model
from bascule.model.diagnostic import Diagnostic, Severity


class Parsed(Model, frozen=True, kw_only=True):
    """What the child found."""

    configuration: bytes | None = None
    """The packed Configuration; None = fatal. Opaque on purpose: at an upgrade only the new program can read it."""
    diagnostics: tuple[Diagnostic, ...] = ()
    missing: tuple[str, ...] = ()
    """What the configuration names and this machine does not have, in words."""


def usable(parsed: Parsed) -> bytes:
    """The packed configuration of a reading. Raises ConfigurationError, saying in one line why there is none."""
    if parsed.configuration is None:
        raise ConfigurationError("; ".join(_fatal(parsed)) or "the files cannot be run")
    if parsed.missing:
        raise ConfigurationError("; ".join(parsed.missing))
    return parsed.configuration


def _fatal(parsed: Parsed) -> list[str]:
    fatal = [d for d in parsed.diagnostics if d.severity is Severity.FATAL]
    return [f"{d.file}:{d.line}:{d.column}: {d.message}" if d.line else f"{d.file}: {d.message}" for d in fatal[:3]]
