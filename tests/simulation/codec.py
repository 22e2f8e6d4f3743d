# SPDX-License-Identifier: Apache-2.0
"""The project's own codec between the machines. Equal adverts are encoded and decoded once: there are so many."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress

from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import ChecksumForm, UnicastPeer
from bascule.vrrp import acceptance, packet
from bascule.vrrp.acceptance import Expected
from bascule.vrrp.packet import Advert, Datagram, RefusedPacketError

VRID = Vrid(51)


@functools.cache
def address_of(number: int, family: int) -> IPAddress:
    """A router's own address: the higher the number, the higher the address."""
    return ipaddress.ip_address(f"192.168.2.{10 + number}" if family == 4 else f"fe80::{10 + number}")


@functools.cache
def virtual_addresses(count: int, family: int) -> tuple[IPAddress, ...]:
    """The first `count` virtual addresses."""
    pattern = "192.168.2.24{}" if family == 4 else "fe80::24{}"
    return tuple(ipaddress.ip_address(pattern.format(number)) for number in range(count))


@dataclasses.dataclass(slots=True, frozen=True, eq=False)
class Message:
    """An advert as it is on the wire, and what those bytes are read as. Compared by identity."""

    datagram: Datagram
    advert: Advert


@functools.lru_cache(maxsize=4096)
def message(
    number: int, version: int, interval: Seconds, addresses: tuple[IPAddress, ...], priority: Priority, to: int | None
) -> Message:
    """An advert of a router, to all (None) or to one."""
    form = ChecksumForm.MESSAGE if version == 2 else ChecksumForm.PSEUDO_HEADER
    family = addresses[0].version
    source = address_of(number, family)
    advert = Advert(
        vrid=VRID, priority=priority, interval=interval, addresses=addresses, version=version, checksum_form=form
    )
    destination = packet.group_of(family) if to is None else address_of(to, family)
    datagram = Datagram(payload=packet.encode(advert, source, destination), source=source, destination=destination)
    return Message(datagram, packet.decode(datagram))


def expected(
    version: int, interval: Seconds, addresses: tuple[IPAddress, ...], peers: tuple[IPAddress, ...]
) -> Expected:
    """What a router demands; with peers, that it comes by unicast and from one of them."""
    return Expected(
        vrid=VRID,
        interval=interval,
        addresses=frozenset(addresses),
        version=version,
        peers=tuple(UnicastPeer(address=peer) for peer in peers),
        peers_only=bool(peers),
    )


def accepts(came: Message, demanded: Expected, own: frozenset[IPAddress]) -> bool:
    """Whether a router with these addresses hears it."""
    try:
        acceptance.verify(came.advert, came.datagram, demanded, own)
    except RefusedPacketError:
        return False
    return True
