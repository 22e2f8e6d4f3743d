# SPDX-License-Identifier: Apache-2.0
"""What keepalived never reads of a file, because it ends further up: findings there are ours alone, and say so.

It ends at the first keyword or block that lacks an argument, and its processes do not start in a network namespace of
an undefined name. They read one after another: first the parent (what stands outside blocks, and `global_defs`), then
the BFD process, the checker, VRRP; each only its own blocks. (Seen with `keepalived -t` 2.2.7.)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bascule.config.diagnostics import Findings
from bascule.config.tree import Statement

Place = tuple[str, int]
"""A file and a line in it."""

ENDS = frozenset({"missing-argument", "missing-name"})
"""What keepalived ends at."""

_PARENT, _BFD, _CHECKER, _VRRP = range(4)
_READERS = {
    "global_defs": _PARENT,
    "bfd_instance": _BFD,
    **dict.fromkeys(("virtual_server", "virtual_server_group", "SSL", "track_file", "vrrp_track_file"), _CHECKER),
}
"""Who reads a block first; VRRP reads all others."""


def report_unread(statements: Sequence[Statement], complaints: Collection[Place], findings: Findings) -> None:
    """Give what is found where keepalived does not read a code of its own; `complaints`: where it does for all that."""
    place, unread = _end(statements, findings.places(ENDS))
    if place is not None:
        unread -= set(complaints) if nowhere(statements) is not None else set()
        findings.unread(unread, f"keepalived ends at line {place[1]}")
    doubled = findings.places({"duplicate"})
    for statement in statements if doubled else ():
        if _place(statement) in doubled:
            inside = {_place(line) for line in statement.walk()} - {_place(statement)}
            findings.unread(inside, "keepalived skips this block, whose name stands above already,")


def nowhere(statements: Sequence[Statement]) -> Statement | None:
    """The line that sends all but the parent into a network namespace of an undefined name, where they cannot run."""
    found = (one for one in statements if one.words[0] == "net_namespace" and "$" in one.words[-1])
    return next(found, None)


def _end(statements: Sequence[Statement], ends: Collection[Place]) -> tuple[Place | None, set[Place]]:
    """Where keepalived ends, and the places that it has not read by then."""
    order = [(_reader(one), one) for one in statements]
    lost = nowhere(statements)
    for reader in range(_PARENT, _VRRP + 1):
        if reader == _BFD and lost is not None:
            return _place(lost), _after(order, _PARENT, None)
        for first, statement in order:
            if first == reader:
                end = next((place for place in _places(statement) if place in ends), None)
                if end is not None:
                    return end, _after(order, reader, (statement, end))
    return None, set()


def _after(order: Sequence[tuple[int, Statement]], reader: int, end: tuple[Statement, Place] | None) -> set[Place]:
    """What is read after place `end` of a statement (None: the last of all), by `reader` or by those after it."""
    unread: set[Place] = set()
    ended = False
    for first, statement in order:
        if first > reader or (first == reader and ended):
            unread.update(_places(statement))
        elif end is not None and statement is end[0]:
            ended = True
            places = list(_places(statement))
            unread.update(places[places.index(end[1]) + 1 :])
    return unread - ({end[1]} if end is not None else set())


def _reader(statement: Statement) -> int:
    return _PARENT if statement.children is None else _READERS.get(statement.words[0], _VRRP)


def _places(statement: Statement) -> Iterator[Place]:
    """Every line of a statement and its block, its end last."""
    yield _place(statement)
    for inner in statement.walk():
        yield _place(inner)
        if inner.close is not None:
            yield _origin(inner, inner.close.line)
    if statement.close is not None:
        yield _origin(statement, statement.close.line)


def _place(statement: Statement) -> Place:
    return _origin(statement, statement.line)


def _origin(statement: Statement, line: int) -> Place:
    origin = statement.source.origin(line)
    return origin.source.name, origin.line
