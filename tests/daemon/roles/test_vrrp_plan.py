# SPDX-License-Identifier: Apache-2.0
"""What a configuration means for the instances."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.daemon.roles.vrrp_plan import interfaces_of, is_another, unsupported
from bascule.model.base import Priority, Vrid
from bascule.model.configuration import AuthType, VirtualAddress, VrrpInstance

VIP = ipaddress.IPv4Address("192.168.2.240")
VIP6 = ipaddress.IPv6Address("fd02::240")


def instance(**changes: object) -> VrrpInstance:
    values: dict[str, object] = {
        "name": "VI_1",
        "interface": "eth0",
        "vrid": Vrid(51),
        "virtual_addresses": (VirtualAddress(address=VIP, prefix_length=32),),
        **changes,
    }
    return VrrpInstance(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"priority": Priority(254)}, None),
        ({"version": 3}, "version 3"),
        ({"auth_type": AuthType.AH}, "AH"),
        ({"virtual_addresses": (VirtualAddress(address=VIP6, prefix_length=128),)}, "IPv6"),
        ({"priority": Priority(255)}, "192.168.2.240 is this host's own address"),
    ],
)
def test_what_cannot_run_says_why(changes: dict[str, object], why: str | None) -> None:
    found = unsupported(instance(**changes), frozenset({VIP}))
    assert found is None if why is None else why in str(found)


def test_an_owner_of_an_address_that_is_not_here_yet_runs() -> None:
    assert unsupported(instance(priority=Priority(255)), frozenset()) is None


def test_another_router_is_told_from_another_setting() -> None:
    assert not is_another(instance(), instance(priority=Priority(7)))
    for changes in ({"interface": "eth1"}, {"vrid": Vrid(52)}, {"version": 3}):
        assert is_another(instance(), instance(**changes))


def test_interfaces_are_those_of_the_instance_and_of_its_addresses() -> None:
    elsewhere = tuple(
        VirtualAddress(address=VIP, prefix_length=32, device=device) for device in ("eth1", None, "eth0", "eth1")
    )
    assert interfaces_of(instance(virtual_addresses=elsewhere)) == ("eth0", "eth1")
