# SPDX-License-Identifier: Apache-2.0
"""What the files say beyond what bascule acts on: every accepted keyword as values, without text or positions.

One struct for all keywords, since their declarations (config/keywords) say what each value is. What bascule acts on has
structs of its own in bascule.model.configuration and is not repeated here.
"""

from __future__ import annotations

from typing import TypeAlias

from bascule.model.base import Model

DeclaredValue: TypeAlias = bool | int | float | str
"""A value of a declared kind: a switch, a whole number, seconds, or a word; an address is its canonical text."""


class Declared(Model, frozen=True, kw_only=True):
    """A keyword with its values and, if it takes braces, what stands in them."""

    keyword: str
    """In the spelling that it should have."""
    values: tuple[DeclaredValue, ...] = ()
    """Its arguments; of a block, its name. A script is its words, a regular expression one word."""
    lines: tuple[tuple[DeclaredValue, ...], ...] = ()
    """In a block that holds lines: the words of each."""
    inside: tuple[Declared, ...] = ()
    """In a block that holds keywords: in the order of their declarations, equal ones in the order of the file."""
    whole: bool = True
    """False: the block is acted on, and only what its own struct does not carry stands here."""
