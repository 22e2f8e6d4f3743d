# SPDX-License-Identifier: Apache-2.0
"""Routes and rules in words that are read as the same routes and rules."""

from __future__ import annotations

import hypothesis
import pytest

from bascule.config.keywords.inline_routes import static_route, virtual_route
from bascule.config.keywords.inline_rules import static_rule, virtual_rule
from bascule.config.routing_words import route_in_words, rule_in_words
from bascule.config.source import Source
from bascule.config.tree import Statement
from bascule.model.routing import Route, Rule
from tests.config.lines_with_text import routes, rules


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


@hypothesis.given(routes(), routes(static=True))
def test_routes_are_read_as_they_are_said(virtual: Route, static: Route) -> None:
    assert virtual_route(statement(route_in_words(virtual))) == virtual
    assert static_route(statement(route_in_words(static))) == static


@hypothesis.given(rules(), rules(static=True))
def test_rules_are_read_as_they_are_said(virtual: Rule, static: Rule) -> None:
    assert virtual_rule(statement(rule_in_words(virtual))) == virtual
    assert static_rule(statement(rule_in_words(static))) == static


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("default via 10.0.0.1 dev eth0", "default via 10.0.0.1 dev eth0"),
        ("fd00::/8 via inet6 fd00::1 rtt 1600", "fd00::/8 via fd00::1 rtt 200ms"),
        ("blackhole 10.0.0.0/8 table main metric 5", "blackhole 10.0.0.0/8 metric 5 table 254"),
        ("fd00::/8 dev eth0 encap ila 1:2:3:4", "fd00::/8 dev eth0 encap ila 0001:0002:0003:0004"),
        ("10.0.0.0/8 nexthop via 10.0.0.1 weight 1 nexthop", "10.0.0.0/8 nexthop via 10.0.0.1 nexthop"),
    ],
)
def test_routes_in_words(text: str, words: str) -> None:
    assert route_in_words(virtual_route(statement(text))) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from 10.0.0.0/8 lookup local order 5 fwmark 5/0xff", "from 10.0.0.0/8 fwmark 5/255 priority 5 table 255"),
        ("inet6 from default6 l3mdev order 5", "inet6 from ::/0 priority 5 l3mdev"),
        ("goto 5 priority 3", "priority 3 goto 5"),
    ],
)
def test_rules_in_words(text: str, words: str) -> None:
    assert rule_in_words(virtual_rule(statement(text))) == words
