# SPDX-License-Identifier: Apache-2.0
"""An instance without a network, for tests: configurations, and a rim that writes down what it is asked for."""

from __future__ import annotations

import ipaddress

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_addresses import Placed
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.errors import KernelRefusedError
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import (
    AuthType,
    BasculeOptions,
    UnicastPeer,
    VirtualAddress,
    VrrpInstance,
)
from bascule.vrrp import ah, packet
from bascule.vrrp.packet import Datagram

HERE = ipaddress.IPv4Address("192.168.2.210")
PEER = ipaddress.IPv4Address("192.168.2.211")
VIP = ipaddress.IPv4Address("192.168.2.240")
UNREACHABLE = ipaddress.IPv4Address("10.9.9.9")
CONFIG = VrrpInstance(
    name="VI_1",
    interface="eth0",
    vrid=Vrid(51),
    priority=Priority(100),
    auth_type=AuthType.PASS,
    auth_pass=b"1111",
    virtual_addresses=(VirtualAddress(address=VIP, prefix_length=32),),
)
# Captured from keepalived 2.2.7 with the same configuration.
KEEPALIVED = bytes.fromhex("21336401010153cfc0a802f03131313100000000")
PLACED = Placed(interface="eth0", address=VIP, prefix_length=32)


class Rim:
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        self.did: list[tuple[object, ...]] = []
        self.broken = False

    def send(self, interface: str, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        if self.broken or destination == UNREACHABLE:
            raise KernelRefusedError("no")
        self.did.append(("send", interface, payload, source, destination, ttl))

    def announce(self, interface: str, address: IPAddress) -> None:
        if self.broken:
            raise KernelRefusedError("no")
        self.did.append(("announce", interface, address))

    def send_whole(self, interface: str, packet: bytes, source: IPAddress, destination: IPAddress) -> None:
        self.did.append(("whole", interface, packet, source, destination))

    def put(self, owner: str, wanted: tuple[Placed, ...], lifetime: Seconds | None, now: float) -> None:
        self.did.append(("put", owner, wanted, lifetime, now))

    def take(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        self.did.append(("take", owner, unwanted))

    def leave(self, owner: str, unwanted: tuple[Placed, ...], now: float) -> None:
        self.did.append(("leave", owner, unwanted, now))


def made(config: VrrpInstance = CONFIG, options: BasculeOptions | None = None) -> tuple[Instance, Rim]:
    rim = Rim()
    return Instance(config, options or BasculeOptions(), HERE, rim, Log("vrrp")), rim


def heard(
    instance: Instance, payload: bytes, source: IPAddress = PEER, destination: IPAddress = packet.GROUP_IPV4
) -> list[object]:
    datagram = Datagram(payload=payload, source=source, destination=destination)
    outcome = instance.hear(packet.decode(datagram), datagram, frozenset({HERE}), 1.0, 1.0)
    return list(outcome.changes)


def config_with(**changes: object) -> VrrpInstance:
    """The configuration with some values changed."""
    values = {field: getattr(CONFIG, field) for field in CONFIG.__struct_fields__}
    return VrrpInstance(**{**values, **changes})


# Captured from keepalived 2.2.7: VRID 53 over IPv6, which lists its addresses in the order of its file.
KEEPALIVED_V6 = bytes.fromhex("313564020032e232fe800000000000000000000000000053fd020000000000000000000000000240")
HERE6 = ipaddress.IPv6Address("fe80::e4f8:26ff:feab:817a")
PEER6 = ipaddress.IPv6Address("fe80::1")
VIP6, LINK_LOCAL = ipaddress.IPv6Address("fd02::240"), ipaddress.IPv6Address("fe80::53")
V3 = config_with(version=3, advert_interval=Seconds(0.5), auth_type=AuthType.NONE, auth_pass=b"")
V6 = VrrpInstance(
    name="VI_6",
    interface="eth0",
    vrid=Vrid(53),
    version=3,
    advert_interval=Seconds(0.5),
    virtual_addresses=tuple(VirtualAddress(address=address, prefix_length=128) for address in (VIP6, LINK_LOCAL)),
)


def unicast(*peers: IPAddress, **changes: object) -> VrrpInstance:
    return config_with(unicast_peers=tuple(UnicastPeer(address=peer) for peer in peers), unicast_ttl=64, **changes)


def old_form(instance: Instance, destination: IPAddress) -> str:
    """What the checksum of an instance's adverts covers."""
    payload = instance.payload(Priority(100), destination)
    return packet.decode(Datagram(payload=payload, source=HERE, destination=destination)).checksum_form.value


def behind_a_header(data: bytes) -> Datagram:
    """A whole IPv4 packet as it is handed in."""
    destination = ipaddress.IPv4Address(data[16:20])
    return ah.unwrap(Datagram(payload=data[20:], source=PEER, destination=destination, ttl=data[8], header=data[:20]))
