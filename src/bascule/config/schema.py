# SPDX-License-Identifier: Apache-2.0
"""How keywords are declared. The declarations are data (config/keywords/): parser and hints come from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from bascule.config.kinds import Kind

if TYPE_CHECKING:
    from bascule.config.tree import Statement

LineReader = Callable[["Statement"], Any]
"""Reads a line of a block that holds lines, not keywords, or a keyword's arguments. Raises RefusedLineError."""


class RefusedLineError(Exception):
    """What a LineReader will not take: a diagnostic code, the index of the word, what is wrong and what to write."""

    def __init__(self, code: str, index: int, message: str, hint: str | None = None, instead: Any = None) -> None:
        """Say why. `instead`: the value that is used all the same; None = none is."""
        super().__init__(message)
        self.code = code
        self.index = index
        self.since = index
        """The index of the first word that goes with it: the option's whose argument is refused."""
        self.also: list[RefusedLineError] = []
        """What else is wrong with the line."""
        self.message = message
        self.hint = hint
        self.instead = instead

    @property
    def stands(self) -> bool:
        """The words count, as something else than they say: `since` is behind them."""
        return self.since > self.index


class Keyword:
    """One keyword of one block."""

    __slots__ = (
        "acted",
        "arguments",
        "bare",
        "block",
        "default",
        "filled",
        "later",
        "latest",
        "legacy",
        "lines",
        "meaning",
        "name",
        "old",
        "once",
        "optional",
        "options",
        "reader",
        "repeats",
        "rest",
        "unbuilt",
        "unit",
        "value",
    )

    def __init__(
        self,
        name: str,
        *arguments: Kind,
        optional: int = 0,
        rest: Kind | None = None,
        reader: LineReader | None = None,
        block: Block | None = None,
        lines: LineReader | None = None,
        options: Block | None = None,
        repeats: bool = False,
        once: bool = False,
        latest: bool = False,
        filled: bool = False,
        value: str | None = None,
        default: str | None = None,
        unit: str | None = None,
        acted: bool = False,
        later: bool = False,
        unbuilt: bool = False,
        bare: bool = False,
        old: str | None = None,
        legacy: str | None = None,
        meaning: str = "",
    ) -> None:
        """`name` takes `arguments`, of which the last `optional` may be missing, then any number of `rest`.

        `reader` reads the arguments instead when they have a grammar of their own. `block`: keywords in braces follow;
        `lines`: lines in braces follow, each read by it. `options`: what may stand on those lines, or on the keyword's
        own; `reader` or `lines` reads them. `repeats`: every occurrence counts, not the last;
        `once`: the first; `latest`: the last, and keepalived complains. `filled`: a block without a line is dropped.
        `value`: the keyword that this one is another spelling of. `default`, `unit`, `meaning`: for documents.
        `acted`: bascule does what it says. `later`: keepalived 2.2.7 does not know it; `unbuilt`: nor as Debian
        builds it, for want of a library. `bare`: keepalived takes it without its argument, and does nothing then.
        `old`: what keepalived says of an old name. `legacy`: keepalived 2.2.7 skips this spelling; the text says so.
        """
        self.name = name
        self.arguments = arguments
        self.optional = optional
        self.rest = rest
        self.reader = reader
        self.block = block
        self.lines = lines
        self.options = options
        self.repeats = repeats
        self.once = once
        self.latest = latest
        self.filled = filled
        self.value = value or name
        self.default = default
        self.unit = unit
        self.acted = acted
        self.later = later or unbuilt
        self.unbuilt = unbuilt
        self.bare = bare
        self.old = old
        self.legacy = legacy
        self.meaning = meaning

    @property
    def plain(self) -> bool:
        """Nothing is ever said of it in itself, and only the last value counts."""
        return self.acted and not (
            self.legacy or self.old or self.later or self.once or self.latest or self.repeats or self.braced
        )

    @property
    def usage(self) -> str:
        """The keyword with its arguments: `priority N`, `real_server ADDRESS [PORT] {`."""
        needed = len(self.arguments) - self.optional
        words = [self.name]
        words += [kind.shown if n < needed else f"[{kind.shown}]" for n, kind in enumerate(self.arguments)]
        if self.rest is not None:
            words.append(f"[{self.rest.shown}...]")
        return " ".join(words) + (" {" if self.braced else "")

    @property
    def braced(self) -> bool:
        """Braces follow."""
        return self.block is not None or self.lines is not None


class Block:
    """The keywords that may stand in one kind of block."""

    def __init__(self, name: str, *keywords: Keyword, needs: tuple[str, ...] = ()) -> None:
        """`name` is the keyword that opens it ("" for the top of a file).

        `needs`: keywords without which keepalived drops the block, alternatives joined by `|`.
        """
        self.name = name
        self.needs = needs
        self.table = {keyword.name: keyword for keyword in keywords}
        assert len(self.table) == len(keywords), name
        self.shape: dict[str, Any] = {}
        self._folded = {keyword.name.lower(): keyword for keyword in keywords}
        for keyword in keywords:
            inner = keyword.block.shape if keyword.block is not None else {}
            self.shape[keyword.name] = inner if keyword.braced else None

    def other_case(self, word: str) -> Keyword | None:
        """The keyword that `word` is but for its capitals."""
        return self._folded.get(word.lower())

    def nearest(self, word: str) -> str | None:
        """The keyword of this block that `word` most resembles, if any does; never an old or skipped spelling."""
        best: str | None = None
        limit = max(1, min(3, len(word) // 3))
        for name, keyword in self.table.items():
            if keyword.old or keyword.legacy or abs(len(name) - len(word)) > limit:
                continue
            distance = _distance(word.lower(), name.lower(), limit)
            if distance <= limit:
                best, limit = name, distance - 1
        return best


def walk(block: Block, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Keyword]]:
    """Every keyword and every option of a line below `block`, with the path that leads to it."""
    for keyword in block.table.values():
        yield path, keyword
        if keyword.options is not None:
            yield from walk(keyword.options, (*path, keyword.name))
        if keyword.block is not None:
            yield from walk(keyword.block, (*path, keyword.name))


def _distance(a: str, b: str, limit: int) -> int:
    """Edits from `a` to `b` (insert, delete, replace, swap neighbours); `limit` + 1 when there are more."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return last[-1]
