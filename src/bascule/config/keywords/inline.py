# SPDX-License-Identifier: Apache-2.0
"""Reads the options that stand on a line, by their declarations: names, arguments, which refusals cost the whole line.

What a family of lines adds (destinations of routes, families of addresses) is its own, in `inline_...`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, NoReturn

from bascule.config.kinds import UINT_MAX, Kind, RefusedWordError
from bascule.config.schema import Block, Keyword, RefusedLineError

if TYPE_CHECKING:
    from bascule.config.tree import Statement


class Scan:
    """One pass over the options of one line. Everything that is wrong with it is said, up to what costs the line."""

    __slots__ = ("index", "options", "refusal", "values", "where", "words")

    def __init__(self, statement: Statement, options: Block, index: int) -> None:
        """From word `index` on."""
        self.words = statement.words
        self.options = options
        self.index = index
        self.values: dict[str, Any] = {}
        """By option: what its last occurrence says; True for one without argument."""
        self.where: dict[str, int] = {}
        """By option: the index of its first argument, or its own."""
        self.refusal: RefusedLineError | None = None
        """The first thing that is wrong; the others are with it."""

    def run(
        self,
        stray: Callable[[Scan], None],
        keeps: Collection[str] = (),
        after: Callable[[Scan, Keyword, Any], None] | None = None,
    ) -> None:
        """All words. `stray` takes a word that is no option; a bad value of an option in `keeps` costs only that.

        `after` hears of each option's value at once, for what depends on the order. Raises RefusedLineError.
        """
        while self.index < len(self.words):
            option = self.options.table.get(self.words[self.index])
            if option is None:
                stray(self)
                continue
            at = self.index
            try:
                value = self._take(option)
            except RefusedLineError as refusal:
                if option.value not in keeps or refusal.code == "missing-argument":
                    raise
                refusal.since = at
                self._keep(refusal)
                continue
            if option.old is not None:
                self.note("deprecated", at, f"'{option.name}' {option.old}")
            if option.legacy is not None:
                self.note("legacy-spelling", at, f"'{option.name}' {option.legacy}", f"write '{option.value}'")
            self.values[option.value] = value
            if after is not None:
                after(self, option, value)

    def _take(self, option: Keyword) -> Any:
        """The value of the option at the index, which moves past it."""
        at = self.index
        self.index += 1
        self.where[option.value] = self.index if option.arguments else at
        value: Any = True
        for kind in option.arguments:
            if self.words[self.index : self.index + 1] and self.words[self.index] in before(kind):
                self.index += 1
            value = self.word(kind, option.name)
        return value

    def some(self, options: Block, strict: bool = False, stop: Collection[str] = ()) -> dict[str, Any]:
        """The values of `options` as long as the words are theirs, up to one in `stop`: of a part of the line.

        A bad value costs only its option; with `strict`, the line. Raises RefusedLineError.
        """
        found: dict[str, Any] = {}
        while self.index < len(self.words):
            option = options.table.get(self.words[self.index])
            if option is None:
                break
            at = self.index
            try:
                found[option.value] = self._take(option)
            except RefusedLineError as refusal:
                if strict or refusal.code == "missing-argument":
                    raise
                self.note(refusal.code, refusal.index, refusal.message, refusal.hint, since=at)
                continue
            if option.value in stop:
                break
        return found

    def word(self, kind: Kind, name: str) -> Any:
        """The word at the index as a value of `kind`, for option `name`; the index moves past it."""
        if self.index >= len(self.words):
            message = f"{kind.shown} is missing after '{self.words[-1]}'"
            raise RefusedLineError("missing-argument", len(self.words), message)
        self.index += 1
        try:
            return kind.parse(self.words[self.index - 1])
        except RefusedWordError as refusal:
            message = f"{refusal.message} ('{name}')"
            if refusal.instead is not None:
                self.note(refusal.code, self.index - 1, message, refusal.hint, since=self.index)
                return refusal.instead
            raise RefusedLineError(refusal.code, self.index - 1, message, refusal.hint) from None

    def note(self, code: str, index: int, message: str, hint: str | None = None, since: int | None = None) -> None:
        """Something is wrong, and the line stays; words `since` to `index` count for nothing.

        `since` after `index`: they do count, as something else than they say.
        """
        refusal = RefusedLineError(code, index, message, hint)
        refusal.since = index if since is None else since
        self._keep(refusal)

    def _keep(self, refusal: RefusedLineError) -> None:
        if self.refusal is None:
            self.refusal = refusal
        else:
            self.refusal.also.append(refusal)

    def drop(self, code: str, index: int, message: str, hint: str | None = None) -> NoReturn:
        """The line is of no use."""
        raise RefusedLineError(code, index, message, hint)

    def nearest(self, word: str) -> str | None:
        """A hint at the option that `word` most resembles."""
        meant = self.options.nearest(word)
        return f"did you mean '{meant}'?" if meant is not None else None

    def finish(self, value: Any) -> Any:
        """The line's value. Raises RefusedLineError, with the value, when something on it was wrong."""
        if self.refusal is not None:
            self.refusal.instead = value
            raise self.refusal
        return value


def before(kind: Kind) -> list[str]:
    """The words that may stand before an argument: those in brackets in `[lock] N`."""
    return kind.shown[1:].partition("] ")[0].split("|") if kind.shown.startswith("[") else []


def c_number(word: str) -> int | None:
    """A number as C's strtoul reads it whole: decimal, `0x` hexadecimal or `0` octal; None when it is none."""
    if not _C_NUMBER.fullmatch(word):
        return None
    digits = word.lstrip("+-")
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits.startswith("0") else 10
    number = min(int(digits, base), 2**64 - 1)
    return (2**64 - number) % 2**64 if word.startswith("-") and number < 2**64 - 1 else number


_C_NUMBER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", re.ASCII)


class AnyBase(Kind):
    """A whole number, decimal, hexadecimal after `0x` or octal after `0`."""

    def parse(self, word: str) -> int:
        """The number."""
        number = c_number(word)
        if number is None:
            raise RefusedWordError("bad-number", f"'{word}' is not a whole number")
        if word.startswith("-") or number > UINT_MAX:
            raise RefusedWordError("out-of-range", f"{word} is outside 0..{UINT_MAX}")
        return number
