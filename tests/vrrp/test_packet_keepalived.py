# SPDX-License-Identifier: Apache-2.0
"""What only keepalived sends: version 2 over IPv6, and between unicast peers the checksum of old versions.

Captured from keepalived 2.2.7.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import AuthType, ChecksumForm
from bascule.vrrp import packet, trailer
from bascule.vrrp.packet import Advert, Datagram, Refusal, RefusedPacketError

HERE6, PEER6 = ipaddress.IPv6Address("fd02::211"), ipaddress.IPv6Address("fd02::210")
FIRST6 = ipaddress.IPv6Address("fe80::1489:93ff:fefd:ba8e")
SECOND6 = ipaddress.IPv6Address("fe80::f81d:4eff:fefd:52f7")
VIP6, NEXT6, LINK_LOCAL = (ipaddress.IPv6Address(text) for text in ("fd02::240", "fd02::241", "fe80::240"))

# `version 2`, VRID 51, priority 100, advert_int 1, VIPs fd02::240 and fd02::241, from FIRST6 to the group.
MULTICAST = bytes.fromhex("2133640200011bff" + VIP6.packed.hex() + NEXT6.packed.hex())
MULTICAST_STOPS = bytes.fromhex("2133000200017fff" + VIP6.packed.hex() + NEXT6.packed.hex())
# The same with `auth_type PASS` and `auth_pass secret`, VIPs fe80::240 and fd02::240, from SECOND6.
PASS = bytes.fromhex("213364020101e284" + LINK_LOCAL.packed.hex() + VIP6.packed.hex())
PASS_STOPS = bytes.fromhex("2133000201014685" + LINK_LOCAL.packed.hex() + VIP6.packed.hex())
# VIP fd02::240, from PEER6 to the unicast peer HERE6.
UNICAST = bytes.fromhex("2133640100017cd8" + VIP6.packed.hex())
UNICAST_STOPS = bytes.fromhex("213300010001e0d8" + VIP6.packed.hex())

PEER, HERE, THIRD = (ipaddress.IPv4Address(f"192.168.2.{number}") for number in (210, 211, 212))
OTHER_GROUP = ipaddress.IPv4Address("224.0.0.99")
# `version 3`, VIPs 192.168.2.240 and .241, to the unicast peers HERE and THIRD, without `old_unicast_checksum`, ...
NEW_TO_HERE = bytes.fromhex("3133640200645bbdc0a802f0c0a802f1")
NEW_TO_THIRD = bytes.fromhex("3133640200645bbcc0a802f0c0a802f1")
# ... and with it: the same to each.
OLD = bytes.fromhex("3133640200643f26c0a802f0c0a802f1")
OLD_STOPS = bytes.fromhex("313300020064a326c0a802f0c0a802f1")

OVER_IPV6 = Advert(
    vrid=Vrid(51),
    priority=Priority(100),
    interval=Seconds(1.0),
    addresses=(VIP6, NEXT6),
    checksum_form=ChecksumForm.PSEUDO_HEADER,
)
WITH_PASS = dataclasses.replace(OVER_IPV6, addresses=(LINK_LOCAL, VIP6), auth_type=AuthType.PASS)
OLD_ADVERT = dataclasses.replace(
    OVER_IPV6,
    version=3,
    addresses=(ipaddress.IPv4Address("192.168.2.240"), ipaddress.IPv4Address("192.168.2.241")),
    checksum_form=ChecksumForm.OLD_UNICAST,
)


def datagram(payload: bytes, source: IPAddress, destination: IPAddress) -> Datagram:
    return Datagram(payload=payload, source=source, destination=destination)


def refusal_of(came: Datagram, *groups: IPAddress) -> Refusal:
    with pytest.raises(RefusedPacketError) as caught:
        packet.decode(came, groups or (packet.GROUP_IPV4,))
    return caught.value.reason


@pytest.mark.parametrize(
    ("payload", "stops", "source", "destination", "advert"),
    [
        (MULTICAST, MULTICAST_STOPS, FIRST6, packet.GROUP_IPV6, OVER_IPV6),
        (PASS, PASS_STOPS, SECOND6, packet.GROUP_IPV6, WITH_PASS),
        (UNICAST, UNICAST_STOPS, PEER6, HERE6, dataclasses.replace(OVER_IPV6, addresses=(VIP6,))),
        (OLD, OLD_STOPS, PEER, HERE, OLD_ADVERT),
    ],
)
def test_what_only_keepalived_sends_is_read_and_written_byte_for_byte(
    payload: bytes, stops: bytes, source: IPAddress, destination: IPAddress, advert: Advert
) -> None:
    for data, meant in ((payload, advert), (stops, dataclasses.replace(advert, priority=packet.PRIORITY_STOP))):
        assert packet.decode(datagram(data, source, destination)) == meant
        assert packet.encode(meant, source, destination) == data


def test_between_unicast_peers_the_old_checksum_is_told_from_the_new_one() -> None:
    new = dataclasses.replace(OLD_ADVERT, checksum_form=ChecksumForm.PSEUDO_HEADER)
    for destination, payload in ((HERE, NEW_TO_HERE), (THIRD, NEW_TO_THIRD)):
        assert packet.decode(datagram(payload, PEER, destination)) == new
        assert packet.encode(new, PEER, destination) == payload
        assert packet.decode(datagram(OLD, PEER, destination)) == OLD_ADVERT
        assert packet.encode(OLD_ADVERT, PEER, destination) == OLD
    assert packet.decode(datagram(OLD, PEER, packet.GROUP_IPV4)) == new


def test_the_old_checksum_is_made_with_the_group_of_the_network() -> None:
    payload = packet.encode(OLD_ADVERT, PEER, HERE, OTHER_GROUP)
    assert payload != OLD
    came = datagram(payload, PEER, HERE)
    assert packet.decode(came, (packet.GROUP_IPV6, OTHER_GROUP)) == OLD_ADVERT
    assert refusal_of(came) is Refusal.CHECKSUM
    assert refusal_of(datagram(OLD, PEER, HERE), OTHER_GROUP) is Refusal.CHECKSUM


@pytest.mark.parametrize(
    ("payload", "source", "destination", "reason"),
    [
        (MULTICAST[:-1], FIRST6, packet.GROUP_IPV6, Refusal.TRUNCATED),
        (MULTICAST + bytes(8), FIRST6, packet.GROUP_IPV6, Refusal.TRAILING),
        (MULTICAST, SECOND6, packet.GROUP_IPV6, Refusal.CHECKSUM),
        (UNICAST, PEER6, packet.GROUP_IPV6, Refusal.CHECKSUM),
        (b"\x11" + MULTICAST[1:], FIRST6, packet.GROUP_IPV6, Refusal.VERSION),
        (b"\x22" + MULTICAST[1:], FIRST6, packet.GROUP_IPV6, Refusal.TYPE),
    ],
)
def test_over_ipv6_bytes_that_are_no_advert_of_version_2_are_refused_with_the_reason(
    payload: bytes, source: IPAddress, destination: IPAddress, reason: Refusal
) -> None:
    assert refusal_of(datagram(payload, source, destination)) is reason


def test_over_ipv6_the_checksum_of_the_message_alone_is_refused_as_keepalived_s_kernel_does() -> None:
    alone = dataclasses.replace(OVER_IPV6, checksum_form=ChecksumForm.MESSAGE)
    payload = packet.encode(alone, FIRST6)
    assert packet.checksum(payload) == 0
    assert refusal_of(datagram(payload, FIRST6, packet.GROUP_IPV6)) is Refusal.CHECKSUM


def test_a_trailer_behind_version_2_over_ipv6_is_found() -> None:
    behind = trailer.trailer_of(MULTICAST, FIRST6, 1, b"k" * 32, 7)
    found = trailer.split(datagram(trailer.attached(MULTICAST, behind, FIRST6), FIRST6, packet.GROUP_IPV6))
    assert found.trailer == behind
    assert packet.decode(found) == packet.decode(datagram(MULTICAST, FIRST6, packet.GROUP_IPV6))


over_ipv6 = st.builds(
    Advert,
    vrid=st.integers(1, 255).map(Vrid),
    priority=st.integers(0, 255).map(Priority),
    interval=st.integers(1, 255).map(lambda number: Seconds(float(number))),
    addresses=st.lists(st.ip_addresses(v=6), min_size=1, max_size=packet.ADDRESSES_MAX).map(tuple),
    auth_type=st.sampled_from(AuthType),
    checksum_form=st.just(ChecksumForm.PSEUDO_HEADER),
)


@given(over_ipv6, st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_what_is_written_is_read_again(advert: Advert, source: IPAddress, destination: IPAddress) -> None:
    data = packet.encode(advert, source, destination)
    assert packet.decode(datagram(data, source, destination)) == advert


old = st.builds(
    Advert,
    vrid=st.integers(1, 255).map(Vrid),
    priority=st.integers(0, 255).map(Priority),
    interval=st.integers(1, packet.INTERVAL_MAX).map(lambda number: Seconds(number / 100)),
    addresses=st.lists(st.ip_addresses(v=4), min_size=1, max_size=40).map(tuple),
    version=st.just(3),
    checksum_form=st.just(ChecksumForm.OLD_UNICAST),
)
peers = st.ip_addresses(v=4).filter(lambda address: not address.is_multicast)


@given(old, peers, peers)
def test_the_old_checksum_is_read_again_unless_another_form_would_be_the_same(
    advert: Advert, source: IPAddress, destination: IPAddress
) -> None:
    data = packet.encode(advert, source, destination)
    found = packet.decode(datagram(data, source, destination))
    others = (packet.pseudo_header(source, destination, len(data)), b"")
    if any(packet.checksum(other + data) == 0 for other in others):
        found = dataclasses.replace(found, checksum_form=ChecksumForm.OLD_UNICAST)
    assert found == advert


@given(st.sampled_from((MULTICAST, PASS, UNICAST, OLD)), st.sampled_from((FIRST6, PEER)), st.data())
def test_damaged_packets_raise_nothing_but_a_refusal(payload: bytes, source: IPAddress, data: st.DataObject) -> None:
    damaged = bytearray(payload)
    damaged[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(payload)))])
    with contextlib.suppress(RefusedPacketError):
        packet.decode(datagram(cut, source, HERE6 if source.version == 6 else HERE))
