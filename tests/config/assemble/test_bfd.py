# SPDX-License-Identifier: Apache-2.0
"""BFD sessions of a file into the model; what is skipped is what keepalived 2.2.7 said that it ignores."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest

from bascule.config.assemble.bfd import sessions
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.bfd import BfdSession

Read = Callable[[str], tuple[Section, Findings]]

NEIGHBOUR = ipaddress.IPv4Address("192.168.2.2")


def read(read_text: Read, text: str) -> tuple[tuple[BfdSession, ...], list[tuple[str, int | None]]]:
    """The sessions, and code and line of what was found."""
    top, findings = read_text(text)
    made = sessions(top, findings)
    return made, [(found.code, found.line) for found in findings.sorted()]


def test_a_session_in_seconds(read_text: Read) -> None:
    text = """bfd_instance a {
 neighbour_ip 192.168.2.2
 source_ip 192.168.2.1
 min_rx 50
 min_tx 3.312
 idle_tx 2000
 multiplier 7
 passive
 ttl 254
 hoplimit 9
 max_hops 3
}
"""
    (found,), codes = read(read_text, text)
    assert (found.name, found.neighbour, str(found.source)) == ("a", NEIGHBOUR, "192.168.2.1")
    assert (found.min_rx, found.min_tx, found.idle_tx) == pytest.approx((0.05, 0.003312, 2.0))
    assert (found.multiplier, found.passive, found.ttl, found.max_hops) == (7, True, 254, 3)
    assert codes == []


def test_defaults_follow_the_ip_version(read_text: Read) -> None:
    (four, six), _ = read(
        read_text, "bfd_instance a {\n neighbor_ip 192.168.2.2\n}\nbfd_instance b {\n neighbor_ip fd00::2\n}\n"
    )
    assert four == BfdSession(name="a", neighbour=NEIGHBOUR)
    assert (six.ttl, six.max_hops) == (64, 0)


def test_255_hops_are_any_number(read_text: Read) -> None:
    (found,), _ = read(read_text, "bfd_instance a {\n neighbor_ip 192.168.2.2\n max_hops 255\n}\n")
    assert found.max_hops is None


def test_a_name_or_a_neighbour_counts_once(read_text: Read) -> None:
    text = (
        "bfd_instance a {\n neighbor_ip 192.168.2.2\n}\n"
        "bfd_instance a {\n neighbor_ip 192.168.2.3\n}\n"
        "bfd_instance b {\n neighbor_ip 192.168.2.2\n}\n"
    )
    found, codes = read(read_text, text)
    assert [session.name for session in found] == ["a"]
    assert codes == [("duplicate", 4), ("duplicate", 9)]


def test_two_ip_versions_are_no_session(read_text: Read) -> None:
    found, codes = read(read_text, "bfd_instance a {\n neighbor_ip 192.168.2.2\n source_ip fd00::1\n}\n")
    assert found == ()
    assert codes == [("bad-address", 4)]


def test_without_a_neighbour_there_is_none(read_text: Read) -> None:
    found, codes = read(read_text, "bfd_instance a {\n multiplier 3\n}\n")
    assert found == ()
    assert codes == [("incomplete", 3)]
