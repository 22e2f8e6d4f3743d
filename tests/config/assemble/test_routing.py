# SPDX-License-Identifier: Apache-2.0
"""Addresses, routes and rules of instances and of the machine, and the numbers that rules get."""

from __future__ import annotations

import ipaddress

from bascule.config.diagnostics import Findings
from bascule.config.keywords.inline_kinds import with_names
from bascule.config.loader import load_sources
from bascule.config.source import Source
from bascule.model.configuration import Configuration

TEXT = """
static_ipaddress {
    10.9.0.1/24 dev eth0 track_group g
    10.9.0.1/16 dev eth0
}
static_routes {
    10.1.0.0/16 via 10.9.0.2 dev eth0
}
vrrp_instance A {
    interface eth0
    virtual_router_id 5
    virtual_ipaddress_excluded {
        10.0.0.1/24
        fd00::1/64 dev eth1
        10.0.0.1/16
    }
    virtual_routes {
        default via 10.0.0.9
    }
    virtual_rules {
        table 5
        table 6 priority 7
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 6
    virtual_rules {
        table 7
    }
}
static_rules {
    table 1
    from 10.0.0.0/8 table 2
}
"""


def loaded(text: str) -> Configuration:
    """What a text means."""
    configuration = load_sources([Source("k.conf", text)], Findings(), "low").configuration
    assert configuration is not None
    return configuration


def test_every_list_is_in_the_model() -> None:
    found = loaded(TEXT)
    first = found.instances[0]
    assert [(each.address, each.prefix_length) for each in first.excluded_addresses] == [
        (ipaddress.ip_address("10.0.0.1"), 24),
        (ipaddress.ip_address("fd00::1"), 64),
    ]
    assert [(each.prefix_length, each.track_group) for each in found.static_addresses] == [(24, "g")]
    assert [each.gateway for each in first.virtual_routes] == [ipaddress.ip_address("10.0.0.9")]
    assert [str(each.destination) for each in found.static_routes] == ["10.1.0.0/16"]
    assert found.declared == ()


def test_rules_without_a_number_are_numbered_downwards() -> None:
    found = loaded(TEXT)
    assert [rule.priority for rule in found.static_rules] == [16384, 16383]
    assert [[rule.priority for rule in each.virtual_rules] for each in found.instances] == [[16382, 7], [16381]]
    assert loaded("vrrp_instance A {\n interface a\n virtual_router_id 5\n}\n").static_rules == ()


def test_lines_with_a_name_that_no_list_has_are_left_out_offline() -> None:
    text = (
        "static_routes {\n 10.1.0.0/16 dev a table blue\n 10.2.0.0/16 nexthop dev a realms x\n 10.3.0.0/16 dev a\n}\n"
        "static_rules {\n table blue\n table 5 realms x\n table 5\n}\n"
        "static_ipaddress {\n 10.0.0.1 dev a scope x\n}\n"
    )
    found = loaded(text)
    assert [str(each.destination) for each in found.static_routes] == ["10.3.0.0/16"]
    assert [each.table for each in found.static_rules] == [5]
    assert [each.scope for each in found.static_addresses] == [0]
    with with_names({"rt_tables": {"blue": 77}, "rt_realms": {"x": 3}, "rt_scopes": {"x": 4}}):
        here = loaded(text)
    assert [each.table for each in here.static_routes] == [77, None, None]
    assert [each.table for each in here.static_rules] == [77, 5, 5]
    assert here.static_addresses[0].scope == 4
