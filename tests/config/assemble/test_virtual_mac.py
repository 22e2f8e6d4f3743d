# SPDX-License-Identifier: Apache-2.0
"""`use_vmac [NAME] [MAC]` as keepalived 2.2.7 takes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.assemble.globals import merged
from bascule.config.assemble.virtual_mac import virtual_mac
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.virtual_mac import VirtualMac

Read = Callable[[str], tuple[Section, Findings]]
MAC = "00:00:5e:00:01:33"


def built(read_text: Read, line: str, before: str = "", family: int = 4) -> tuple[VirtualMac | None, list[str]]:
    top, _ = read_text(f"{before}vrrp_instance A {{\ninterface eth0\nvirtual_router_id 51\n{line}\n}}\n")
    findings = Findings()
    found = virtual_mac(top.each("vrrp_instance")[0], merged(top, "global_defs"), family, findings)
    return found, [each.code for each in findings.sorted()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", None),
        ("vmac_xmit_base", None),
        ("use_vmac", VirtualMac(address=MAC)),
        ("use_vmac vm51", VirtualMac(address=MAC, name="vm51")),
        ("use_vmac 02:00:00:00:00:01", VirtualMac(address="02:00:00:00:00:01")),
        ("use_vmac vm51 2:0:0:0:A", VirtualMac(address="02:00:00:00:0a:33", name="vm51")),
        ("use_vmac\nvmac_xmit_base", VirtualMac(address=MAC, sends_from_base=True)),
    ],
)
def test_name_and_address_may_be_left_out(read_text: Read, line: str, expected: VirtualMac | None) -> None:
    assert built(read_text, line) == (expected, [])


def test_over_ipv6_it_is_another_address(read_text: Read) -> None:
    assert built(read_text, "use_vmac", family=6)[0] == VirtualMac(address="00:00:5e:00:02:33")


def test_the_prefix_of_made_up_names(read_text: Read) -> None:
    assert built(read_text, "use_vmac", "global_defs {\nvmac_prefix vv\n}\n")[0] == VirtualMac(address=MAC, prefix="vv")


@pytest.mark.parametrize(
    ("line", "expected", "code"),
    [
        ("use_vmac one two", VirtualMac(address=MAC, name="one"), "meaning/extra-words"),
        ("use_vmac abcdefghijklmnop", VirtualMac(address=MAC), "bad-word"),
        ("use_vmac 01:00:5e:00:00:01", VirtualMac(address=MAC), "bad-word"),
    ],
)
def test_what_cannot_be_is_said_and_left_out(read_text: Read, line: str, expected: VirtualMac, code: str) -> None:
    assert built(read_text, line) == (expected, [code])
