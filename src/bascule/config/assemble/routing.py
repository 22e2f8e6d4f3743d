# SPDX-License-Identifier: Apache-2.0
"""Addresses, routes and rules that go with an instance or stay with the machine, into the model."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bascule.config.keywords.inline_kinds import UNLISTED
from bascule.config.reader import Section
from bascule.model.configuration import Configuration, VirtualAddress, VrrpInstance
from bascule.model.routing import UNNUMBERED, Route, Rule

LAST_PRIORITY = 16384
"""What keepalived 2.2.7 gives to an IP version's first rule that names no priority; each further one gets one less."""


def listed(section: Section, keyword: str) -> tuple[VirtualAddress, ...]:
    """The addresses of a block of addresses, each once, the first of those that are equal."""
    found: Sequence[VirtualAddress] = section.get(keyword) or ()
    kept: dict[object, VirtualAddress] = {}
    for each in found:
        kept.setdefault(each.address, each)
    return tuple(kept.values())


def routes(section: Section, keyword: str) -> tuple[Route, ...]:
    """The routes of a block of routes, without those with a name that no list has."""
    found: Sequence[Route] = section.get(keyword) or ()
    return tuple(route for route in found if not _unlisted(route.table, route.protocol, route.scope, route.tos, route))


def rules(section: Section, keyword: str) -> tuple[Rule, ...]:
    """The rules of a block of rules likewise, some of them without a number yet."""
    found: Sequence[Rule] = section.get(keyword) or ()
    return tuple(rule for rule in found if not _unlisted(rule.table, rule.tos, rule.suppress_interface_group, rule))


def _unlisted(*values: int | Route | Rule | None) -> bool:
    """Whether a number is not known, or a realm."""
    *numbers, line = values
    assert isinstance(line, Route | Rule)
    lines = (line, *(line.next_hops if isinstance(line, Route) else ()))
    realms = (each.realms.destination for each in lines if each.realms is not None)
    return UNLISTED in numbers or UNLISTED in realms


def numbered(configuration: Configuration) -> Configuration:
    """The configuration with a priority for every rule: static ones first, then those of the instances in order."""
    following = {4: LAST_PRIORITY, 6: LAST_PRIORITY}

    def numbered_one(rule: Rule) -> Rule:
        if rule.priority != UNNUMBERED:
            return rule
        following[rule.family] -= 1
        return msgspec.structs.replace(rule, priority=following[rule.family] + 1)

    def number(listed: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(map(numbered_one, listed))

    def with_numbers(instance: VrrpInstance) -> VrrpInstance:
        if not instance.virtual_rules:
            return instance
        return msgspec.structs.replace(instance, virtual_rules=number(instance.virtual_rules))

    static = number(configuration.static_rules)
    if not static and not any(instance.virtual_rules for instance in configuration.instances):
        return configuration
    instances = tuple(map(with_numbers, configuration.instances))
    return msgspec.structs.replace(configuration, static_rules=static, instances=instances)
