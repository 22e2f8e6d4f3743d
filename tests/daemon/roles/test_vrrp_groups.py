# SPDX-License-Identifier: Apache-2.0
"""A macvlan tells nobody of its IPv6 groups, and the interface beneath is in them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_groups import Groups, memberships, solicited
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import PAIR
from bascule.lab.waiting import stays, wait_for
from bascule.linux.namespaces import entered
from bascule.model.base import Priority, Vrid
from bascule.model.configuration import VirtualAddress, VrrpInstance
from bascule.model.virtual_mac import VirtualMac, hardware_address

VIP6 = ipaddress.IPv6Address("fd02::240")
GROUP = ipaddress.IPv6Address("ff02::1:ff00:240")
VIRTUAL = "00:00:5e:00:02:33"
REPORTS = (131, 132, 143)


def instance(family: int = 6, **changes: Any) -> VrrpInstance:
    address = VIP6 if family == 6 else ipaddress.ip_address("192.168.2.240")
    values: dict[str, Any] = {
        "interface": "eth0",
        "priority": Priority(100),
        "virtual_mac": VirtualMac(address=hardware_address(Vrid(51), family)),
        "virtual_addresses": (VirtualAddress(address=address, prefix_length=address.max_prefixlen),),
        **changes,
    }
    return VrrpInstance(name="VI_1", vrid=Vrid(51), **values)


def test_the_interface_beneath_hears_adverts_and_solicitations() -> None:
    assert solicited(ipaddress.IPv6Address("fe80::12:3456:789a")) == ipaddress.IPv6Address("ff02::1:ff56:789a")
    group = ipaddress.IPv6Address("ff02::12")
    assert memberships([instance()]) == {("eth0", GROUP), ("eth0", group)}
    assert memberships([instance(virtual_mac=None), instance(4)]) == frozenset()
    apart = VirtualAddress(address=VIP6, prefix_length=128, device="eth1", use_vmac=True)
    assert memberships([instance(4, virtual_mac=None, excluded_addresses=(apart,))]) == {("eth1", GROUP)}


@pytest.fixture
def host() -> Iterator[LabHost]:
    with Network(PAIR) as network:
        yield network.host("d1")


def groups_of(host: LabHost, interface: str) -> set[str]:
    shown = host.run(["ip", "-6", "maddress", "show", "dev", interface]).stdout.split()
    return {word for word in shown if word.startswith("ff02")}


class Listener:
    """Reports that leave a host, by the MAC that they leave with."""

    def __init__(self, network: Network) -> None:
        with entered(network.switch.namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
            self.socket.bind(("lan", 0x86DD))
        network.switch.run(["ip", "link", "set", "lan", "promisc", "on"])
        self.socket.setblocking(False)
        self.macs: set[str] = set()

    def look(self) -> set[str]:
        while True:
            try:
                frame = self.socket.recv(256)
            except BlockingIOError:
                return self.macs
            if len(frame) > 62 and frame[20] == 0 and frame[62] in REPORTS:
                self.macs.add(frame[6:12].hex(":"))


@pytest.mark.root
@pytest.mark.lab
@pytest.mark.parametrize("quiet", [True, False], ids=["quiet", "as-the-kernel-does-it"])
def test_a_macvlan_comes_and_goes_without_a_report(quiet: bool) -> None:
    with Network(PAIR) as network:
        host, listener = network.host("d1"), Listener(network)
        with host.entered():
            groups = Groups(Log("vrrp"))
            create = ["ip", "link", "add", "link", "eth0", "name", "v6", "address", VIRTUAL, "type", "macvlan"]
            host.run([*create, "mode", "private"])
            if quiet:
                groups.hush(socket.if_nametoindex("v6"))
            host.run(["ip", "link", "set", "v6", "up"])
            host.run(["ip", "address", "add", f"{VIP6}/128", "dev", "v6", "nodad"])
            host.run(["ip", "address", "del", f"{VIP6}/128", "dev", "v6"])
            if quiet:
                stays(lambda: VIRTUAL not in listener.look(), 2, "nothing is told from the virtual MAC")
            else:
                wait_for(lambda: VIRTUAL in listener.look(), 5, "what would be told: the test can fail")
        listener.socket.close()


@pytest.mark.root
@pytest.mark.lab
def test_the_groups_are_joined_and_left(host: LabHost) -> None:
    with host.entered():
        groups = Groups(Log("vrrp"))
        groups.keep((), memberships([instance()]))
        assert str(GROUP) in groups_of(host, "eth0")
        other = VirtualAddress(address=ipaddress.IPv6Address("fd02::241"), prefix_length=128)
        groups.keep((), memberships([instance(virtual_addresses=(other,))]))
        assert str(GROUP) not in groups_of(host, "eth0")
        assert "ff02::12" in groups_of(host, "eth0")
        groups.keep((), frozenset())
        assert "ff02::12" not in groups_of(host, "eth0")


@pytest.mark.root
@pytest.mark.lab
def test_an_interface_that_is_not_there_is_said(host: LabHost, capfd: pytest.CaptureFixture[str]) -> None:
    with host.entered():
        groups = Groups(Log("vrrp"))
        groups.keep((), memberships([instance(interface="eth7")]))
        groups.keep((), frozenset())
    assert "event=group_not_joined interface=eth7" in capfd.readouterr().err
