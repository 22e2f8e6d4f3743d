# SPDX-License-Identifier: Apache-2.0
"""What the kernel tells is acted on."""

from __future__ import annotations

import errno

import pytest

from bascule.lab.waiting import wait_for
from bascule.linux.netlink import NetlinkError
from bascule.model.base import Vrid
from bascule.model.configuration import VrrpState
from bascule.model.virtual_mac import VirtualMac, hardware_address
from tests.daemon.roles.group_bench import HERE, VIP, Bench, instance

pytestmark = [pytest.mark.root, pytest.mark.lab]


def test_a_cut_cable_is_a_fault_and_its_mending_a_new_beginning(group_bench: Bench) -> None:
    group_bench.run(instance())
    group_bench.network.cut("d1")
    wait_for(lambda: group_bench.news() and group_bench.state() is VrrpState.FAULT, 5, "the fault")
    assert group_bench.virtual() == set()
    group_bench.network.mend("d1")
    wait_for(lambda: group_bench.news() and group_bench.state() is VrrpState.MASTER, 5, "the end of the fault")
    assert group_bench.virtual() == {VIP}


def test_an_interface_that_loses_its_address_is_a_fault_and_a_new_address_is_sent_from(group_bench: Bench) -> None:
    group_bench.run(instance())
    group_bench.host.run(["ip", "address", "del", f"{HERE}/24", "dev", "eth0"])
    wait_for(lambda: group_bench.news() and group_bench.state() is VrrpState.FAULT, 5, "the fault")
    group_bench.host.run(["ip", "address", "add", "192.168.2.219/24", "dev", "eth0"])
    wait_for(lambda: group_bench.news() and group_bench.state() is VrrpState.MASTER, 5, "the end of the fault")
    assert str(group_bench.group.instances["VI_1"].source) == "192.168.2.219"


def test_an_address_taken_off_by_hand_is_put_back_and_announced(group_bench: Bench) -> None:
    group_bench.run(instance())
    group_bench.news()
    group_bench.host.run(["ip", "address", "del", f"{VIP}/32", "dev", "eth0"])
    wait_for(lambda: group_bench.news() and group_bench.virtual() == {VIP}, 5, "the address to be put back")


def test_a_macvlan_that_somebody_removes_is_made_again_with_its_address(group_bench: Bench) -> None:
    group_bench.run(instance(virtual_mac=VirtualMac(address=hardware_address(Vrid(51), 4))))
    made = group_bench.group.instances["VI_1"].seat.holds
    wait_for(lambda: group_bench.news() and group_bench.state() is VrrpState.MASTER, 5, "the active")
    group_bench.host.run(["ip", "link", "del", made])

    def back() -> bool:
        group_bench.news()
        return f" {VIP}/32" in group_bench.host.run(["ip", "address", "show"]).stdout

    wait_for(back, 5, "the macvlan and its address")
    assert group_bench.state() is VrrpState.MASTER


def test_what_cannot_be_read_is_said_and_nothing_changes(
    group_bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise NetlinkError(errno.ENOBUFS, "list the interfaces")

    group_bench.run(instance())
    monkeypatch.setattr(group_bench.group.ports, "update", refuse)
    group_bench.group.kernel((), False)
    assert "event=interfaces_not_read" in capfd.readouterr().err
    assert (group_bench.state(), group_bench.virtual()) == (VrrpState.MASTER, {VIP})
