# SPDX-License-Identifier: Apache-2.0
"""What a configuration means for the instances."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.daemon.roles.vrrp_plan import group_of, interfaces_of, is_another, owned, remarks_on, unsupported
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import AuthType, UnicastPeer, VirtualAddress, VrrpInstance
from bascule.vrrp import packet

VIP = ipaddress.IPv4Address("192.168.2.240")
VIP6 = ipaddress.IPv6Address("fd02::240")
V4 = VirtualAddress(address=VIP, prefix_length=32)
V6 = VirtualAddress(address=VIP6, prefix_length=128)


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
        ({"version": 3}, None),
        ({"version": 3, "advert_interval": Seconds(0.01)}, None),
        ({"version": 3, "advert_interval": Seconds(40.95)}, None),
        ({"version": 3, "advert_interval": Seconds(0.004)}, "does not fit"),
        ({"version": 3, "advert_interval": Seconds(41.0)}, "does not fit"),
        ({"version": 3, "virtual_addresses": (V6,)}, None),
        ({"version": 3, "virtual_addresses": (V6, V4)}, "192.168.2.240: not IPv6 like the rest"),
        ({"unicast_peers": (UnicastPeer(address=VIP6),)}, "fd02::240: not IPv4"),
        ({"unicast_source": VIP6}, "fd02::240: not IPv4"),
        ({"auth_type": AuthType.AH}, None),
        ({"virtual_addresses": (V6,)}, None),
        ({"priority": Priority(255)}, None),
    ],
)
def test_what_cannot_run_says_why(changes: dict[str, object], why: str | None) -> None:
    found = unsupported(instance(**changes))
    assert found is None if why is None else why in str(found)


def test_what_is_here_for_good_and_was_not_put_here_is_an_owners_own() -> None:
    here, nothing = frozenset({VIP}), frozenset[IPAddress]()
    owner = instance(priority=Priority(255))
    assert owned(owner, here, nothing) == {VIP}
    assert owned(owner, here, here) == owned(owner, nothing, nothing) == frozenset()
    assert owned(instance(priority=Priority(254)), here, nothing) == frozenset()
    elsewhere = VirtualAddress(address=VIP, prefix_length=32, device="eth1")
    assert owned(instance(priority=Priority(255), virtual_addresses=(elsewhere,)), here, nothing) == frozenset()


def test_another_group_is_another_router() -> None:
    group = ipaddress.IPv4Address("224.0.0.77")
    assert group_of(instance()) == packet.GROUP_IPV4
    assert group_of(instance(version=3, virtual_addresses=(V6,))) == packet.GROUP_IPV6
    assert group_of(instance(multicast_group=group)) == group
    assert is_another(instance(), instance(multicast_group=group))
    assert not is_another(instance(), instance(multicast_group=packet.GROUP_IPV4))


def test_another_router_is_told_from_another_setting() -> None:
    assert not is_another(instance(), instance(priority=Priority(7)))
    for changes in ({"interface": "eth1"}, {"vrid": Vrid(52)}, {"version": 3}, {"virtual_addresses": (V6,)}):
        assert is_another(instance(), instance(**changes))


def test_an_ipv6_instance_without_a_link_local_address_is_remarked() -> None:
    first = VirtualAddress(address=ipaddress.IPv6Address("fe80::53"), prefix_length=128)
    assert remarks_on(instance(virtual_addresses=(V6, first))) == ()
    assert remarks_on(instance()) == ()
    assert "no link-local virtual address" in remarks_on(instance(virtual_addresses=(V6,)))[0]


def test_interfaces_are_those_of_the_instance_and_of_its_addresses() -> None:
    elsewhere = tuple(
        VirtualAddress(address=VIP, prefix_length=32, device=device) for device in ("eth1", None, "eth0", "eth1")
    )
    assert interfaces_of(instance(virtual_addresses=elsewhere)) == ("eth0", "eth1")
