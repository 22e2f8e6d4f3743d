# SPDX-License-Identifier: Apache-2.0
"""Virtual addresses on a real interface: put, renewed, put back, taken off."""

from __future__ import annotations

import dataclasses
import ipaddress
import math
import os
from collections.abc import Iterator

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_addresses import Keeper, Placed, Taken, lifetime_of, placed
from bascule.lab.waiting import wait_for
from bascule.linux import addresses, namespaces
from bascule.linux.addresses import InterfaceAddress
from bascule.linux.iproute import ip
from bascule.linux.netlink import Netlink
from bascule.linux.requesters import UNKNOWN
from bascule.model.base import Seconds
from bascule.model.configuration import VirtualAddress

VIP = ipaddress.IPv4Address("192.168.2.240")
OTHER = ipaddress.IPv4Address("192.168.2.241")
PLACED = Placed(interface="eth0", address=VIP, prefix_length=32)
SECOND = Placed(interface="eth0", address=OTHER, prefix_length=32)


@pytest.fixture
def kernel() -> Iterator[Netlink]:
    name = f"bascule-test-{os.getpid()}"
    namespaces.create(name)
    try:
        ip("-n", name, "link", "add", "eth0", "index", "100", "type", "veth", "peer", "name", "peer0")
        with namespaces.entered(name), Netlink() as opened:
            yield opened
    finally:
        namespaces.remove(name)


def on(kernel: Netlink) -> dict[object, int | None]:
    return {entry.address: entry.lifetime for entry in addresses.dump(kernel) if entry.index == 100}


def test_the_lifetime_is_two_down_intervals_unless_set() -> None:
    assert lifetime_of(None, Seconds(3.6)) == Seconds(8.0)
    assert lifetime_of(Seconds(0.0), Seconds(3.6)) is None
    assert lifetime_of(Seconds(0.2), Seconds(3.6)) == Seconds(1.0)
    assert lifetime_of(Seconds(20.0), Seconds(3.6)) == Seconds(20.0)


def test_an_address_goes_to_its_own_device_or_the_instances() -> None:
    virtual = (
        VirtualAddress(address=VIP, prefix_length=24, label="eth0:1"),
        VirtualAddress(address=OTHER, prefix_length=32, device="eth1", scope=253),
    )
    assert placed(virtual, "eth0") == (
        Placed(interface="eth0", address=VIP, prefix_length=24, label="eth0:1"),
        Placed(interface="eth1", address=OTHER, prefix_length=32, scope=253),
    )


@pytest.mark.root
def test_addresses_are_put_changed_and_taken_off(kernel: Netlink) -> None:
    keeper = Keeper(kernel, Log("vrrp"))
    assert keeper.deadline() == math.inf
    keeper.put("VI_1", (PLACED,), Seconds(60.0), 100.0)
    assert list(on(kernel)) == [VIP]
    assert keeper.deadline() == 120.0
    keeper.put("VI_1", (SECOND,), None, 100.0)
    assert on(kernel) == {OTHER: None}
    assert keeper.deadline() == math.inf
    assert keeper.wanted("VI_1") == (SECOND,)
    keeper.take("VI_1", ())
    assert on(kernel) == {}
    assert keeper.wanted("VI_1") == ()


@pytest.mark.root
def test_what_a_predecessor_left_is_taken_off(kernel: Netlink) -> None:
    addresses.add(kernel, 100, VIP, 32)
    Keeper(kernel, Log("vrrp")).take("VI_1", (PLACED, SECOND))
    assert on(kernel) == {}


@pytest.mark.root
def test_what_is_due_is_renewed(kernel: Netlink) -> None:
    keeper = Keeper(kernel, Log("vrrp"))
    keeper.put("VI_1", (PLACED,), Seconds(60.0), 100.0)
    addresses.add(kernel, 100, VIP, 32, lifetime=5)
    keeper.renew(119.0)
    assert on(kernel) == {VIP: 5}
    keeper.renew(120.0)
    wait_for(lambda: on(kernel) == {VIP: 60}, 10, "the renewal")
    assert keeper.deadline() == 140.0
    keeper.close()
    assert keeper.deadline() == math.inf


@pytest.mark.root
def test_what_will_soon_be_due_is_renewed_with_it_and_stays_with_it(kernel: Netlink) -> None:
    keeper = Keeper(kernel, Log("vrrp"))
    keeper.put("VI_1", (PLACED,), Seconds(60.0), 100.0)
    keeper.put("VI_2", (SECOND,), Seconds(60.0), 100.05)
    for entry in (PLACED, SECOND):
        addresses.add(kernel, 100, entry.address, 32, lifetime=5)
    keeper.renew(120.0)
    wait_for(lambda: on(kernel) == {VIP: 60, OTHER: 60}, 10, "both renewals")
    assert keeper.deadline() == 140.0
    keeper.close()


@pytest.mark.root
def test_what_others_take_off_is_put_back_and_said(kernel: Netlink, capfd: pytest.CaptureFixture[str]) -> None:
    keeper = Keeper(kernel, Log("vrrp"))
    keeper.put("VI_1", (PLACED, SECOND), None, 100.0)
    addresses.remove(kernel, 100, VIP, 32)
    lost = InterfaceAddress(index=100, address=VIP, prefix_length=32)
    strange = InterfaceAddress(index=100, address=ipaddress.IPv4Address("10.0.0.1"), prefix_length=32)
    ((owner, taken),) = keeper.put_back([lost, strange]).items()
    assert (owner, taken) == ("VI_1", [Taken(PLACED, UNKNOWN)])
    assert set(on(kernel)) == {VIP, OTHER}
    said = "event=address_put_back instance=VI_1 address=192.168.2.240 interface=eth0 by="
    assert said in capfd.readouterr().err
    by_hand = dataclasses.replace(lost, taken_by=os.getpid())
    ((_, (mine,)),) = keeper.put_back([by_hand]).items()
    assert (mine.placed, mine.by.pid) == (PLACED, os.getpid())
    made = keeper.put_back([], ["eth0"])
    assert made == {"VI_1": []}, "nobody took off what was made again"
    assert capfd.readouterr().err.count('by="its interface was made again"') == 2
    keeper.take("VI_1", ())
    assert keeper.put_back([lost]) == {}
    assert on(kernel) == {}


@pytest.mark.root
def test_an_interface_that_vanished_is_said_and_stops_nothing(
    kernel: Netlink, capfd: pytest.CaptureFixture[str]
) -> None:
    keeper = Keeper(kernel, Log("vrrp"))
    gone = Placed(interface="eth7", address=OTHER, prefix_length=32)
    keeper.put("VI_1", (gone, PLACED), None, 100.0)
    assert set(on(kernel)) == {VIP}
    assert "event=address_not_put" in capfd.readouterr().err
    assert set(keeper.put_back([InterfaceAddress(index=0, address=OTHER, prefix_length=32)])) == {"VI_1"}
    kernel.close()
    keeper.take("VI_1", ())
    assert "event=address_not_taken" in capfd.readouterr().err
