# SPDX-License-Identifier: Apache-2.0
"""Interfaces of single addresses: whose being down is a fault, and what their macvlans may send from."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from bascule.daemon.roles import vrrp_elsewhere
from bascule.daemon.roles.vrrp_ports import Ports
from bascule.daemon.roles.vrrp_seats import Apart, Seat
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import PAIR
from bascule.linux.netlink import Netlink
from bascule.model.base import Vrid
from bascule.model.configuration import VirtualAddress, VrrpInstance

pytestmark = [pytest.mark.root, pytest.mark.lab]

SEAT = Seat(base="lo", holds="lo", talks="lo", aparts=(Apart(base="eth0", family=6, holds="own0"),))
NEAR = ipaddress.ip_address("fe80::7")


@pytest.fixture
def host() -> Iterator[LabHost]:
    with Network(PAIR) as network, network.host("d1").entered():
        host = network.host("d1")
        host.run(["ip", "link", "add", "link", "eth0", "name", "own0", "type", "macvlan", "mode", "private"])
        yield host


def entry(address: str, *, use_vmac: bool = False, no_track: bool = False) -> VrrpInstance:
    found = ipaddress.ip_address(address)
    virtual = VirtualAddress(address=found, prefix_length=24, device="eth0", use_vmac=use_vmac, no_track=no_track)
    return VrrpInstance(name="VI_1", interface="lo", vrid=Vrid(51), virtual_addresses=(virtual,))


def faults(instance: VrrpInstance) -> list[str]:
    with Netlink() as netlink:
        ports = Ports(netlink)
        found = [each.words for each in vrrp_elsewhere.faults(instance, SEAT, ports)]
        ports.close()
        return found


def test_an_interface_or_a_macvlan_that_is_set_down(host: LabHost) -> None:
    plain, own, untracked = entry("10.0.0.1"), entry("fd00::1", use_vmac=True), entry("10.0.0.1", no_track=True)
    assert faults(plain) == []
    assert faults(own) == ["interface own0 is set down"]
    host.run(["ip", "link", "set", "own0", "up"])
    assert faults(own) == []
    host.run(["ip", "link", "set", "eth0", "down"])
    assert faults(plain) == faults(own) == ["interface eth0 is set down"]
    assert faults(untracked) == []
