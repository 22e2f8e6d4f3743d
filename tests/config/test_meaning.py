# SPDX-License-Identifier: Apache-2.0
"""What blocks mean together: addresses that nobody holds, trackers that nobody defined."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.meaning import check_together
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

SERVICE = "virtual_server 10.0.0.1 80 {\n}\n"
INSTANCE = "vrrp_instance A {\n%s\n}\n"


_ELSEWHERE = {"meaning/sync-group", "meaning/script-user"}
"""Has tests of its own."""


def said(read_text: Read, text: str) -> list[tuple[int | None, str]]:
    """Line and code of what is found in the blocks together."""
    top, _ = read_text(text)
    findings = Findings()
    check_together(top, findings)
    return [(found.line, found.code) for found in findings.sorted() if found.code not in _ELSEWHERE]


@pytest.mark.parametrize(
    "text",
    [
        SERVICE,
        INSTANCE % "virtual_ipaddress {\n10.0.0.1/24 dev eth1\n}" + SERVICE,
        INSTANCE % "virtual_ipaddress_excluded {\n10.0.0.1\n}" + SERVICE,
        INSTANCE % "Virtual_ipaddress {\n10.0.0.1\n}" + SERVICE,
        INSTANCE % "" + "static_ipaddress {\nfoo\n10.0.0.1/24 dev eth0\n}\n" + SERVICE,
        "Vrrp_instance A {\n}\n" + INSTANCE % "" + SERVICE,
        INSTANCE % "" + "virtual_server fwmark 1 {\n}\n",
    ],
)
def test_services_whose_address_is_held_or_may_be(read_text: Read, text: str) -> None:
    assert said(read_text, text) == []


def test_a_service_whose_address_nobody_holds_is_named_once(read_text: Read) -> None:
    text = INSTANCE % "virtual_ipaddress {\n10.0.0.2\n}" + SERVICE + SERVICE.replace("80", "81")
    assert said(read_text, text) == [(6, "meaning/vip-unheld")]


SCRIPT = "vrrp_script chk {\n%s\n}\n"
TRACKS = INSTANCE % "track_script {\nchk\n}"


def test_a_script_defined_above_is_found(read_text: Read) -> None:
    assert said(read_text, SCRIPT % "script /bin/true" + TRACKS) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TRACKS, 3),
        (TRACKS + SCRIPT % "script /bin/true", 3),
        ("vrrp_sync_group G {\ntrack_file {\nf\n}\n}\n", 3),
    ],
)
def test_what_is_tracked_but_not_defined_above(read_text: Read, text: str, line: int) -> None:
    assert said(read_text, text) == [(line, "unknown-reference")]


def test_what_is_defined_above_may_still_be_dropped(read_text: Read) -> None:
    assert said(read_text, SCRIPT % "interval 1" + TRACKS) == [(6, "unknown-reference")]


FILE_CHECK = "virtual_server 10.0.0.1 80 {\nreal_server 10.0.0.2 80 {\nFILE_CHECK {\ntrack_file f\n}\n}\n}\n"


def test_a_file_check_needs_its_file_above(read_text: Read) -> None:
    assert said(read_text, FILE_CHECK) == [(4, "unknown-reference")]
    assert said(read_text, "track_file f {\nfile /x\n}\n" + FILE_CHECK) == []


GROUP = "virtual_server group web {\n}\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GROUP, [(1, "meaning/unknown-group")]),
        ("virtual_server_group wbe {\n10.0.0.1 80\n}\n" + GROUP, [(4, "meaning/unknown-group")]),
        (GROUP + "virtual_server_group web {\n10.0.0.1 80\n}\n", []),
        ("Virtual_server_group web {\n10.0.0.1 80\n}\n" + GROUP, []),
        ("virtual_server_group {\n10.0.0.1 80\n}\n" + GROUP, [(4, "meaning/unknown-group")]),
    ],
)
def test_services_of_groups_that_are_nowhere(read_text: Read, text: str, found: list[tuple[int | None, str]]) -> None:
    assert said(read_text, text) == found


@pytest.mark.parametrize(
    ("witness", "found"),
    [
        ("10.0.0.9", []),
        ("10.0.0.1", [(2, "meaning/witness")]),
        ("10.0.0.9 10.0.0.1/32", [(2, "meaning/witness")]),
    ],
)
def test_a_witness_is_somebody_else(read_text: Read, witness: str, found: list[tuple[int, str]]) -> None:
    instance = INSTANCE % "virtual_ipaddress {\n10.0.0.1\n}"
    assert said(read_text, f"bascule {{\nwitness {witness}\n}}\n{instance}") == found


def test_a_witness_without_an_instance_is_asked_by_nobody(read_text: Read) -> None:
    assert said(read_text, "bascule {\nwitness 10.0.0.9\n}") == [(2, "meaning/witness")]
    assert said(read_text, "bascule {\nwitness 10.0.0.9\n}\nVrrp_instance A {\n}") == []
