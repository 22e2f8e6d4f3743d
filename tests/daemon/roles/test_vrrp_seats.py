# SPDX-License-Identifier: Apache-2.0
"""Where addresses and adverts are, as keepalived 2.2.7 has it; seen there by `ip address`."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from bascule.daemon.roles.vrrp_seats import Apart, Seat, Wanted, apart, own, plain, seated
from bascule.model.base import Vrid
from bascule.model.configuration import UnicastPeer, VirtualAddress, VrrpInstance
from bascule.model.virtual_mac import IpVlan, VirtualMac, hardware_address

MAC4, MAC6 = bytes.fromhex("00005e000133"), bytes.fromhex("00005e000233")
OTHER = "02:00:00:00:00:01"


def address(text: str, device: str | None = None, *, use_vmac: bool = False) -> VirtualAddress:
    found = ipaddress.ip_address(text)
    return VirtualAddress(address=found, prefix_length=24, device=device, use_vmac=use_vmac)


def instance(*addresses: VirtualAddress, mac: str | None = None, **changes: Any) -> VrrpInstance:
    of_family = tuple(each for each in addresses if each.address.version == 4)
    values: dict[str, Any] = {
        "virtual_addresses": of_family,
        "excluded_addresses": tuple(each for each in addresses if each not in of_family),
        "virtual_mac": VirtualMac(address=mac) if mac is not None else None,
        **changes,
    }
    return VrrpInstance(name="A", interface="eth0", vrid=Vrid(51), **values)


def kinds(entry: VrrpInstance) -> list[tuple[str, int, bytes]]:
    return [(each.base, each.family, each.hardware_address) for each in apart(entry)]


def test_an_instance_alone_needs_nothing() -> None:
    entry = instance(address("10.0.0.1"), address("10.0.0.2", "eth1"))
    assert own(entry) is None
    assert kinds(entry) == []
    seat = seated(entry, None, ())
    assert seat == plain("eth0")
    assert [seat.place(each, 4) for each in entry.virtual_addresses] == ["eth0", "eth1"]
    assert (seat.every, seat.made) == (("eth0",), frozenset())


def test_single_addresses_have_a_macvlan_for_each_interface_and_version() -> None:
    addresses = (
        address("10.0.0.1"),
        address("10.0.0.2", use_vmac=True),
        address("10.0.1.1", "eth1", use_vmac=True),
        address("10.0.1.2", "eth1", use_vmac=True),
        address("10.0.1.3", "eth1"),
        address("fd00::1", use_vmac=True),
        address("fd00::2"),
    )
    entry = instance(*addresses)
    assert kinds(entry) == [("eth0", 4, MAC4), ("eth1", 4, MAC4), ("eth0", 6, MAC6)]
    aparts = tuple(
        Apart(base=base, family=family, holds=f"v{number}") for number, (base, family, _) in enumerate(kinds(entry))
    )
    seat = seated(entry, None, aparts)
    assert [seat.place(each, 4) for each in addresses] == ["eth0", "v0", "v1", "v1", "eth1", "v2", "eth0"]
    assert seat.every == ("eth0", "v0", "eth1", "v1", "v2")
    assert seat.made == {"v0", "v1", "v2"}


@pytest.mark.parametrize(
    ("mac", "expected"),
    [
        (hardware_address(Vrid(51), 4), [("eth1", 4, MAC4), ("eth0", 6, MAC6)]),
        (OTHER, [("eth1", 4, bytes.fromhex("020000000001")), ("eth0", 6, bytes.fromhex("020000000001"))]),
    ],
)
def test_beside_the_instances_macvlan(mac: str, expected: list[tuple[str, int, bytes]]) -> None:
    on_it = (address("10.0.0.1"), address("10.0.0.2", "eth0"), address("10.0.0.3", use_vmac=True))
    beside = (address("10.0.1.1", "eth1", use_vmac=True), address("fd00::1", use_vmac=True))
    entry = instance(*on_it, *beside, mac=mac)
    assert kinds(entry) == expected
    seat = seated(
        entry, "vrrp.51", (Apart(base="eth1", family=4, holds="v1"), Apart(base="eth0", family=6, holds="v6"))
    )
    assert [seat.place(each, 4) for each in (*on_it, *beside)] == ["vrrp.51"] * 3 + ["v1", "v6"]
    assert seat.place(address("fd00::9"), 4) == "eth0", "another IP version than the macvlan is for"


def test_who_talks() -> None:
    peer = (UnicastPeer(address=ipaddress.ip_address("10.0.0.9")),)
    base = VirtualMac(address=OTHER, sends_from_base=True)
    assert seated(instance(mac=OTHER), "v", ()).talks == "v"
    assert seated(instance(mac=OTHER, unicast_peers=peer), "v", ()).talks == "eth0"
    assert seated(instance(virtual_mac=base), "v", ()).talks == "eth0"
    assert seated(instance(ipvlan=IpVlan(), unicast_peers=peer), "v", ()) == Seat(base="eth0", holds="eth0", talks="v")
    both = instance(ipvlan=IpVlan(holds_addresses=True))
    assert seated(both, "v", ()) == Seat(base="eth0", holds="v", talks="v")


def test_an_ipvlan_has_no_macvlan_beside_it() -> None:
    entry = instance(
        address("10.0.0.1", use_vmac=True),
        address("10.0.1.1", "eth1", use_vmac=True),
        ipvlan=IpVlan(name="i", prefix="p"),
    )
    assert kinds(entry) == [("eth1", 4, MAC4)]
    assert own(entry) == Wanted(base="eth0", family=4, vrid=51, prefix="p", name="i", ipvlan=entry.ipvlan)
