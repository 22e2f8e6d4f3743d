# SPDX-License-Identifier: Apache-2.0
"""Track groups as keepalived 2.2.7 takes them: seen by which instances fault when which interface is set down."""

from __future__ import annotations

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.loader import load_sources
from bascule.config.source import Source
from bascule.model.configuration import Configuration
from bascule.model.tracking import Tracked, TrackerKind, TrackGroup

GROUP = "track_group G {\n group {\n  A\n  A\n  gone\n }\n}\n"
INSTANCES = "".join(
    f"vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n}}\n" for name, vrid in (("A", 5), ("B", 6))
)


def loaded(text: str) -> tuple[Configuration, list[tuple[int | None, str]]]:
    found = load_sources([Source("k.conf", text)], Findings(), "low")
    assert found.configuration is not None
    told = [(each.line, each.code) for each in found.diagnostics]
    return found.configuration, [each for each in told if each[1] in ("meaning/track-group", "unknown-reference")]


def followed(configuration: Configuration) -> dict[str, list[str]]:
    return {entry.name: [line.name for line in entry.tracked] for entry in configuration.instances}


@pytest.mark.parametrize(
    ("static", "interfaces"),
    [
        ("static_ipaddress {\n 10.0.0.1/24 dev eth1 track_group G\n}\n", ["eth1"]),
        ("static_ipaddress {\n 10.0.0.1/24 track_group G\n}\n", ["eth0"]),
        ("static_ipaddress {\n 10.0.0.1/24 dev eth1\n}\n", []),
        ("static_routes {\n 10.0.0.0/8 via 10.0.0.1 dev eth2 track_group G\n}\n", ["eth2"]),
        ("static_routes {\n 10.0.0.0/8 via 10.0.0.1 track_group G\n}\n", []),
        ("static_rules {\n iif eth3 table 5 track_group G\n table 6\n}\n", ["eth3"]),
        ("static_rules {\n oif eth3 table 5 track_group G\n}\n", []),
        ("static_rules {\n iif eth3 track_group G\n}\n", []),
        (
            "static_ipaddress {\n 10.0.0.1/24 dev eth1 track_group G\n}\n"
            "static_rules {\n iif eth3 table 5 track_group G\n iif eth1 table 5 track_group G\n}\n",
            ["eth1", "eth3"],
        ),
    ],
)
def test_the_instances_of_a_group_follow_interfaces(static: str, interfaces: list[str]) -> None:
    configuration, told = loaded(GROUP + static + INSTANCES)
    assert followed(configuration) == {"A": interfaces, "B": []}
    assert told == [(5, "meaning/track-group")], "an instance that is not there"
    assert configuration.track_groups == (TrackGroup(name="G", members=("A",)),)
    assert configuration.declared == ()


def test_what_is_named_above_its_group_follows_nothing() -> None:
    above = "static_ipaddress {\n 10.0.0.1/24 dev eth1 track_group G\n}\n"
    below = "static_ipaddress {\n 10.0.0.2/24 dev eth2 track_group G\n}\n"
    configuration, told = loaded(above + GROUP + below + INSTANCES)
    assert followed(configuration)["A"] == ["eth2"]
    assert (2, "unknown-reference") in told


def test_no_track_wins() -> None:
    configuration, told = loaded(
        GROUP + "static_ipaddress {\n 10.0.0.1/24 dev eth1 no_track track_group G\n}\n" + INSTANCES
    )
    assert followed(configuration)["A"] == []
    assert (9, "meaning/track-group") in told


def test_a_weight_of_the_instances_own_does_not_soften_the_fault() -> None:
    static = "static_ipaddress {\n 10.0.0.1/24 dev eth1 track_group G\n 10.0.0.2/24 dev eth2 track_group G\n}\n"
    own = (
        "vrrp_instance A {\n interface eth0\n virtual_router_id 5\n track_interface {\n eth1 weight 10\n eth2\n }\n}\n"
    )
    configuration, _ = loaded(GROUP + static + own)
    assert configuration.instances[0].tracked == (
        Tracked(kind=TrackerKind.INTERFACE, name="eth1", weight=10),
        Tracked(kind=TrackerKind.INTERFACE, name="eth2"),
        Tracked(kind=TrackerKind.INTERFACE, name="eth1"),
    )


def test_the_first_group_of_a_name_counts() -> None:
    second = "track_group G {\n group {\n B\n }\n}\n"
    static = "static_ipaddress {\n 10.0.0.1/24 dev eth1 track_group G\n}\n"
    assert followed(loaded(GROUP + second + static + INSTANCES)[0]) == {"A": ["eth1"], "B": []}
