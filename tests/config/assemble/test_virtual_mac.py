# SPDX-License-Identifier: Apache-2.0
"""`use_vmac [NAME] [MAC]`, of instances and of addresses, and `use_ipvlan`, as keepalived 2.2.7 takes them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest

from bascule.config.assemble.globals import merged
from bascule.config.assemble.virtual_mac import virtual_mac
from bascule.config.diagnostics import Findings
from bascule.config.loader import load_sources
from bascule.config.reader import Section
from bascule.config.source import Source
from bascule.model.configuration import VrrpInstance
from bascule.model.virtual_mac import IpVlan, IpVlanMode, VirtualMac

Read = Callable[[str], tuple[Section, Findings]]
MAC = "00:00:5e:00:01:33"
TEN = ipaddress.ip_address("10.0.0.3")


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


BLOCK = "vrrp_instance A {{\n interface eth0\n virtual_router_id 51\n{lines}\n}}\n"


def instances(lines: str, above: str = "") -> tuple[tuple[VrrpInstance, ...], list[str]]:
    found = load_sources([Source("k.conf", above + BLOCK.format(lines=lines))], Findings(), "low")
    assert found.configuration is not None
    return found.configuration.instances, [each.code for each in found.diagnostics]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("use_ipvlan 10.0.0.3", IpVlan(address=TEN, prefix_length=32)),
        ("use_ipvlan ip51 10.0.0.3/24", IpVlan(name="ip51", address=TEN, prefix_length=24)),
        (
            "use_ipvlan vepa 10.0.0.3/24 ip51",
            IpVlan(name="ip51", address=TEN, prefix_length=24, mode=IpVlanMode.VEPA),
        ),
        ("use_ipvlan 10.0.0.3\nuse_vmac", IpVlan(address=TEN, prefix_length=32, holds_addresses=True)),
        ("native_ipv6\nuse_ipvlan", IpVlan()),
        ("use_ipvlan fd00::3/64", IpVlan(address=ipaddress.ip_address("fd00::3"), prefix_length=64)),
    ],
)
def test_an_ipvlan(line: str, expected: IpVlan) -> None:
    found, codes = instances(line)
    assert (found[0].ipvlan, found[0].virtual_mac, codes) == (expected, None, [])
    assert found[0].family == (4 if expected.address == TEN else 6)


@pytest.mark.parametrize("line", ["use_ipvlan", "use_ipvlan ip51 private", "mcast_src_ip 10.0.0.1\nuse_ipvlan fd00::3"])
def test_an_ipvlan_of_ipv4_needs_an_address(line: str) -> None:
    found, codes = instances(line)
    assert found == ()
    assert "meaning/ipvlan" in codes


def test_the_prefix_of_ipvlans_is_that_of_virtual_macs() -> None:
    above = "global_defs {\n vmac_prefix vv\n}\n"
    found = instances("use_ipvlan 10.0.0.3", above)[0][0]
    assert found.ipvlan is not None
    assert (found.ipvlan.prefix, found.address_mac_prefix) == ("vv", "vv")
    assert instances("", "global_defs {\n vmac_addr_prefix aa\n vmac_prefix vv\n}\n")[0][0].address_mac_prefix == "aa"


ADDRESSES = """
virtual_ipaddress {
 10.0.0.1
 10.0.0.2 dev eth0
 10.0.0.3 dev eth1
 10.0.0.4 use_vmac
}
virtual_ipaddress_excluded {
 10.0.0.5
 fd00::5
 fd00::6 dev eth0
 fd00::7 dev eth1
}
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ["10.0.0.4"]),
        ("use_vmac_addr", ["10.0.0.3", "10.0.0.4", "fd00::5", "fd00::6", "fd00::7"]),
    ],
)
def test_addresses_with_a_macvlan(line: str, expected: list[str]) -> None:
    found = instances(line + ADDRESSES)[0][0]
    listed = (*found.virtual_addresses, *found.excluded_addresses)
    assert [str(each.address) for each in listed if each.use_vmac] == expected
