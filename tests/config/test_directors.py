# SPDX-License-Identifier: Apache-2.0
"""Several directors beside each other: which routers are meant to be one, and what is missing on whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.assemble.globals import merged
from bascule.config.diagnostics import Findings
from bascule.config.directors import Director, compare, pair
from bascule.config.reader import Section
from bascule.config.router_pairs import Router

Read = Callable[[str], tuple[Section, Findings]]


def instance(name: str, vrid: int, priority: int = 100, address: str = "10.0.0.1", interface: str = "eth0") -> str:
    """A block."""
    return (
        f"vrrp_instance {name} {{\ninterface {interface}\nvirtual_router_id {vrid}\npriority {priority}\n"
        f"virtual_ipaddress {{\n{address}\n}}\n}}\n"
    )


def group(name: str, *members: str) -> str:
    """A block."""
    lines = "\n".join(members)
    return f"vrrp_sync_group {name} {{\ngroup {{\n{lines}\n}}\n}}\n"


def said(read_text: Read, *texts: str) -> list[tuple[str, str]]:
    """Codes and messages about some directors."""
    findings = Findings()
    directors = [Director(f"{name}.conf", read_text(text)[0]) for name, text in zip("abc", texts, strict=False)]
    compare(directors, findings)
    return [(found.code.removeprefix("meaning/peer-"), found.message) for found in findings.sorted()]


def routers(read_text: Read, text: str) -> list[Router]:
    """The routers of a text."""
    top, _ = read_text(text)
    return [Router("", section, merged(top, "global_defs")) for section in top.each("vrrp_instance")]


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (instance("A", 1) + instance("B", 2), instance("B", 2) + instance("A", 1), {("A", "A"), ("B", "B")}),
        (instance("A", 1) + instance("B", 2), instance("B", 1) + instance("A", 2), {("A", "B"), ("B", "A")}),
        (
            instance("A", 1) + instance("B", 1, interface="eth1"),
            instance("X", 1, interface="eth1") + instance("Y", 1),
            {("A", "Y"), ("B", "X")},
        ),
        (instance("A", 1), instance("X", 1, interface="ens3"), {("A", "X")}),
        (instance("A", 1, address="10.0.0.8"), instance("A", 2), {("A", "A")}),
        (instance("A", 1), instance("X", 2), {("A", "X")}),
        (instance("A", 1, address="10.0.0.8"), instance("X", 2), {("A",), ("X",)}),
        (instance("A", 1), instance("A", 1, address="fd00::1"), {("A",), ("A",)}),
    ],
)
def test_which_routers_are_meant_to_be_one(
    read_text: Read, first: str, second: str, together: set[tuple[str, ...]]
) -> None:
    groups = pair([routers(read_text, first), routers(read_text, second)])
    assert {tuple(router.name for router in each.values()) for each in groups} == together


def test_many_routers_take_no_more_than_their_share_of_time(read_text: Read) -> None:
    """Twice as many must not take four times as long; counted in looks at routers, not in seconds."""
    counts = []
    for many in (100, 200):
        text = "".join(instance(f"V{number}", 7, address=f"10.0.1.{number}") for number in range(many))
        looked = 0

        class Counting(Router):
            @property
            def family(self) -> int:
                nonlocal looked
                looked += 1
                return super().family

        top, _ = read_text(text)
        made = [Counting("", section, merged(top, "global_defs")) for section in top.each("vrrp_instance")]
        assert len(pair([made, list(reversed(made))])) == many
        counts.append(looked)
    assert counts[1] <= 2.2 * counts[0]


def test_directors_that_agree(read_text: Read) -> None:
    text = instance("A", 1) + instance("B", 2, address="10.0.0.2") + group("G", "A", "B")
    assert said(read_text, text, text.replace("priority 100", "priority 99").replace("G", "H")) == []


def test_what_should_differ(read_text: Read) -> None:
    text = "global_defs {\nrouter_id lb\n}\n" + instance("A", 1)
    assert [code for code, _ in said(read_text, text, text)] == ["router-id", "priority"]


def test_an_instance_that_a_director_lacks(read_text: Read) -> None:
    second = instance("A", 1, 99)
    found = said(read_text, instance("A", 1) + instance("B", 2, address="10.0.0.2"), second)
    assert found == [
        ("missing", "vrrp_instance 'B' (virtual_router_id 2) is not in b.conf: nobody there takes its addresses over")
    ]
    assert said(read_text, instance("A", 1), "Vrrp_instance A {\n}\n") == []


def test_the_third_director_is_compared_too(read_text: Read) -> None:
    found = said(read_text, instance("A", 1, 3), instance("A", 1, 2), instance("A", 1, 2))
    assert found == [
        ("priority", "priority 2 is also that of k.conf:4: whichever has the higher address becomes MASTER")
    ]


BOTH = instance("A", 1) + instance("B", 2, address="10.0.0.2")
BACKUP = BOTH.replace("priority 100", "priority 99")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (group("G", "A", "B"), group("G", "A"), ["vrrp_sync_group 'G' holds A here, A B in a.conf"]),
        (group("G", "A", "B"), "", ["vrrp_sync_group 'G' is not in b.conf"]),
        ("", group("G", "A", "B"), ["vrrp_sync_group 'G' is not in a.conf"]),
        (group("G", "B", "A"), group("H", "A", "B"), []),
    ],
)
def test_groups(read_text: Read, first: str, second: str, expected: list[str]) -> None:
    found = said(read_text, BOTH + first, BACKUP + second)
    assert found == [("sync-group", f"{message}: they do not change state together on both") for message in expected]
