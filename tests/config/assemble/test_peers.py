# SPDX-License-Identifier: Apache-2.0
"""`unicast_peer`: which lines become peers."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from bascule.config.assemble.peers import peers
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.configuration import UnicastPeer

Read = Callable[[str], tuple[Section, Findings]]


def read(read_text: Read, lines: str, family: int = 4) -> tuple[tuple[UnicastPeer, ...], list[tuple[int | None, str]]]:
    top, _ = read_text(f"vrrp_instance A {{\n{lines}\n}}\n")
    findings = Findings()
    (section,) = top.each("vrrp_instance")
    return peers(section, family, findings), [(found.line, found.code) for found in findings.sorted()]


def peer(address: str, **bounds: int) -> UnicastPeer:
    return UnicastPeer(address=ipaddress.ip_address(address), **bounds)


def test_no_block_is_multicast(read_text: Read) -> None:
    assert read(read_text, "priority 3") == ((), [])


def test_peers_have_bounds_and_count_once(read_text: Read) -> None:
    block = "unicast_peer {\n10.0.0.2 min_ttl 3 max_ttl 9\n10.0.0.3 max_ttl 64\n10.0.0.4\n10.0.0.4\n}"
    found = (peer("10.0.0.2", min_ttl=3, max_ttl=9), peer("10.0.0.3", max_ttl=64), peer("10.0.0.4"))
    assert read(read_text, block) == (found, [])


def test_two_blocks_are_one_list(read_text: Read) -> None:
    blocks = "unicast_peer {\n10.0.0.2\n}\nunicast_peer {\n10.0.0.3 min_ttl 7\n}"
    assert read(read_text, blocks)[0] == (peer("10.0.0.2"), peer("10.0.0.3", min_ttl=7))


def test_a_peer_of_the_other_family_is_skipped(read_text: Read) -> None:
    block = "unicast_peer {\n10.0.0.2\nFD00::2\n}"
    assert read(read_text, block) == ((peer("10.0.0.2"),), [(4, "bad-address")])
    assert read(read_text, block, 6) == ((peer("fd00::2"),), [(3, "bad-address")])


def test_a_length_after_the_address_has_no_meaning(read_text: Read) -> None:
    assert read(read_text, "unicast_peer {\n10.0.0.2/24\n}") == ((peer("10.0.0.2"),), [])
