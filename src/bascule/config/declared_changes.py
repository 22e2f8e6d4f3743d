# SPDX-License-Identifier: Apache-2.0
"""What differs between the parts of two configurations that bascule does not act on, in words: one line a change.

Each line says that nothing acts on it. Statements are matched by keyword and, if they are blocks, name; of lines and of
keywords that stand several times the order counts, of others it does not.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Sequence

from bascule.config.spelling import decimal, spelled
from bascule.model.change import Change, ChangeKind
from bascule.model.declared import Declared, DeclaredValue

_SECRET = frozenset({"auth_pass", "key", "password"})
"""Keywords whose values are not shown."""

NOTE = " (not acted on)"


def compare_declared(old: Sequence[Declared], new: Sequence[Declared], where: str = "") -> Iterator[Change]:
    """What the statements of `new` say otherwise than those of `old`; `where`: the block that they stand in."""
    olds, news = _by_title(old), _by_title(new)
    for title, group in olds.items():
        if title not in news:
            for each in group:
                yield _change(ChangeKind.REMOVED, where, title, f"{in_words(each)} removed", before=in_words(each))
    for title, group in news.items():
        before = olds.get(title, [])
        if not before:
            for each in group:
                yield _change(ChangeKind.ADDED, where, title, f"{in_words(each)} added", after=in_words(each))
        elif before != group:
            yield from _compare_groups(before, group, title, where)


def _compare_groups(olds: list[Declared], news: list[Declared], title: str, where: str) -> Iterator[Change]:
    """All that is said under one keyword, or under one name of a block."""
    if len(olds) == len(news) == 1 and _is_block(olds[0]) and _is_block(news[0]):
        yield from _compare_blocks(olds[0], news[0], title, where)
        return
    was, becomes = (", ".join(_said(each) for each in group) for group in (olds, news))
    if was == becomes:  # They differ in what is not shown.
        yield _change(ChangeKind.CHANGED, where, title, f"{title} changed (it is not shown)")
    else:
        yield _change(ChangeKind.CHANGED, where, title, f"{title} {was} -> {becomes}", was, becomes)


def _compare_blocks(old: Declared, new: Declared, title: str, where: str) -> Iterator[Change]:
    inside = ", ".join(part for part in (where, title) if part)
    if old.whole is not new.whole:
        text = "is acted on, but for this" if old.whole else "is not acted on as a whole"
        yield _change(ChangeKind.CHANGED, where, title, f"{title} {text}")
    if old.lines != new.lines:
        was, becomes = (", ".join(_line(line) for line in each.lines) or "(none)" for each in (old, new))
        yield _change(ChangeKind.CHANGED, where, title, f"{title} {was} -> {becomes}", was, becomes)
    yield from compare_declared(old.inside, new.inside, inside)


def _by_title(statements: Iterable[Declared]) -> dict[str, list[Declared]]:
    found: collections.defaultdict[str, list[Declared]] = collections.defaultdict(list)
    for each in statements:
        found[_title(each)].append(each)
    return found


def _is_block(each: Declared) -> bool:
    return bool(each.lines or each.inside)


def _title(each: Declared) -> str:
    """A block by keyword and name, anything else by its keyword."""
    return _line((each.keyword, *each.values)) if _is_block(each) else each.keyword


def _said(each: Declared) -> str:
    """What a statement says besides its title."""
    if _is_block(each):
        return _content(each)
    if each.keyword in _SECRET:
        return "(not shown)"
    return _line(each.values) or "on"


def _content(each: Declared) -> str:
    return ", ".join([*map(_line, each.lines), *map(in_words, each.inside)])


def in_words(each: Declared) -> str:
    """A statement on one line."""
    if _is_block(each):
        return f"{_title(each)} {{ {_content(each)} }}"
    return f"{each.keyword} {_said(each)}" if each.values else each.keyword


def _line(values: Iterable[DeclaredValue]) -> str:
    return " ".join(_value(value) for value in values)


def _value(value: DeclaredValue) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return decimal(value)
    return spelled(value) if isinstance(value, str) else str(value)


def _change(
    kind: ChangeKind, where: str, what: str, text: str, before: str | None = None, after: str | None = None
) -> Change:
    line = f"{where}: {text}" if where else text
    return Change(kind=kind, where=where, what=what, before=before, after=after, text=f"{line}{NOTE}")
