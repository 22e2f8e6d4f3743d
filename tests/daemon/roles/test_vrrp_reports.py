# SPDX-License-Identifier: Apache-2.0
"""What the role tells the others."""

from __future__ import annotations

import ipaddress

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_addresses import Placed
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_reports import change_of, state_of, status_of, will_of
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import BasculeOptions, UnicastPeer, VirtualAddress, VrrpInstance, VrrpState
from bascule.model.messages import LastWill, WillAddress
from bascule.vrrp import packet
from bascule.vrrp.events import Start
from bascule.vrrp.packet import Datagram

HERE = ipaddress.IPv4Address("192.168.2.210")
VIP = ipaddress.IPv4Address("192.168.2.240")


class Rim:
    """The world, which does nothing."""

    def send(self, interface: str, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        """Not sent."""

    def announce(self, interface: str, address: IPAddress) -> None:
        """Not announced."""

    def send_whole(self, interface: str, packet: bytes, source: IPAddress, destination: IPAddress) -> None:
        pass

    def put(self, owner: str, wanted: tuple[Placed, ...], lifetime: Seconds | None, now: float) -> None:
        """Not put."""

    def take(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        """Not taken."""

    def leave(self, owner: str, unwanted: tuple[Placed, ...], now: float) -> None:
        """Not left."""


def started(name: str, priority: int, peers: tuple[UnicastPeer, ...] = ()) -> Instance:
    config = VrrpInstance(
        name=name,
        interface="eth0",
        vrid=Vrid(51),
        priority=Priority(priority),
        virtual_addresses=(VirtualAddress(address=VIP, prefix_length=32),),
        unicast_peers=peers,
        unicast_ttl=64,
    )
    instance = Instance(config, BasculeOptions(), HERE, Rim(), Log("vrrp"))
    (change,) = instance.handle(Start(), 0.0).changes
    reported = change_of(instance, change)
    assert (reported.instance, reported.state, reported.why) == (name, instance.state, change.reason)
    return instance


def test_the_will_speaks_for_the_actives_alone() -> None:
    backup, active = started("backup", 100), started("active", 255)
    will = will_of([backup, active])
    (frame,) = will.frames
    assert (frame.interface, frame.source, str(frame.destination), frame.ttl) == ("eth0", HERE, "224.0.0.18", 255)
    assert packet.decode(Datagram(payload=frame.packet, source=HERE)).priority == 0
    assert will.addresses == (WillAddress(interface="eth0", address=VIP, prefix_length=32),)
    assert will_of([backup]) == LastWill()


def test_the_will_speaks_to_every_unicast_peer() -> None:
    peers = tuple(UnicastPeer(address=ipaddress.IPv4Address(f"192.168.2.{last}")) for last in (211, 212))
    will = will_of([started("active", 255, peers)])
    assert [(str(frame.destination), frame.ttl) for frame in will.frames] == [
        ("192.168.2.211", 64),
        ("192.168.2.212", 64),
    ]


def test_a_state_says_why() -> None:
    state = state_of(started("active", 255))
    assert (state.state, state.priority, state.reason) == (VrrpState.MASTER, 255, "owns the addresses (priority 255)")


def test_the_status_adds_what_could_not_be_told_to_belong_to_an_instance() -> None:
    instance = started("backup", 100)
    instance.refusals.counts["ttl"] = 2
    status = status_of([instance], {"eth0": {"truncated": 3}, "eth1": {"type": 9}}, 0.25, ("not realtime",), {"ttl": 1})
    (shown,) = status.instances
    assert shown.packets_refused == {"ttl": 2, "truncated": 3}
    assert (shown.master, shown.virtual_addresses) == (None, (VIP,))
    assert (shown.version, shown.active_interval, shown.checksum_forms) == (2, 1.0, {})
    assert (status.lateness_max, status.notes) == (0.25, ("not realtime",))
    assert (status.orders_refused, shown.held, shown.handed_to) == ({"ttl": 1}, False, None)
