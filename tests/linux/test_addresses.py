# SPDX-License-Identifier: Apache-2.0
"""Addresses on real interfaces, and their lifetimes."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.lab.waiting import wait_for
from bascule.linux import addresses, namespaces
from bascule.linux.addresses import DELETE_ADDRESS, NEW_ADDRESS, InterfaceAddress
from bascule.linux.iproute import ip
from bascule.linux.netlink import Netlink, NetlinkError, NetlinkMessage
from bascule.model.base import IPAddress

VIP = ipaddress.IPv4Address("192.168.2.240")
VIP6 = ipaddress.IPv6Address("fd02::240")


@pytest.fixture
def kernel() -> Iterator[Netlink]:
    """A request socket of a namespace that has `eth0` (number 100)."""
    name = f"bascule-test-{os.getpid()}"
    namespaces.create(name)
    try:
        ip("-n", name, "link", "add", "eth0", "index", "100", "type", "veth", "peer", "name", "peer0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "peer0", "up")
        with namespaces.entered(name), Netlink() as opened:
            yield opened
    finally:
        namespaces.remove(name)


def on(kernel: Netlink, address: IPAddress = VIP) -> InterfaceAddress | None:
    return next((entry for entry in addresses.dump(kernel) if entry.address == address), None)


@pytest.mark.root
def test_an_address_is_put_as_keepalived_puts_it_and_taken_off(kernel: Netlink) -> None:
    addresses.add(kernel, 100, VIP, 32)
    assert on(kernel) == InterfaceAddress(index=100, address=VIP, prefix_length=32, scope=0, lifetime=None)
    assert addresses.remove(kernel, 100, VIP, 32)
    assert on(kernel) is None
    assert not addresses.remove(kernel, 100, VIP, 32)


@pytest.mark.root
def test_a_lifetime_ends_and_a_renewal_starts_it_anew(kernel: Netlink) -> None:
    addresses.add(kernel, 100, VIP, 32, lifetime=0.2)
    addresses.add(kernel, 100, ipaddress.IPv4Address("192.168.2.241"), 32, lifetime=1.0)
    addresses.add(kernel, 100, ipaddress.IPv4Address("192.168.2.241"), 32, lifetime=600.0)
    found = on(kernel)
    assert found is not None
    assert found.lifetime == 1
    wait_for(lambda: on(kernel) is None, 4, "the kernel to take the address off")
    renewed = on(kernel, ipaddress.IPv4Address("192.168.2.241"))
    assert renewed is not None
    assert renewed.lifetime is not None
    assert 590 < renewed.lifetime <= 600
    addresses.add(kernel, 100, ipaddress.IPv4Address("192.168.2.241"), 32)
    for_ever = on(kernel, ipaddress.IPv4Address("192.168.2.241"))
    assert for_ever is not None
    assert for_ever.lifetime is None


@pytest.mark.root
def test_label_scope_and_ipv6(kernel: Netlink) -> None:
    addresses.add(kernel, 100, VIP, 24, label="eth0:1", scope=addresses.SCOPES["link"])
    addresses.add(kernel, 100, VIP6, 128)
    shown = ip("address", "show", "dev", "eth0")
    assert "scope link eth0:1" in shown
    assert "tentative" not in shown.partition("fd02::240")[2].splitlines()[0]
    assert on(kernel, VIP6) is not None
    assert addresses.remove_named(kernel, "eth0", VIP6, 128)


@pytest.mark.root
def test_an_ipv6_host_address_is_deprecated_has_a_lifetime_and_is_renewed(kernel: Netlink) -> None:
    for seconds in (600.0, 900.0):
        addresses.add(kernel, 100, VIP6, 128, lifetime=seconds)
        found = on(kernel, VIP6)
        assert found is not None
        assert found.usable
        assert found.lifetime is not None
        assert seconds - 10 < found.lifetime <= seconds
        assert "deprecated" in ip("address", "show", "dev", "eth0").partition("fd02::240/128")[2].splitlines()[0]
    addresses.add(kernel, 100, ipaddress.IPv6Address("fd03::240"), 64)
    assert "deprecated" not in ip("address", "show", "dev", "eth0").partition("fd03::240/64")[2].splitlines()[0]


@pytest.mark.root
def test_an_interface_that_is_not_there(kernel: Netlink) -> None:
    with pytest.raises(NetlinkError, match=r"put 192\.168\.2\.240/32 on interface 77: No such device"):
        addresses.add(kernel, 77, VIP, 32)
    assert not addresses.remove(kernel, 77, VIP, 32)
    assert not addresses.remove_named(kernel, "eth77", VIP, 32)


@pytest.mark.root
def test_other_refusals_are_errors(kernel: Netlink) -> None:
    kernel.close()
    with pytest.raises(NetlinkError, match=r"take 192\.168\.2\.240/32 off interface 100: Bad file descriptor"):
        addresses.remove(kernel, 100, VIP, 32)


def test_the_primary_address_is_the_first_that_is_not_virtual() -> None:
    def entry(address: str, index: int = 1) -> InterfaceAddress:
        return InterfaceAddress(index=index, address=ipaddress.ip_address(address), prefix_length=24)

    found = [entry("10.0.0.9", 2), entry("fe80::1"), entry("192.168.2.240"), entry("192.168.2.210")]
    assert addresses.primary(found, 1, frozenset({VIP})) == ipaddress.IPv4Address("192.168.2.210")
    assert addresses.primary(found, 3, frozenset()) is None


def test_over_ipv6_the_primary_address_is_a_usable_link_local_one_or_on_demand_another() -> None:
    def entry(address: str, usable: bool = True) -> InterfaceAddress:
        return InterfaceAddress(index=1, address=ipaddress.ip_address(address), prefix_length=64, usable=usable)

    found = [
        entry("192.168.2.210"),
        entry("fd02::1", False),
        entry("fd02::2"),
        entry("fe80::1", False),
        entry("fe80::2"),
    ]
    assert str(addresses.primary(found, 1, frozenset(), 6)) == "fe80::2"
    assert str(addresses.primary(found, 1, frozenset(), 6, link_local=False)) == "fd02::2"
    assert addresses.primary(found, 1, frozenset({ipaddress.IPv6Address("fe80::2")}), 6) is None


@given(st.sampled_from((NEW_ADDRESS, DELETE_ADDRESS, 16)), st.binary(max_size=100))
def test_random_bytes_are_read_without_an_error(kind: int, body: bytes) -> None:
    addresses.parse(NetlinkMessage(kind, body))


@given(st.binary(max_size=60), st.sampled_from((socket.AF_INET, socket.AF_INET6, 99)))
def test_a_strange_family_is_no_address(rest: bytes, family: int) -> None:
    addresses.parse(NetlinkMessage(NEW_ADDRESS, bytes((family, 32, 0, 0, 1, 0, 0, 0)) + rest))
