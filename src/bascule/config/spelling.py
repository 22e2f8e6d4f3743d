# SPDX-License-Identifier: Apache-2.0
"""Words back into text: quotes where they are needed, and the one spelling that a value has. The lexer's other way.

Knows no keyword. Scripts and regular expressions are no words: their readers look at the raw line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bascule.config.kinds import Choice, Decimal, Integer, IPAddressKind, Kind, RefusedWordError

_QUOTED = re.compile(r'[ \t\r\n\f\v{}"]')
"""Characters that a word without quotes cannot have."""

_STARTS = re.compile(r"[@~$]|include[rmwba]?$")
"""What at the start of a line is more than a word."""


def line_of(words: Sequence[str], after: str = "") -> str:
    """The words as a line that is read as the same words, behind `after` if it is not empty."""
    last = len(words) - 1
    texts = [
        spelled(word, starts=index == 0 and not after, ends=index == last and (index > 0 or bool(after)))
        for index, word in enumerate(words)
    ]
    return " ".join((after, *texts) if after else texts)


def spelled(word: str, starts: bool = False, ends: bool = False) -> str:
    """One word, in quotes only where it must be; `starts` or `ends`: it is the first or the last one of its line."""
    special = not word or _QUOTED.search(word) or (starts and _STARTS.match(word)) or (ends and word == "\\")
    if special:
        return f'"{word}"'
    return word.replace("#", "\\#").replace("!", "\\!")


def canonical(kind: Kind, word: str) -> str:
    """The spelling of the value that a word of `kind` stands for; of what is used instead, for one outside bounds."""
    try:
        value = kind.parse(word)
    except RefusedWordError as refusal:
        if refusal.instead is None:
            return word
        value = refusal.instead
    if isinstance(kind, Choice):
        return next((name for name, meant in kind.values.items() if meant == value), word)
    if isinstance(kind, Integer | IPAddressKind):
        return str(value)
    if isinstance(kind, Decimal):
        return decimal(value)
    return word


def decimal(value: float) -> str:
    """A number of seconds with the decimals that it needs, six at the most."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
