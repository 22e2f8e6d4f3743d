# SPDX-License-Identifier: Apache-2.0
"""A group of instances on a real interface, for tests: what it reports, and a peer that sends."""

from __future__ import annotations

import ipaddress
import re
import select

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_group import Group
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.linux import addresses, rawsocket
from bascule.linux.netlink import GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS, GROUP_LINK, Monitor, Netlink
from bascule.model.base import Priority, Seconds, Vrid
from bascule.model.configuration import (
    AuthType,
    Configuration,
    VirtualAddress,
    VrrpInstance,
    VrrpState,
)
from bascule.model.messages import AlarmChanged, GroupChanged, Handover
from bascule.vrrp import packet
from bascule.vrrp.events import AdvertReceived, StateChanged
from bascule.vrrp.packet import Advert

HERE = ipaddress.IPv4Address("192.168.2.210")
PEER = ipaddress.IPv4Address("192.168.2.211")
VIP = ipaddress.IPv4Address("192.168.2.240")
OTHER = ipaddress.IPv4Address("192.168.2.241")
V4 = VirtualAddress(address=VIP, prefix_length=32)
FRESH = Handover(active=())

PAIR = Topology(
    name="pair",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(name=name, role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"{address}/24",)),))
        for name, address in (("d1", HERE), ("d2", PEER))
    ),
)


def instance(name: str = "VI_1", **changes: object) -> VrrpInstance:
    values: dict[str, object] = {
        "name": name,
        "interface": "eth0",
        "vrid": Vrid(51),
        "priority": Priority(255),
        "virtual_addresses": (VirtualAddress(address=VIP, prefix_length=32),),
        **changes,
    }
    return VrrpInstance(**values)  # type: ignore[arg-type]


def configuration(*instances: VrrpInstance) -> Configuration:
    return Configuration(instances=instances)


class Bench:
    """A group in a host, and what it reports."""

    def __init__(self, network: Network, netlink: Netlink) -> None:
        self.network = network
        self.host: LabHost = network.host("d1")
        self.netlink = netlink
        self.monitor = Monitor((GROUP_LINK, GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS))
        self.reported: list[tuple[str, VrrpState]] = []
        self.told: list[tuple[str, int]] = []
        """Each report, with the priority."""
        self.lower: list[tuple[str, int]] = []
        self.groups: list[GroupChanged | AlarmChanged] = []
        self.group = self.another()
        self.group.ready(True)

    def heard_lower(self, reporting: Instance, heard: AdvertReceived) -> None:
        self.lower.append((reporting.name, heard.priority))

    def report(self, reporting: Instance, changes: list[StateChanged]) -> None:
        self.told.append((reporting.name, reporting.machine.priority))
        self.reported += [(reporting.name, change.state) for change in changes]

    def another(self) -> Group:
        """A group beside this one: its successor."""
        return Group(self.netlink, Log("vrrp"), self.report, self.heard_lower, self.groups.append, self.host.folder)

    def run(self, *instances: VrrpInstance, handover: Handover = FRESH) -> None:
        self.group.configure(configuration(*instances), handover)

    def virtual(self) -> set[object]:
        return {entry.address for entry in addresses.dump(self.netlink) if entry.prefix_length == 32}

    def news(self) -> bool:
        self.group.kernel(*self.monitor.receive())
        return True

    def state(self, name: str = "VI_1") -> VrrpState:
        return self.group.instances[name].state

    def from_peer(self, payload: bytes, ttl: int = 255) -> None:
        with self.network.host("d2").entered():
            rawsocket.send_once("eth0", PEER, packet.GROUP_IPV4, ttl, payload)
        port = self.group.ports.require("eth0")
        assert select.select([port.sockets[4]], [], [], 5)[0]
        self.group.packets(port)


def advert(priority: int, password: bytes = b"", **changes: object) -> bytes:
    values: dict[str, object] = {
        "vrid": Vrid(51),
        "priority": Priority(priority),
        "interval": Seconds(1.0),
        "addresses": (VIP,),
        "auth_type": AuthType.PASS if password else AuthType.NONE,
        "auth_data": packet.padded_password(password),
        **changes,
    }
    return packet.encode(Advert(**values))  # type: ignore[arg-type]


def lifetimes(bench: Bench) -> dict[object, str]:
    shown = bench.host.run(["ip", "-4", "address", "show", "dev", "eth0"]).stdout
    found = re.findall(r"inet (\S+)/\d+ .*\n +valid_lft (\w+)", shown)
    return {ipaddress.ip_address(address): lifetime for address, lifetime in found}


VIP6 = ipaddress.IPv6Address("fd02::240")
LINK_LOCAL = ipaddress.IPv6Address("fe80::53")


def instance6(**changes: object) -> VrrpInstance:
    listed = tuple(VirtualAddress(address=address, prefix_length=128) for address in (VIP6, LINK_LOCAL))
    return instance("VI_6", version=3, **{"virtual_addresses": listed, **changes})
