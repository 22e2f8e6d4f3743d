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
    idle: bool = False
    """The configuration has neither an instance nor a service."""


OPEN_END = "missing-close"
"""The code of a block that is still open where its file ends."""


def usable(parsed: Parsed, *, running: bool = False) -> bytes:
    """The packed configuration of a reading. Raises ConfigurationError, saying in one line why there is none.

    Files of which errors have left nothing to run are not run: they were meant to do something.
    A director that is `running` does not take a file with a block left open: what the block swallowed, or what of a
    file half written is not there yet, would be taken out of service.
    """
    if parsed.configuration is None:
        fatal = [d for d in parsed.diagnostics if d.severity is Severity.FATAL]
        raise ConfigurationError(_in_one_line(fatal) or "the files cannot be run")
    if parsed.idle and (errors := [d for d in parsed.diagnostics if d.severity is Severity.ERROR]):
        raise ConfigurationError(f"nothing is left to run: {_in_one_line(errors)}")
    if running and (unfinished := [d for d in parsed.diagnostics if d.code == OPEN_END]):
        raise ConfigurationError(_in_one_line(unfinished))
    if parsed.missing:
        raise ConfigurationError("; ".join(parsed.missing))
    return parsed.configuration


def _in_one_line(found: list[Diagnostic]) -> str:
    """The first few of them."""
    places = (f"{d.file}:{d.line}:{d.column}" if d.line else d.file for d in found)
    return "; ".join(f"{place}: {d.message}" for place, d in zip(places, found[:3], strict=False))
