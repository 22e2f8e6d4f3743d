# SPDX-License-Identifier: Apache-2.0
"""Topologies as data: segments, hosts and the links between them. `network` builds them, nothing here does."""

from __future__ import annotations

import enum
import ipaddress

from bascule.model.base import IPAddress, Model


class HostRole(enum.Enum):
    """What a host of a lab is for; the network prepares its links accordingly."""

    DIRECTOR = "director"
    """Its bridge-side peers carry an XDP program that passes everything, without which XDP_TX on veth loses frames."""
    REAL_SERVER = "real server"
    CLIENT = "client"
    ROUTER = "router"


class Segment(Model, frozen=True, kw_only=True):
    """A layer-2 segment: one bridge in the switch's namespace."""

    name: str
    """At most 8 characters: it is part of interface names."""


class Link(Model, frozen=True, kw_only=True):
    """A host's interface on a segment."""

    segment: str
    interface: str = "eth0"
    addresses: tuple[str, ...]
    """With prefix lengths, the first one the host's own: `192.168.2.210/24`."""

    @property
    def plain_addresses(self) -> tuple[IPAddress, ...]:
        """The addresses without their prefix lengths."""
        return tuple(ipaddress.ip_interface(address).ip for address in self.addresses)


class Host(Model, frozen=True, kw_only=True):
    """A host: a network namespace of its own."""

    name: str
    """At most 8 characters: it is part of interface names."""
    role: HostRole
    links: tuple[Link, ...]
    routes: tuple[str, ...] = ()
    """As ip-route(8) takes them after `add`: `default via 10.0.0.1`."""

    @property
    def address(self) -> IPAddress:
        """The first address of the first link."""
        return self.links[0].plain_addresses[0]


class Topology(Model, frozen=True, kw_only=True):
    """A whole network."""

    name: str
    about: str
    segments: tuple[Segment, ...]
    hosts: tuple[Host, ...]

    def of(self, role: HostRole) -> tuple[Host, ...]:
        """The hosts of a role, in the order written."""
        return tuple(host for host in self.hosts if host.role is role)


def _host(name: str, role: HostRole, *last_bytes: int) -> Host:
    addresses = tuple(f"192.168.2.{last}/24" for last in last_bytes)
    return Host(name=name, role=role, links=(Link(segment="lan", addresses=addresses),))


CLIENT_ADDRESSES = tuple(range(20, 60))
"""Last bytes: eight that ask all the time, and visitors that ask once."""

SEED = Topology(
    name="seed",
    about="Two directors, two real servers and the clients on one segment: 192.168.2.0/24, VIP 192.168.2.240.",
    segments=(Segment(name="lan"),),
    hosts=(
        _host("d1", HostRole.DIRECTOR, 210),
        _host("d2", HostRole.DIRECTOR, 211),
        _host("rs1", HostRole.REAL_SERVER, 212),
        _host("rs2", HostRole.REAL_SERVER, 213),
        _host("clients", HostRole.CLIENT, *CLIENT_ADDRESSES),
    ),
)

PAIR = Topology(
    name="pair",
    about="Two directors on one segment and nothing else: enough for VRRP.",
    segments=(Segment(name="lan"),),
    hosts=(_host("d1", HostRole.DIRECTOR, 210), _host("d2", HostRole.DIRECTOR, 211)),
)

TOPOLOGIES = {topology.name: topology for topology in (SEED, PAIR)}
