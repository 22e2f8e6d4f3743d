# SPDX-License-Identifier: Apache-2.0
"""What instances send from, and what is a fault, on a real interface."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.daemon.roles.vrrp_reports import will_of
from bascule.lab.waiting import wait_for
from bascule.linux import addresses
from bascule.model.base import Seconds
from bascule.model.configuration import BasculeOptions, Configuration, VirtualAddress, VrrpState
from tests.daemon.roles.group_bench import FRESH, HERE, OTHER, V4, VIP, VIP6, Bench, instance, instance6, lifetimes

pytestmark = [pytest.mark.root, pytest.mark.lab]


def test_an_owner_does_not_lose_the_hosts_own_address(group_bench: Bench) -> None:
    own = instance(virtual_addresses=(VirtualAddress(address=HERE, prefix_length=24), V4))
    group_bench.run(own)
    made = group_bench.group.instances["VI_1"]
    assert (made.state, set(made.owned), made.source) == (VrrpState.MASTER, {HERE}, HERE)
    assert lifetimes(group_bench)[HERE] == "forever"
    assert lifetimes(group_bench)[VIP] != "forever"
    assert [entry.address for entry in will_of([made]).addresses] == [VIP]
    group_bench.run(instance(virtual_addresses=(V4,)))
    group_bench.run(own)
    assert made.owned == {HERE}
    group_bench.group.stop()
    assert lifetimes(group_bench) == {HERE: "forever"}


def test_what_an_owner_held_before_a_restart_is_not_the_hosts_own(group_bench: Bench) -> None:
    own = instance(virtual_addresses=(VirtualAddress(address=HERE, prefix_length=24), V4))
    for_ever = Configuration(instances=(own,), options=BasculeOptions(vip_lifetime=Seconds(0.0)))
    group_bench.group.configure(for_ever, FRESH)
    handed = group_bench.group.hand_over()
    assert (handed.active, handed.owned) == (("VI_1",), (HERE,))
    after = group_bench.another()
    after.configure(for_ever, handed)
    assert after.instances["VI_1"].owned == {HERE}
    after.stop()
    after.close()
    assert lifetimes(group_bench) == {HERE: "forever"}


def test_an_owner_with_another_address_sends_from_that(group_bench: Bench) -> None:
    group_bench.host.run(["ip", "address", "add", f"{OTHER}/24", "dev", "eth0"])
    group_bench.group.ports.update((), False, frozenset())
    group_bench.run(instance(virtual_addresses=(VirtualAddress(address=HERE, prefix_length=24),)))
    assert group_bench.group.instances["VI_1"].source == OTHER


def test_a_source_that_is_a_virtual_address_is_not_used(group_bench: Bench) -> None:
    group_bench.run(instance(multicast_source=VIP))
    group_bench.news()
    assert group_bench.group.instances["VI_1"].source == HERE
    assert group_bench.state() is VrrpState.MASTER


def test_an_ipv6_instance_waits_for_a_source_and_goes_with_it(group_bench: Bench) -> None:
    group_bench.run(instance6())
    wait_for(lambda: group_bench.news() and group_bench.state("VI_6") is VrrpState.MASTER, 5, "its link-local address")
    group_bench.host.run(
        ["ip", "-6", "address", "del", f"{group_bench.group.instances['VI_6'].source}/64", "dev", "eth0"]
    )
    wait_for(
        lambda: group_bench.news() and group_bench.state("VI_6") is VrrpState.FAULT,
        5,
        "the news that the source is gone",
    )
    assert VIP6 not in {entry.address for entry in addresses.dump(group_bench.netlink)}
    group_bench.host.run(["ip", "address", "add", "fe80::9/64", "dev", "eth0", "nodad"])
    wait_for(
        lambda: group_bench.news() and group_bench.state("VI_6") is VrrpState.MASTER, 5, "the news of another source"
    )
    assert group_bench.group.instances["VI_6"].source == ipaddress.IPv6Address("fe80::9")
