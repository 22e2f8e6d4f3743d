# SPDX-License-Identifier: Apache-2.0
"""The configurations of several directors beside each other: what must agree, and what should differ.

Each is compared with the first that has the same router, group or service. Nothing is said of what is good alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from bascule.config.assemble.globals import merged
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.router_pairs import Router, check_pair, check_priorities
from bascule.config.service_pairs import compare_services


class Director(NamedTuple):
    """What the files of one director say."""

    name: str
    """Of its first file."""
    top: Section


def compare(directors: Sequence[Director], findings: Findings) -> None:
    """Everything that two or more directors do not agree on."""
    _check_names(directors, findings)
    groups = pair([_routers(director) for director in directors])
    for group in groups:
        first, *others = group.values()
        for other in others:
            check_pair(other, first, findings)
        check_priorities(list(group.values()), findings)
        _missing(first, group, directors, findings)
    _check_sync_groups(directors, groups, findings)
    compare_services([(director.name, director.top) for director in directors], findings)


def _routers(director: Director) -> list[Router]:
    defaults = merged(director.top, "global_defs")
    found = {section.title: section for section in reversed(director.top.each("vrrp_instance"))}
    return [Router(director.name, section, defaults) for section in reversed(found.values())]


Group = dict[int, Router]
"""One router: each director's number, and how it describes the router."""


def pair(directors: Sequence[Sequence[Router]]) -> list[Group]:
    """The routers of all directors, those that are meant to be one together, the surest matches first."""
    groups: list[Group] = []
    for number, routers in enumerate(directors):
        waiting = list(routers)
        for keys in _KEYS:
            waiting = _join(number, waiting, groups, keys)
        groups += [{number: router} for router in waiting]
    return groups


def _join(number: int, routers: Sequence[Router], groups: Sequence[Group], keys: Keys) -> list[Router]:
    """Put routers of director `number` into the groups that share a key with them; returns those that find none."""
    known: dict[object, list[Group]] = {}
    for group in reversed(groups):
        if number not in group:
            for key in keys(next(iter(group.values()))):
                known.setdefault(key, []).append(group)
    left: list[Router] = []
    for router in routers:
        match = next(filter(None, (_first_without(number, known.get(key, [])) for key in keys(router))), None)
        if match is None:
            left.append(router)
        else:
            match[number] = router
    return left


def _first_without(number: int, waiting: list[Group]) -> Group | None:
    """The last of some groups that director `number` is not in; those behind it, which it has joined, are dropped."""
    while waiting and number in waiting[-1]:
        waiting.pop()
    return waiting[-1] if waiting else None


Keys = Callable[[Router], Iterable[object]]


def _by_id(router: Router, *more: object) -> Iterable[object]:
    return () if router.vrid is None else ((router.vrid, router.family, *more),)


_KEYS: tuple[Keys, ...] = (
    lambda router: _by_id(router, router.name),
    lambda router: _by_id(router, router.get("interface")),
    _by_id,
    lambda router: ((router.name, router.family),),
    lambda router: sorted(router.addresses or (), key=lambda each: (each.version, each)),
)
"""What descriptions of one router have in common, from the surest to the faintest."""


def _missing(first: Router, group: Group, directors: Sequence[Director], findings: Findings) -> None:
    """A router that some director does not have. Silent when that one has misspelt an instance, which was said."""
    without = [
        director.name
        for number, director in enumerate(directors)
        if number not in group and "vrrp_instance" not in director.top.misspelt | director.top.refused
    ]
    if without:
        message = f"vrrp_instance '{first.name}' (virtual_router_id {first.vrid}) is not in {', '.join(without)}"
        findings.add("meaning/peer-missing", first.statement, 1, f"{message}: nobody there takes its addresses over")


def _check_names(directors: Sequence[Director], findings: Findings) -> None:
    """Each director should be told apart in mail and logs."""
    seen: dict[str, Any] = {}
    for director in directors:
        defaults = merged(director.top, "global_defs")
        name = defaults.get("router_id")
        if name is None:
            continue
        where = defaults.where["router_id"]
        if name in seen:
            message = f"router_id '{name}' is also that of {seen[name]}: mail does not say which director sends it"
            findings.add("meaning/peer-router-id", where, 1, message)
        else:
            origin = where.source.origin(where.line)
            seen[name] = f"{origin.source.name}:{origin.line}"


def _check_sync_groups(directors: Sequence[Director], groups: Sequence[Group], findings: Findings) -> None:
    """Instances that change state together on one director do so on all."""
    known = [_sync_groups(number, director, groups) for number, director in enumerate(directors)]
    for number, mine in enumerate(known[1:], 1):
        for members, section in mine.items():
            if members in known[0] or not section.get("group"):
                continue
            like = [other for shared, other in known[0].items() if shared & members]
            where = section.where["group"]
            if like:
                theirs = " ".join(like[0].get("group"))
                message = f"holds {' '.join(section.get('group'))} here, {theirs} in {directors[0].name}"
            else:
                message = f"is not in {directors[0].name}"
            message = f"vrrp_sync_group '{section.title}' {message}: they do not change state together on both"
            findings.add("meaning/peer-sync-group", where, 0, message)
        _only_first(known[0], mine, directors[number].name, findings)


def _only_first(
    first: dict[frozenset[int], Section], mine: dict[frozenset[int], Section], name: str, findings: Findings
) -> None:
    for members, section in first.items():
        if section.get("group") and not any(members & others for others in mine):
            message = f"vrrp_sync_group '{section.title}' is not in {name}: they do not change state together on both"
            findings.add("meaning/peer-sync-group", section.where["group"], 0, message)


def _sync_groups(number: int, director: Director, groups: Sequence[Group]) -> dict[frozenset[int], Section]:
    """A director's groups by the routers in them, which are numbered alike for all directors."""
    numbers = {group[number].name: index for index, group in enumerate(groups) if number in group}
    return {
        frozenset(numbers[name] for name in section.get("group") or () if name in numbers): section
        for section in director.top.each("vrrp_sync_group")
    }
