# SPDX-License-Identifier: Apache-2.0
"""Whether an advertisement is one for an instance: what only the instance knows (RFC 3768 7.1, RFC 9568 7.1).

What the bytes alone tell was checked by packet.py. A refusal is counted and the packet dropped. A remark is not: the
advert is heard, and an operator is told how the sender's mind differs, because version 3 can live with it.
"""

from __future__ import annotations

import dataclasses
import enum

from bascule.model.base import IPAddress, Seconds, Vrid
from bascule.model.configuration import AuthType, ChecksumForm, UnicastPeer
from bascule.vrrp.ah import Header, is_authentic
from bascule.vrrp.packet import (
    AUTH_LENGTH,
    PRIORITY_OWNER,
    TTL,
    Advert,
    Datagram,
    Refusal,
    RefusedPacketError,
)


class Remark(enum.Enum):
    """What is odd in an advert that is heard; values are names in logs."""

    INTERVAL = "interval_differs"
    ADDRESSES = "addresses_differ"
    LINK_LOCAL = "first_address_not_link_local"
    SENDER = "sender_is_no_peer"


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Expected:
    """What an instance demands of the adverts that it listens to."""

    vrid: Vrid
    interval: Seconds
    addresses: frozenset[IPAddress]
    auth_type: AuthType = AuthType.NONE
    auth_data: bytes = bytes(AUTH_LENGTH)
    version: int = 2
    peers: tuple[UnicastPeer, ...] = ()
    """Empty = adverts come by multicast."""
    peers_only: bool = False
    """Unicast adverts of others are dropped."""
    trailer: bool = False
    """Who judges trailers comes after; else an advert has none."""
    group: IPAddress | None = None
    """Where multicast adverts are expected; None = wherever one is heard."""
    old_checksum: bool = True
    """Adverts with the unicast checksum of old keepaliveds are heard."""


def verify(
    advert: Advert, datagram: Datagram, expected: Expected, own: frozenset[IPAddress], familiar: bool = False
) -> None:
    """Check an advertisement against the instance that it is for; `own` are this host's addresses.

    `familiar`: the addresses in it need not be compared, because those of the sender's last one were.
    Raises RefusedPacketError. In version 2 another interval is a reason, and another list of addresses unless the owner
    (priority 255) sent it: RFC 3768 7.1 demands that, and keepalived does the same. In version 3 neither is.
    """
    if datagram.source in own:
        raise RefusedPacketError(Refusal.OWN_PACKET, f"{datagram.source} is an address of this host")
    if expected.peers:
        _verify_unicast(datagram, expected)
    else:
        _verify_multicast(datagram, expected)
    if advert.checksum_form is ChecksumForm.OLD_UNICAST and not (expected.old_checksum and expected.peers):
        raise RefusedPacketError(Refusal.CHECKSUM, "a unicast checksum as of keepalived up to 1.3.6")
    if advert.version != expected.version:
        raise RefusedPacketError(Refusal.VERSION, f"version {advert.version}, expected {expected.version}")
    if datagram.trailer is not None and not expected.trailer:
        raise RefusedPacketError(Refusal.TRAILING, "a trailer, and no auth_hmac is configured")
    if advert.vrid != expected.vrid:
        raise RefusedPacketError(Refusal.VRID, f"VRID {advert.vrid}, expected {expected.vrid}")
    if expected.version == 2:
        _verify_version_2(advert, datagram, expected, familiar)


def remarks(advert: Advert, datagram: Datagram, expected: Expected) -> list[tuple[Remark, str]]:
    """How an advert that was accepted differs from what is configured here, in words."""
    found: list[tuple[Remark, str]] = []
    if advert.interval != expected.interval:
        why = f"an advert interval of {advert.interval:g} s, ours is {expected.interval:g} s: we follow it"
        found.append((Remark.INTERVAL, why))
    if advert.priority != PRIORITY_OWNER and set(advert.addresses) != expected.addresses:
        strange = _listed(set(advert.addresses) - expected.addresses) or "none"
        missing = _listed(expected.addresses - set(advert.addresses)) or "none"
        found.append((Remark.ADDRESSES, f"configured only there: {strange}; only here: {missing}"))
    first = advert.addresses[0]
    if first.version == 6 and not first.is_link_local:
        found.append((Remark.LINK_LOCAL, f"{first} stands first (RFC 9568 5.2.9)"))
    if expected.peers and all(datagram.source != peer.address for peer in expected.peers):
        found.append((Remark.SENDER, f"{datagram.source} is no unicast_peer"))
    return found


