# SPDX-License-Identifier: Apache-2.0
"""Readers of arguments whose words depend on each other. Each gives the words as they stand, or True for none.

A line of which keepalived 2.2.7 ignores a part is not in effect here, until the part is gone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from bascule.config.keywords.inline import c_number
from bascule.config.kinds import UINT_MAX, Integer, RefusedWordError
from bascule.config.schema import RefusedLineError

if TYPE_CHECKING:
    from bascule.config.tree import Statement

_SECONDS = Integer(1, 86400)
_SECONDS_OR_NEVER = Integer(0, 86400)
_SIZE = Integer(0, UINT_MAX)
_CPU = Integer(0, 1023)
_NAME_MAX = 15
_POLICIES = frozenset({"MTU", "ADVERT"})
_CHECKS = frozenset({"match", "wildcard_match", "brace_match"})
_UMASK_MAX = 0o777
_UMASK_BIT = re.compile("I[RWX](USR|GRP|OTH)", re.ASCII)
_MASK = re.compile(r"\d{1,10}(\.\d{1,3}){0,3}", re.ASCII)
_IPVLAN_TYPES = frozenset({"bridge", "private", "vepa"})


def _given(statement: Statement) -> Any:
    return statement.words[1:] or True


def _refuse(index: int, message: str, hint: str | None = None) -> NoReturn:
    raise RefusedLineError("bad-word", index, message, hint)


def _number(kind: Integer, statement: Statement, index: int) -> None:
    try:
        kind.parse(statement.words[index])
    except RefusedWordError as refusal:
        message = f"{refusal.message} ('{statement.words[0]}')"
        raise RefusedLineError(refusal.code, index, message, refusal.hint) from None


def option(*allowed: str) -> Callable[[Statement], Any]:
    """Nothing, or one of some words, which is the first; words after it are ignored."""

    def read(statement: Statement) -> Any:
        words = statement.words
        if len(words) > 1 and words[1] not in allowed:
            known = " or ".join(allowed)
            _refuse(1, f"'{words[1]}' is no option of '{words[0]}', which takes {known}")
        return _given(statement)

    return read


def cpus(statement: Statement) -> Any:
    """After `..._cpu_affinity`: the numbers of CPUs."""
    if len(statement.words) == 1:
        _refuse(0, f"'{statement.words[0]}' names no CPU", f"write '{statement.words[0]} 0'")
    for index in range(1, len(statement.words)):
        _number(_CPU, statement, index)
    return _given(statement)


def umask(statement: Statement) -> Any:
    """After `umask`: a number, or names of bits with `|` between."""
    if len(statement.words) == 1:
        raise RefusedLineError("missing-argument", 0, "'umask' lacks an argument", "write 'umask 022'")
    text = " ".join(statement.words[1:])
    number = c_number(statement.words[1])
    if text[:1].isdigit():
        if number is None or number > _UMASK_MAX or len(statement.words) > 2:
            _refuse(1, f"'{text}' is no umask: numbers go up to 0777")
        return _given(statement)
    for bit in text.split("|"):
        if not _UMASK_BIT.fullmatch(bit.strip()):
            _refuse(1, f"'{bit.strip()}' is no bit of a umask such as IRUSR or IWGRP, with '|' between them")
    return _given(statement)


def buffers(statement: Statement) -> Any:
    """After `vrrp_rx_bufs_policy`: `MTU`, `ADVERT` or a number of bytes."""
    words = statement.words
    if len(words) == 1:
        _refuse(0, f"'{words[0]}' names no policy", f"write '{words[0]} MTU'")
    for index, word in enumerate(words[1:], 1):
        if word.upper() not in _POLICIES:
            _number(_SIZE, statement, index)
        elif index > 1 and words[1].upper() not in _POLICIES:
            _refuse(index, f"a size and a policy exclude each other: '{word}' is ignored")
    return _given(statement)


def repeating(statement: Statement) -> Any:
    """After `vrrp_garp_extra_if`: `[all] SECONDS`."""
    return _repeating(statement, _SECONDS)


def repeating_or_never(statement: Statement) -> Any:
    """After `garp_extra_if`, where 0 is never."""
    return _repeating(statement, _SECONDS_OR_NEVER)


def _repeating(statement: Statement, seconds: Integer) -> Any:
    words = statement.words
    for index, word in enumerate(words[1:], 1):
        if word != "all":
            _number(seconds, statement, index)
    if all(word == "all" for word in words[1:]):
        _refuse(len(words) - 1, f"'{words[0]}' names no time and is ignored", f"write '{words[0]} 60'")
    return _given(statement)


def include_checks(statement: Statement) -> Any:
    """After `include_check`: checks, each with `+` or `-` before it."""
    for index, word in enumerate(statement.words[1:], 1):
        if word[:1] not in ("+", "-") or word[1:] not in _CHECKS:
            hint = f"write '+{word}'" if word in _CHECKS else None
            _refuse(index, f"'{word}' is no include check: they are +{', +'.join(sorted(_CHECKS))}, or with -", hint)
    return _given(statement)


def ipvlan(statement: Statement) -> Any:
    """After `use_ipvlan`: `[NAME] [ADDRESS] [bridge|private|vepa]`."""
    seen: dict[str, str] = {}
    for index, word in enumerate(statement.words[1:], 1):
        what = "type" if word in _IPVLAN_TYPES else "address" if _is_address(word) else "name"
        if what in seen:
            _refuse(index, f"the ipvlan has a {what} already ({seen[what]}): '{word}' is ignored")
        seen[what] = word
        if what == "name" and len(word) > _NAME_MAX:
            _refuse(index, f"'{word}' is longer than 15 characters")
    return _given(statement)


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_interface(word)
    except ValueError:
        return False
    return True


def granularity(statement: Statement) -> Any:
    """After `persistence_granularity`: a mask, or the length of a prefix for IPv6."""
    words = statement.words
    if len(words) == 1:
        raise RefusedLineError("missing-argument", 0, f"'{words[0]}' lacks an argument", f"write '{words[0]} MASK'")
    if not _MASK.fullmatch(words[1]) or int(words[1].partition(".")[0]) > UINT_MAX:
        _refuse(1, f"'{words[1]}' is neither a mask such as 255.255.255.0 nor the length of an IPv6 prefix")
    return _given(statement)
