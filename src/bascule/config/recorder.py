# SPDX-License-Identifier: Apache-2.0
"""Which statements are in effect, and as which keywords: for whoever needs more than the values that count.

Knows no keyword by name, and neither prints nor makes a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from bascule.config.diagnostics import Findings
from bascule.config.reader import Reader, Section
from bascule.config.schema import Block, Keyword, LineReader, RefusedLineError
from bascule.config.tree import Statement
from bascule.model.configuration import VirtualAddress


class Recorder(Reader):
    """A reader that remembers which statements it took, and as what."""

    def __init__(self, findings: Findings, legacy: bool) -> None:
        super().__init__(findings, legacy)
        self.taken: dict[int, Keyword] = {}
        """By the identity of a statement that is in effect."""
        self._latest: dict[int, tuple[Section, dict[str, int]]] = {}
        """By the identity of a section: it (so that the identity stays its own), and for each keyword of which only
        the last value counts, the statement that has it."""

    def _plain(self, block: Block) -> dict[tuple[str, ...], tuple[str, Any]]:
        """Nothing: each line is to be seen."""
        del block
        return {}

    def _known(self, child: Statement, keyword: Keyword, into: Section, at: int) -> None:
        name = keyword.value
        before = into.values.get(name)
        count = len(before) if isinstance(before, list) else 0
        super()._known(child, keyword, into, at)
        now = into.values.get(name)
        accepted = into.where.get(name) is child or (isinstance(now, list) and len(now) > count)
        if not accepted or (keyword.legacy is not None and keyword.value == keyword.name):
            return  # Not in effect, or honoured without meaning anything, so that there is no right spelling.
        self.taken[id(child)] = keyword
        if keyword.braced or keyword.repeats or not keyword.acted:
            return
        latest = self._latest.setdefault(id(into), (into, {}))[1]
        if name in latest:
            del self.taken[latest[name]]
        latest[name] = id(child)


class Accepted(NamedTuple):
    """A line of a block of lines that is in effect."""

    value: Any
    """What its reader makes of it."""
    words: Sequence[str]
    """Its words without those that are ignored; a virtual address in its canonical form."""


def accepted(statement: Statement, reader: LineReader) -> Accepted | None:
    """A line of a block of lines; None when nothing of it is in effect.

    What stands in braces inside a block of lines is not in effect.
    """
    if statement.words == ("",) and statement.children is not None:
        return None
    kept = Statement(statement.source, statement.words, statement.line, statement.start)
    while True:
        try:
            value = reader(kept)
            break
        except RefusedLineError as refusal:
            value = refusal.instead
            if value is None:
                return None
            # Others are taken as they stand.
            ignored = [each for each in (refusal, *refusal.also) if each.code != "deprecated" and not each.stands]
            if not ignored:
                break
            kept.words = _without(kept.words, ignored)
    return Accepted(value, _address(value, kept.words) if isinstance(value, VirtualAddress) else kept.words)


def _without(words: tuple[str, ...], refusals: Sequence[RefusedLineError]) -> tuple[str, ...]:
    """The words without what is ignored: lengths of addresses, words, and options with their arguments."""
    left: list[str | None] = list(words)
    for refusal in refusals:
        at = min(refusal.index, len(words) - 1)
        network, slash, _ = words[at].partition("/")
        if refusal.code == "legacy-spelling":
            left[at] = _right(refusal)
        elif slash and refusal.code == "out-of-range":
            left[at] = network
        else:
            since = min(refusal.since, at)
            left[since : at + 1] = [None] * (at + 1 - since)
    return tuple(word for word in left if word is not None)


def _right(refusal: RefusedLineError) -> str:
    """The spelling that the hint of a legacy spelling names."""
    return (refusal.hint or "").split("'")[1]


def _address(value: VirtualAddress, words: Sequence[str]) -> Sequence[str]:
    whole = value.prefix_length == value.address.max_prefixlen
    return str(value.address) if whole else f"{value.address}/{value.prefix_length}", *words[1:]
