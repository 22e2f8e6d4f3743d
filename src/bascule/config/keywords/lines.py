# SPDX-License-Identifier: Apache-2.0
"""Readers of what has a grammar of its own: plain lists, and arguments that are not just words in a row.

Lines with options are read by the declarations in `inline_...`.

Each takes a statement (`words[0]` is the line's first word) and returns a value, or raises RefusedLineError.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bascule.config.kinds import IP, PORT, UINT_MAX, Integer, Kind, RefusedWordError
from bascule.config.schema import RefusedLineError

if TYPE_CHECKING:
    from bascule.config.tree import Statement


def words(statement: Statement) -> list[str]:
    """Every word of the line."""
    return list(statement.words)


def anything(statement: Statement) -> tuple[str, ...]:
    """The line as it stands."""
    return statement.words


def value(kind: Kind, statement: Statement, index: int) -> object:
    """Word `index` as a value of `kind`. Raises RefusedLineError, also when there is no such word."""
    if index >= len(statement.words):
        word = statement.words[-1]
        raise RefusedLineError("missing-argument", index, f"{kind.shown} is missing after '{word}'")
    try:
        return kind.parse(statement.words[index])
    except RefusedWordError as refusal:
        raise RefusedLineError(refusal.code, index, refusal.message, refusal.hint) from None


def virtual_server_name(statement: Statement) -> tuple[str, object, int]:
    """After `virtual_server`: `ADDRESS [PORT]`, `fwmark N` or `group NAME`; ("address", address, port) and the like."""
    words = statement.words
    if len(words) < 2:
        raise RefusedLineError(
            "missing-name", 0, "'virtual_server' lacks its address", "write 'virtual_server ADDRESS PORT {'"
        )
    if words[1] == "fwmark":
        return "fwmark", value(Integer(1, UINT_MAX), statement, 2), 0
    if words[1] == "group":
        return "group", value(Kind("NAME"), statement, 2), 0
    address = value(IP, statement, 1)
    port = value(Integer(0, 65535), statement, 2) if len(words) > 2 else 0
    assert isinstance(port, int)
    return "address", address, port


def initial_value(statement: Statement) -> tuple[int | None, bool]:
    """After `init_file`: `[VALUE] [overwrite]`."""
    number: int | None = None
    for index, word in enumerate(statement.words[1:], 1):
        if word == "overwrite":
            return number, True
        if index > 1 or not _NUMBER.fullmatch(word):
            raise RefusedLineError("bad-word", index, f"'{word}' is neither a number nor 'overwrite'")
        number = int(str(value(Integer(-254, 254), statement, index)))
    return number, False


_NUMBER = re.compile(r"-?[0-9]+")


def mail_server(statement: Statement) -> tuple[str, int]:
    """After `smtp_server`: an address or a host name, and a port."""
    if len(statement.words) < 2:
        raise RefusedLineError("missing-argument", 0, "'smtp_server' lacks an argument", "write 'smtp_server ADDRESS'")
    host = statement.words[1]
    port = value(PORT, statement, 2) if len(statement.words) > 2 else 25
    assert isinstance(port, int)
    if not _HOST.fullmatch(host) or _BAD_NUMBER.fullmatch(host) or _is_bad_address(host):
        raise RefusedLineError("bad-word", 1, f"'{host}' is neither an address nor a host name")
    return host, port


def _is_bad_address(host: str) -> bool:
    """Four numbers with dots between, one of which is too great: no host has such a name."""
    parts = host.split(".")
    return len(parts) == _OCTETS and all(part.isdigit() for part in parts) and any(int(part) > 255 for part in parts)


_OCTETS = 4
_BAD_NUMBER = re.compile(r"-[0-9]+|[0-9]{11,}")
_HOST = re.compile(r"[A-Za-z0-9_.:%-]+")
