# SPDX-License-Identifier: Apache-2.0
"""The sockets of planned switches: who has one, and what hostile datagrams do: nothing, and they are counted."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

import pytest

from bascule.daemon.roles.vrrp_lines import secret_of
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.model.base import Priority, Vrid, from_json
from bascule.model.configuration import (
    AuthType,
    BasculeOptions,
    Configuration,
    UnicastPeer,
    VirtualAddress,
    VrrpInstance,
)
from bascule.model.messages import Role
from bascule.model.status import VrrpStatus
from bascule.vrrp import handover
from bascule.vrrp.handover import Kind, Order

KEY = BasculeOptions(handover_key="secret")
D2 = ipaddress.IPv4Address("192.168.2.211")
ASK = Order(kind=Kind.ASK, vrid=Vrid(51), family=4, router=bytes(8))

PAIR = Topology(
    name="pair",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(name=name, role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"192.168.2.{last}/24",)),))
        for name, last in (("d1", 210), ("d2", 211))
    ),
)


def instance(**changes: object) -> VrrpInstance:
    values: dict[str, object] = {
        "name": "VI_1",
        "interface": "eth0",
        "vrid": Vrid(51),
        "priority": Priority(100),
        "virtual_addresses": (VirtualAddress(address=ipaddress.IPv4Address("192.168.2.240"), prefix_length=32),),
        **changes,
    }
    return VrrpInstance(**values)  # type: ignore[arg-type]


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        yield built


def send(host: LabHost, *data: bytes, ttl: int = 255) -> None:
    with host.entered():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    for each in data:
        sock.sendto(each, ("192.168.2.210", handover.PORT))
    sock.close()


def refused(role: LoneRole) -> dict[str, int]:
    return from_json(role.status(), VrrpStatus).orders_refused


def test_the_secret_is_the_block_s_or_the_password() -> None:
    assert secret_of(instance(), BasculeOptions()) is None
    assert secret_of(instance(auth_type=AuthType.PASS), BasculeOptions()) is None
    assert secret_of(instance(auth_type=AuthType.PASS, auth_pass=b"1111"), BasculeOptions()) == b"1111"
    assert secret_of(instance(auth_type=AuthType.PASS, auth_pass=b"1111"), KEY) == b"secret"


@pytest.mark.root
@pytest.mark.lab
def test_hostile_datagrams_are_counted_and_change_nothing(network: Network) -> None:
    whole = handover.encode(ASK, handover.key_of(b"secret"), D2)
    with LoneRole(network.host("d1"), Role.VRRP, Configuration(instances=(instance(),), options=KEY)) as role:
        send(network.host("d2"), b"", b"x", b"BSCL" + bytes(200), whole[:-1] + bytes([whole[-1] ^ 1]), bytes(5000))
        send(network.host("d2"), whole, ttl=64)
        expected = {"truncated": 2, "version": 1, "signature": 1, "magic": 1, "ttl": 1}
        wait_for(lambda: refused(role) == expected, 10, f"{expected}")
        assert role.log().count("event=order_refused") == len(expected)


@pytest.mark.root
@pytest.mark.lab
def test_between_unicast_peers_only_they_are_heard(network: Network) -> None:
    whole = handover.encode(ASK, handover.key_of(b"secret"), D2)
    other = instance(unicast_peers=(UnicastPeer(address=ipaddress.IPv4Address("192.168.2.99")),))
    with LoneRole(network.host("d1"), Role.VRRP, Configuration(instances=(other,), options=KEY)) as role:
        send(network.host("d2"), whole, ttl=64)
        wait_for(lambda: refused(role) == {"sender": 1}, 10, "the refusal")


@pytest.mark.root
@pytest.mark.lab
def test_nothing_listens_without_a_key_and_an_interface_made_anew_is_followed(network: Network) -> None:
    host = network.host("d1")

    def listens() -> bool:
        return f":{handover.PORT} " in host.run(["ss", "-Hlun"]).stdout

    with LoneRole(host, Role.VRRP, Configuration(instances=(instance(),))) as role:
        assert not listens()
        role.configure(Configuration(instances=(instance(),), options=KEY))
        wait_for(listens, 10, "a socket")
        role.configure(Configuration(instances=(instance(),)))
        wait_for(lambda: not listens(), 10, "no socket")
