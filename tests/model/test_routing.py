# SPDX-License-Identifier: Apache-2.0
"""Routes and rules travel whole."""

from __future__ import annotations

import hypothesis

from bascule.model.base import from_json, pack, to_json, unpack
from bascule.model.routing import Route, Rule
from tests.config.lines_with_text import routes, rules


@hypothesis.given(routes(), rules())
def test_they_travel_whole(route: Route, rule: Rule) -> None:
    assert unpack(pack(route), Route) == from_json(to_json(route), Route) == route
    assert unpack(pack(rule), Rule) == from_json(to_json(rule), Rule) == rule
    assert str(route.destination) == f"{route.destination.address}/{route.destination.length}"
