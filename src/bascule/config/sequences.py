# SPDX-License-Identifier: Apache-2.0
"""The heads of `~SEQ`, `~SEQx` and `~LST`: which variables they set, and to what in each round."""

from __future__ import annotations

import re
from collections.abc import Iterable

ROUNDS_MAX = 100_000
"""Rounds of one sequence."""

_HEAD = re.compile(r"~(SEQx?|LST)[ \t]*\((.*)\)$", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]{1,8}|0[0-7]{0,11}|[1-9][0-9]{0,17})")


class SequenceError(Exception):
    """A head that is not written as it must be; the text says why."""


Rounds = tuple[list[str], Iterable[list[str]]]
"""The variables, and for each round their values in the same order."""


def rounds(head: str) -> Rounds:
    """What `~SEQ(VAR, [START,] [STEP,] END)` or `~LST(VAR, V1, ...)` says, already replaced. Raises SequenceError.

    One number counts from 1 to it, two are start and end, three are start, step and end; SEQx writes hexadecimal.
    """
    found = _HEAD.match(head)
    if found is None:
        raise SequenceError("this is none of ~SEQ(...), ~SEQx(...), ~LST(...)")
    parts = [part.strip() for part in re.split(r",(?![^{]*\})", found[2])]
    return _list(parts) if found[1] == "LST" else _sequence(parts, found[1] == "SEQx")


def _sequence(parts: list[str], hexadecimal: bool) -> Rounds:
    if not 2 <= len(parts) <= 4 or not parts[0]:
        raise SequenceError("a sequence takes a variable and one to three numbers")
    numbers = [_number(part) for part in parts[1:]]
    if hexadecimal and min(numbers) < 0:
        raise SequenceError("~SEQx has no negative numbers")
    start, end = (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[-1])
    step = numbers[1] if len(numbers) == 3 else (1 if end >= start else -1)
    if step == 0 or (end - start) * step < 0:
        raise SequenceError(f"from {start} to {end} there is no way in steps of {step}")
    if (end - start) // step >= ROUNDS_MAX:
        raise SequenceError(f"a sequence has at most {ROUNDS_MAX} rounds")
    values = range(start, end + (1 if step > 0 else -1), step)
    return [parts[0]], ([f"{value:x}" if hexadecimal else str(value)] for value in values)


def _number(part: str) -> int:
    """As C reads it: decimal, hexadecimal after `0x`, octal after `0`. Raises SequenceError."""
    found = _NUMBER.fullmatch(part)
    if found is None:
        raise SequenceError(f"'{part}' is not a whole number")
    digits = found[2]
    base = 16 if digits[1:2] in ("x", "X") else 8 if digits.startswith("0") else 10
    return -int(digits, base) if found[1] == "-" else int(digits, base)


def _list(parts: list[str]) -> Rounds:
    names = _members(parts[0])
    if len(parts) < 2:
        raise SequenceError("a list takes a variable and values for it")
    if not all(_NAME.fullmatch(name) for name in names):
        raise SequenceError(f"'{parts[0]}' is not a variable, nor some in braces")
    rows = [_members(part) for part in parts[1:]] if parts[0].startswith("{") else [[part] for part in parts[1:]]
    return names, [(row + [""] * len(names))[: len(names)] for row in rows]


def _members(part: str) -> list[str]:
    if part.startswith("{") and part.endswith("}"):
        return [member.strip() for member in part[1:-1].split(",")]
    return [part]
