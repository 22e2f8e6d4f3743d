# SPDX-License-Identifier: Apache-2.0
"""Readers of what has a grammar of its own: the lines of list blocks, and arguments that are not just words in a row.

Each takes a statement (`words[0]` is the line's first word) and returns a value, or raises RefusedLineError.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from bascule.config.kinds import INTERFACE, IP, PORT, UINT_MAX, Integer, Kind, Pattern, RefusedWordError
from bascule.config.schema import RefusedLineError
from bascule.model.base import IPAddress
from bascule.model.configuration import VirtualAddress
from bascule.model.service import ForwardingMethod

if TYPE_CHECKING:
    from bascule.config.tree import Statement

_VIP_VALUES = {
    "dev": INTERFACE,
    "scope": Kind("SCOPE"),
    "broadcast": Pattern("[+-]|[0-9.]+", "ADDRESS|+|-", "an address, + or -"),
    "brd": Pattern("[+-]|[0-9.]+", "ADDRESS|+|-", "an address, + or -"),
    "label": Kind("LABEL", 15),
    "peer": Pattern("[0-9A-Fa-f.:]+", "ADDRESS", "an address without a length"),
    "preferred_lft": Pattern("[0-9]+|forever", "SECONDS|forever", "a number of seconds, nor 'forever'"),
    "track_group": Kind("NAME"),
}
_SCOPE = re.compile(r"global|link|host|site|nowhere|[0-9]{1,3}")
_VIP_FLAGS = frozenset(
    {"home", "-nodad", "mngtmpaddr", "noprefixroute", "autojoin", "no_track", "no-track", "use_vmac"}
)


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


def virtual_address(statement: Statement) -> VirtualAddress:
    """A line of `virtual_ipaddress`: `ADDRESS[/LENGTH] [dev INTERFACE] [label LABEL] [scope SCOPE] ...`."""
    word = statement.words[0]
    text, _, length = word.partition("/")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise RefusedLineError("bad-address", 0, f"'{word}' is not an address") from None
    if not length:
        return _with_options(statement, address, address.max_prefixlen)
    if length.isascii() and length.isdigit() and int(length) <= address.max_prefixlen:
        return _with_options(statement, address, int(length))
    message = f"'{length}' is no prefix length: {address.max_prefixlen} is used"
    instead = _with_options(statement, address, address.max_prefixlen)
    raise RefusedLineError("out-of-range", 0, message, instead=instead)


def _with_options(statement: Statement, address: IPAddress, length: int) -> VirtualAddress:
    """The address with what follows it. A word that is no option is dropped, as keepalived does."""
    options: dict[str, str] = {}
    strays: list[int] = []
    index = 1
    while index < len(statement.words):
        option = statement.words[index]
        if option == "scope" and not _SCOPE.fullmatch("".join(statement.words[index + 1 : index + 2])):
            strays.append(index + 1)
            index += 2
        elif option in _VIP_VALUES:
            options[option] = str(value(_VIP_VALUES[option], statement, index + 1))
            index += 2
        elif option in _VIP_FLAGS:
            index += 1
        else:
            strays.append(index)
            index += 1
    found = VirtualAddress(
        address=address,
        prefix_length=length,
        device=options.get("dev"),
        label=options.get("label"),
        scope=options.get("scope"),
    )
    if strays:
        stray = statement.words[min(strays[0], len(statement.words) - 1)]
        message = f"'{stray}' is no option of an address and is ignored"
        raise RefusedLineError("bad-word", strays[0], message, _stray_hint(stray), found)
    return found


def _stray_hint(option: str) -> str | None:
    try:
        ipaddress.ip_interface(option)
    except ValueError:
        return None
    return "one address to a line"


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


def group_member(statement: Statement) -> tuple[object, object]:
    """A line of `virtual_server_group`: `ADDRESS[-LAST|/LENGTH] [PORT]` or `fwmark N [inet|inet6]`."""
    if statement.words[0] == "fwmark":
        return "fwmark", value(Integer(0, UINT_MAX), statement, 1)
    address = value(IP, statement, 0)
    return address, value(PORT, statement, 1) if len(statement.words) > 1 else 0


def forwarding(statement: Statement) -> ForwardingMethod:
    """After `lb_kind`: `NAT|DR|TUN` and the options of a tunnel."""
    words = statement.words
    if len(words) < 2:
        raise RefusedLineError("missing-argument", 0, f"'{words[0]}' lacks an argument", f"write '{words[0]} DR'")
    method = _METHODS.get(words[1])
    if method is not None:
        return method
    if words[1].upper() in _METHODS:
        right = words[1].upper()
        message = f"'{words[1]}' must be written '{right}'; keepalived would use NAT"
        raise RefusedLineError("wrong-case", 1, message, f"write '{right}'")
    message = f"'{words[1]}' is no forwarding method; keepalived would use NAT"
    raise RefusedLineError("bad-word", 1, message, "write NAT, DR or TUN")


_METHODS = {method.value: method for method in ForwardingMethod}


def tracked(limit: int) -> Callable[[Statement], tuple[str, int | None]]:
    """Reads lines of `track_...` blocks: `NAME [weight N] [reverse|noreverse]`, the weight within +-limit."""
    kind = Integer(-limit, limit)

    def read(statement: Statement) -> tuple[str, int | None]:
        weight: int | None = None
        index = 1
        while index < len(statement.words):
            word = statement.words[index]
            if word == "weight":
                found = value(kind, statement, index + 1)
                assert isinstance(found, int)
                weight = found
                index += 2
            elif word in ("reverse", "noreverse"):
                index += 1
            else:
                raise RefusedLineError("bad-word", index, f"'{word}' is none of weight, reverse, noreverse")
        return statement.words[0], weight

    return read


def peer(statement: Statement) -> object:
    """A line of `unicast_peer`: an address, `min_ttl N`, `max_ttl N`."""
    for index, word in enumerate(statement.words[1:], 1):
        if index % 2 and word not in ("min_ttl", "max_ttl"):
            raise RefusedLineError("bad-word", index, f"'{word}' is neither min_ttl nor max_ttl")
        if index % 2:
            value(Integer(0, 255), statement, index + 1)
    return value(IP, statement, 0)


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
    if not _HOST.fullmatch(host) or _BAD_NUMBER.fullmatch(host):
        raise RefusedLineError("bad-word", 1, f"'{host}' is neither an address nor a host name")
    return host, port


_BAD_NUMBER = re.compile(r"-[0-9]+|[0-9]{11,}")
_HOST = re.compile(r"[A-Za-z0-9_.:%-]+")