def _verify_multicast(datagram: Datagram, expected: Expected) -> None:
    """One that came by unicast all the same is from this segment, if its TTL says so."""
    if expected.group is not None and datagram.destination.is_multicast and datagram.destination != expected.group:
        raise RefusedPacketError(Refusal.DESTINATION, f"to {datagram.destination}, expected to {expected.group}")
    if datagram.ttl != TTL:
        raise RefusedPacketError(Refusal.TTL, f"TTL {datagram.ttl}, expected {TTL}: it came through a router")


def _verify_unicast(datagram: Datagram, expected: Expected) -> None:
    """A TTL says nothing between peers that routers are between, unless the configuration says what it must be."""
    if datagram.destination.is_multicast:
        raise RefusedPacketError(Refusal.DESTINATION, f"to {datagram.destination}, expected by unicast")
    peer = next((peer for peer in expected.peers if peer.address == datagram.source), None)
    if peer is None:
        if expected.peers_only or any((peer.min_ttl, peer.max_ttl) != (None, None) for peer in expected.peers):
            raise RefusedPacketError(Refusal.SENDER, f"{datagram.source} is no unicast_peer")
        return
    least, most = peer.min_ttl or 0, TTL if peer.max_ttl is None else peer.max_ttl
    if not least <= datagram.ttl <= most:
        raise RefusedPacketError(Refusal.TTL, f"TTL {datagram.ttl}, expected {least} to {most}")


def _verify_version_2(advert: Advert, datagram: Datagram, expected: Expected, familiar: bool) -> None:
    _verify_authentication(advert, datagram.ah, expected)
    if advert.interval != expected.interval:
        raise RefusedPacketError(
            Refusal.INTERVAL, f"an advert interval of {advert.interval:g} s, expected {expected.interval:g} s"
        )
    if advert.priority != PRIORITY_OWNER and not familiar:
        _verify_addresses(advert, expected)


def _verify_authentication(advert: Advert, header: Header | None, expected: Expected) -> None:
    """The data is never put into the message: it is the password."""
    if advert.auth_type is not expected.auth_type:
        raise RefusedPacketError(
            Refusal.AUTH_TYPE, f"authentication {advert.auth_type.value}, expected {expected.auth_type.value}"
        )
    if (header is not None) is not (expected.auth_type is AuthType.AH):
        words = "without" if header is None else "with"
        raise RefusedPacketError(Refusal.AUTH_TYPE, f"{words} an authentication header")
    if header is not None and not is_authentic(header, expected.auth_data):
        raise RefusedPacketError(Refusal.AUTH_DATA, "another password, or changed on its way")
    if advert.auth_type is AuthType.PASS and advert.auth_data != expected.auth_data:
        raise RefusedPacketError(Refusal.AUTH_DATA, "another password")


def _verify_addresses(advert: Advert, expected: Expected) -> None:
    if len(advert.addresses) != len(expected.addresses):
        raise RefusedPacketError(
            Refusal.ADDRESS_COUNT, f"{len(advert.addresses)} addresses, expected {len(expected.addresses)}"
        )
    strange = set(advert.addresses) - expected.addresses
    if strange:
        listed = _listed(strange)
        raise RefusedPacketError(Refusal.ADDRESS_LIST, f"addresses that are not configured here: {listed}")


def _listed(addresses: set[IPAddress] | frozenset[IPAddress]) -> str:
    return ", ".join(sorted(str(address) for address in addresses))
