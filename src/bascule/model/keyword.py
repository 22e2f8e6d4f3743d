# SPDX-License-Identifier: Apache-2.0
"""What a keyword of the configuration language is. `bascule config keywords --format json` prints these as they are."""

from __future__ import annotations

from bascule.model.base import Model


class ArgumentDescription(Model, frozen=True, kw_only=True):
    """One argument of a keyword."""

    shown: str
    """What stands for it in the usage."""
    range: str | None = None
    """What it may be: bounds, or the words to choose from; None = anything, or a grammar of its own."""
    optional: bool = False
    repeats: bool = False
    """Any number of them may stand here."""


class KeywordDescription(Model, frozen=True, kw_only=True):
    """One keyword in one kind of block."""

    path: str
    """The blocks that it stands in and itself: `vrrp_instance/priority`."""
    usage: str
    """The keyword with its arguments as they are written."""
    arguments: tuple[ArgumentDescription, ...] = ()
    unit: str | None = None
    default: str | None = None
    meaning: str = ""
    acted_on: bool
    """False: it is understood, but bascule does not act on it yet."""
    spelling_of: str | None = None
    """The keyword that this one is another spelling of."""
    aliases: tuple[str, ...] = ()
    """Other spellings of this one."""
    deprecated: bool = False
    """An old name, which keepalived still takes."""
    legacy: bool = False
    """A spelling that keepalived 2.2.7 skips and bascule honours."""
    later: bool = False
    """keepalived 2.2.7 does not know it."""
    repeats: bool = False
    """Every occurrence counts, not only the last."""
    block: bool = False
    """Braces follow."""
    inline: bool = False
    """An option that stands on the line of the keyword above it in the path, or on a line of its block."""
