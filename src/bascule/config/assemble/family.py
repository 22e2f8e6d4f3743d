# SPDX-License-Identifier: Apache-2.0
"""Of which family (IPv4 or IPv6) an instance is: the first address of its block decides, as keepalived has it.

Source addresses, that of an ipvlan, unicast peers and virtual addresses count, and `native_ipv6`; addresses outside
adverts do not. What is of the other family is ignored, and said.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.tree import Statement

_SOURCES = ("mcast_src_ip", "unicast_src_ip", "use_ipvlan")
_LISTS = ("unicast_peer", "virtual_ipaddress")


def family(section: Section) -> int:
    """The IP version of an instance."""
    return next((version for _, _, version in _spoken(section)), 4)


def check_family(section: Section, findings: Findings) -> None:
    """Sources and virtual addresses of the other family; unicast peers are said where they are read."""
    decided: int | None = None
    for line, index, version in _spoken(section):
        decided = decided or version
        if version == decided:
            continue
        word = line.words[index]
        if word == "native_ipv6":
            message = "the instance is one of IPv4 by an address further up: native_ipv6 is ignored"
            findings.add("bad-word", line, 0, message)
        elif line.words[0] in _SOURCES:
            message = f"{word} is not of the family of the instance, IPv{decided}: it is ignored"
            findings.add("bad-address", line, index, message)
        elif line not in _children(section, "unicast_peer"):
            address = word.partition("/")[0]
            findings.add("bad-address", line, 0, f"{address} is not of the family of the instance: it is skipped")


def _children(section: Section, keyword: str) -> list[Statement]:
    statements = section.statement.children or () if section.statement is not None else ()
    return [line for block in statements if block.words[0] == keyword for line in block.children or ()]


def _spoken(section: Section) -> Iterator[tuple[Statement, int, int]]:
    for statement in section.statement.children or () if section.statement is not None else ():
        yield from spoken(statement)


def spoken(statement: Statement) -> Iterator[tuple[Statement, int, int]]:
    """Every word of a line or block that speaks of a family: its statement, the word's index, the version."""
    word = statement.words[0]
    if word == "native_ipv6":
        yield statement, 0, 6
    elif word == "use_ipvlan":
        for index in range(1, len(statement.words)):
            yield from _version(statement, index)
    elif word in _SOURCES and len(statement.words) > 1:
        yield from _version(statement, 1)
    elif word in _LISTS:
        for line in statement.children or ():
            yield from _version(line, 0)


def _version(statement: Statement, index: int) -> Iterator[tuple[Statement, int, int]]:
    try:
        yield statement, index, ipaddress.ip_address(statement.words[index].partition("/")[0]).version
    except ValueError:
        return
