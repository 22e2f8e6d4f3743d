# SPDX-License-Identifier: Apache-2.0
"""The services of several directors beside each other: after a failover the other table balances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.service import Protocol

_ALIKE = ("lb_algo", "lb_kind", "persistence_timeout", "persistence_granularity", "quorum")
"""Keywords of a service whose values must agree."""

Key = tuple[object, ...]
Services = dict[Key, Section]


def compare_services(directors: Sequence[tuple[str, Section]], findings: Findings) -> None:
    """Each director's services with those of the first that has them. Directors without any are left in peace."""
    known = [(name, _services(top), top) for name, top in directors if top.each("virtual_server")]
    for number, (_, services, _) in enumerate(known):
        for key, section in services.items():
            others = [(name, found) for name, found, _ in known[:number] if key in found]
            if others:
                _compare(section, others[0][1][key], findings)
                continue
            without = [
                name
                for index, (name, found, top) in enumerate(known)
                if index != number and key not in found and "virtual_server" not in top.misspelt | top.refused
            ]
            if without:
                message = f"virtual_server {_named(section)} is not in {', '.join(without)}: it ends with a failover"
                findings.add("meaning/peer-service", *_head(section), message)


def _services(top: Section) -> Services:
    found: Services = {}
    for section in top.each("virtual_server"):
        protocol = section.get("protocol", Protocol.UDP)
        found.setdefault((*section.title, protocol), section)
    return found


def _head(section: Section) -> tuple[Statement, int]:
    assert section.statement is not None
    return section.statement, 1


def _named(section: Section) -> str:
    return " ".join(_head(section)[0].words[1:3])


def _compare(mine: Section, other: Section, findings: Findings) -> None:
    place = _place(other)
    for keyword in _ALIKE:
        if keyword in mine.misspelt | mine.refused | other.misspelt | other.refused:
            continue
        if mine.get(keyword) != other.get(keyword):
            where = mine.where.get(keyword)
            message = f"{keyword} is {_said(mine, keyword)} here, {_said(other, keyword)} in {place}"
            findings.add("meaning/peer-service", *((where, 0) if where else _head(mine)), message)
    if "real_server" not in mine.misspelt | mine.refused | other.misspelt | other.refused:
        _compare_servers(mine, other, place, findings)


def _place(section: Section) -> str:
    statement = _head(section)[0]
    origin = statement.source.origin(statement.line)
    return f"{origin.source.name}:{origin.line}"


def _said(section: Section, keyword: str) -> str:
    where = section.where.get(keyword)
    if where is None:
        return "not set"
    return " ".join(where.words[1:]) or "set"


def _compare_servers(mine: Section, other: Section, place: str, findings: Findings) -> None:
    here, there = _servers(mine), _servers(other)
    for server, section in here.items():
        if server not in there:
            message = f"real_server {_named(section)} is not in the service in {place}"
            findings.add("meaning/peer-service", *_head(section), message)
        elif _weight(section, mine) != _weight(there[server], other):
            message = (
                f"real_server {_named(section)} has weight {_weight(section, mine)} here, "
                f"{_weight(there[server], other)} in {_place(there[server])}"
            )
            findings.add("meaning/peer-service", *_head(section), message)
    for server, section in there.items():
        if server not in here:
            message = f"virtual_server {_named(mine)} lacks the real_server {_named(section)} of {_place(section)}"
            findings.add("meaning/peer-service", *_head(mine), message)


def _servers(service: Section) -> dict[Any, Section]:
    """By address and port; without a port it is the service's."""
    own = service.title[2]
    return {(*section.title, own)[:2]: section for section in reversed(service.each("real_server"))}


def _weight(server: Section, service: Section) -> Any:
    return server.get("weight", service.get("weight", 1))
