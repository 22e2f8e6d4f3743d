# SPDX-License-Identifier: Apache-2.0
"""Which adverts an instance listens to, and what it remarks of those."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import AuthType, ChecksumForm, UnicastPeer
from bascule.vrrp import ah, packet
from bascule.vrrp.acceptance import Expected, Remark, remarks, verify
from bascule.vrrp.packet import Advert, Datagram, Refusal, RefusedPacketError

PEER = ipaddress.IPv4Address("192.168.2.210")
HERE = ipaddress.IPv4Address("192.168.2.211")
VIP = ipaddress.IPv4Address("192.168.2.240")
VIP6 = ipaddress.IPv6Address("fd02::240")
LINK_LOCAL = ipaddress.IPv6Address("fe80::53")
PASSWORD = packet.padded_password(b"1111")

ADVERT = Advert(
    vrid=Vrid(51),
    priority=Priority(100),
    interval=Seconds(1.0),
    addresses=(VIP,),
    auth_type=AuthType.PASS,
    auth_data=PASSWORD,
)
EXPECTED = Expected(
    vrid=Vrid(51),
    interval=Seconds(1.0),
    addresses=frozenset({VIP}),
    auth_type=AuthType.PASS,
    auth_data=PASSWORD,
)
ADVERT_V3 = dataclasses.replace(ADVERT, version=3, auth_type=AuthType.NONE, auth_data=bytes(8))
EXPECTED_V3 = dataclasses.replace(EXPECTED, version=3, auth_type=AuthType.NONE, auth_data=bytes(8))


def datagram(ttl: int = 255, source: IPAddress = PEER, destination: IPAddress = packet.GROUP_IPV4) -> Datagram:
    return Datagram(payload=b"", source=source, destination=destination, ttl=ttl)


def refusal(advert: Advert, came: Datagram, expected: Expected, own: frozenset[IPAddress] = frozenset()) -> Refusal:
    with pytest.raises(RefusedPacketError) as caught:
        verify(advert, came, expected, own)
    assert caught.value.reason.value in str(caught.value)
    return caught.value.reason


def test_a_good_packet_passes_without_remark() -> None:
    for advert, expected in ((ADVERT, EXPECTED), (ADVERT_V3, EXPECTED_V3)):
        verify(advert, datagram(), expected, frozenset({HERE}))
        assert remarks(advert, datagram(), expected) == []


@pytest.mark.parametrize(
    ("changes", "ttl", "reason"),
    [
        ({}, 254, Refusal.TTL),
        ({"version": 3}, 255, Refusal.VERSION),
        ({"vrid": Vrid(52)}, 255, Refusal.VRID),
        ({"auth_type": AuthType.NONE}, 255, Refusal.AUTH_TYPE),
        ({"auth_data": packet.padded_password(b"2222")}, 255, Refusal.AUTH_DATA),
        ({"interval": Seconds(2.0)}, 255, Refusal.INTERVAL),
        ({"addresses": (VIP, HERE)}, 255, Refusal.ADDRESS_COUNT),
        ({"addresses": (HERE,)}, 255, Refusal.ADDRESS_LIST),
    ],
)
def test_an_advert_of_another_mind_is_refused_with_the_reason(
    changes: dict[str, object], ttl: int, reason: Refusal
) -> None:
    advert = dataclasses.replace(ADVERT, **changes)  # type: ignore[arg-type]
    assert refusal(advert, datagram(ttl), EXPECTED) is reason


def test_a_packet_from_an_own_address_is_refused() -> None:
    assert refusal(ADVERT, datagram(), EXPECTED, frozenset({PEER})) is Refusal.OWN_PACKET


def test_the_owner_may_list_other_addresses() -> None:
    owner = dataclasses.replace(ADVERT, priority=packet.PRIORITY_OWNER, addresses=(HERE, VIP))
    verify(owner, datagram(), EXPECTED, frozenset())
    assert remarks(dataclasses.replace(owner, version=3), datagram(), EXPECTED_V3) == []


def test_the_order_of_the_addresses_does_not_matter() -> None:
    expected = dataclasses.replace(EXPECTED, addresses=frozenset({VIP, HERE}))
    verify(dataclasses.replace(ADVERT, addresses=(HERE, VIP)), datagram(), expected, frozenset())


def test_without_authentication_its_data_are_not_looked_at() -> None:
    expected = dataclasses.replace(EXPECTED, auth_type=AuthType.NONE, auth_data=bytes(8))
    advert = dataclasses.replace(ADVERT, auth_type=AuthType.NONE, auth_data=b"whatever")
    verify(advert, datagram(), expected, frozenset())


def test_no_password_is_ever_told() -> None:
    advert = dataclasses.replace(ADVERT, auth_data=packet.padded_password(b"secret"))
    with pytest.raises(RefusedPacketError) as caught:
        verify(advert, datagram(), EXPECTED, frozenset())
    assert "secret" not in str(caught.value)
    assert "1111" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "ttl", "reason"),
    [({}, 254, Refusal.TTL), ({"version": 2}, 255, Refusal.VERSION), ({"vrid": Vrid(52)}, 255, Refusal.VRID)],
)
def test_version_3_refuses_less(changes: dict[str, object], ttl: int, reason: Refusal) -> None:
    advert = dataclasses.replace(ADVERT_V3, **changes)  # type: ignore[arg-type]
    assert refusal(advert, datagram(ttl), EXPECTED_V3) is reason


@pytest.mark.parametrize(
    ("changes", "remark", "words"),
    [
        ({"interval": Seconds(2.0)}, Remark.INTERVAL, "an advert interval of 2 s, ours is 1 s"),
        ({"addresses": (VIP, HERE)}, Remark.ADDRESSES, "only there: 192.168.2.211; only here: none"),
        ({"addresses": (HERE,)}, Remark.ADDRESSES, "only there: 192.168.2.211; only here: 192.168.2.240"),
    ],
)
def test_version_3_hears_adverts_of_another_mind_and_remarks_it(
    changes: dict[str, object], remark: Remark, words: str
) -> None:
    advert = dataclasses.replace(ADVERT_V3, **changes)  # type: ignore[arg-type]
    verify(advert, datagram(), EXPECTED_V3, frozenset())
    ((found, why),) = remarks(advert, datagram(), EXPECTED_V3)
    assert found is remark
    assert words in why


@pytest.mark.parametrize(
    ("addresses", "found"),
    [((LINK_LOCAL, VIP6), []), ((VIP6,), [Remark.LINK_LOCAL]), ((VIP6, LINK_LOCAL), [Remark.LINK_LOCAL])],
)
def test_over_ipv6_a_link_local_address_stands_first(addresses: tuple[IPAddress, ...], found: list[Remark]) -> None:
    expected = dataclasses.replace(EXPECTED_V3, addresses=frozenset(addresses))
    advert = dataclasses.replace(ADVERT_V3, addresses=addresses)
    came = datagram(source=ipaddress.IPv6Address("fe80::1"), destination=packet.GROUP_IPV6)
    verify(advert, came, expected, frozenset())
    assert [remark for remark, _ in remarks(advert, came, expected)] == found


UNICAST = dataclasses.replace(EXPECTED, peers=(UnicastPeer(address=PEER),))


def test_between_unicast_peers_the_ttl_says_nothing_unless_it_is_bounded() -> None:
    verify(ADVERT, datagram(3, destination=HERE), UNICAST, frozenset())
    bounded = dataclasses.replace(UNICAST, peers=(UnicastPeer(address=PEER, min_ttl=250, max_ttl=254),))
    verify(ADVERT, datagram(250, destination=HERE), bounded, frozenset())
    for ttl in (249, 255):
        assert refusal(ADVERT, datagram(ttl, destination=HERE), bounded) is Refusal.TTL
    assert refusal(ADVERT, datagram(252, HERE, VIP), bounded) is Refusal.SENDER


def test_unicast_peers_do_not_listen_to_the_group() -> None:
    assert refusal(ADVERT, datagram(), UNICAST) is Refusal.DESTINATION


def test_a_unicast_advert_of_a_stranger_is_remarked_or_refused_as_configured() -> None:
    stranger = datagram(source=VIP, destination=HERE)
    verify(ADVERT, stranger, UNICAST, frozenset())
    assert [remark for remark, _ in remarks(ADVERT, stranger, UNICAST)] == [Remark.SENDER]
    assert refusal(ADVERT, stranger, dataclasses.replace(UNICAST, peers_only=True)) is Refusal.SENDER
    verify(ADVERT, datagram(destination=HERE), dataclasses.replace(UNICAST, peers_only=True), frozenset())


def test_a_unicast_advert_passes_where_multicast_is_expected_if_it_is_of_this_segment() -> None:
    verify(ADVERT, datagram(destination=HERE), EXPECTED, frozenset())
    assert refusal(ADVERT, datagram(64, destination=HERE), EXPECTED) is Refusal.TTL


def test_the_old_unicast_checksum_is_heard_between_peers_unless_it_never_is() -> None:
    old = dataclasses.replace(ADVERT_V3, checksum_form=ChecksumForm.OLD_UNICAST)
    peers = dataclasses.replace(EXPECTED_V3, peers=UNICAST.peers)
    verify(old, datagram(destination=HERE), peers, frozenset())
    never = dataclasses.replace(peers, old_checksum=False)
    assert refusal(old, datagram(destination=HERE), never) is Refusal.CHECKSUM
    verify(ADVERT_V3, datagram(destination=HERE), never, frozenset())
    assert refusal(old, datagram(destination=HERE), EXPECTED_V3) is Refusal.CHECKSUM


def test_over_ipv6_version_2_has_a_kind_of_authentication_and_no_password() -> None:
    came = datagram(source=ipaddress.IPv6Address("fe80::1"), destination=packet.GROUP_IPV6)
    advert = dataclasses.replace(ADVERT, addresses=(LINK_LOCAL, VIP6), auth_data=bytes(8))
    expected = dataclasses.replace(EXPECTED, addresses=frozenset({LINK_LOCAL, VIP6}), auth_data=bytes(8))
    verify(advert, came, expected, frozenset())
    for changes, reason in (
        ({"auth_type": AuthType.NONE}, Refusal.AUTH_TYPE),
        ({"auth_type": AuthType.AH}, Refusal.AUTH_TYPE),
        ({"interval": Seconds(3.0)}, Refusal.INTERVAL),
        ({"addresses": (LINK_LOCAL,)}, Refusal.ADDRESS_COUNT),
        ({"addresses": (LINK_LOCAL, HERE)}, Refusal.ADDRESS_LIST),
    ):
        assert refusal(dataclasses.replace(advert, **changes), came, expected) is reason


def test_adverts_to_another_group_are_refused_where_the_group_is_known() -> None:
    other = datagram(destination=ipaddress.IPv4Address("224.0.0.77"))
    known = dataclasses.replace(EXPECTED, group=packet.GROUP_IPV4)
    verify(ADVERT, other, EXPECTED, frozenset())
    assert refusal(ADVERT, other, known) is Refusal.DESTINATION
    verify(ADVERT, datagram(), known, frozenset())


def test_the_addresses_of_a_familiar_sender_are_not_compared_again() -> None:
    strange = dataclasses.replace(ADVERT, addresses=(HERE,))
    assert refusal(strange, datagram(), EXPECTED) is Refusal.ADDRESS_LIST
    verify(strange, datagram(), EXPECTED, frozenset(), familiar=True)


def test_an_authentication_header_is_demanded_where_it_is_configured_and_refused_elsewhere() -> None:
    plain = dataclasses.replace(ADVERT, auth_type=AuthType.AH, auth_data=bytes(8))
    wanted = dataclasses.replace(EXPECTED, auth_type=AuthType.AH, auth_data=packet.padded_password(b"abcd"))
    data = ah.wrap(packet.encode(plain), PEER, packet.GROUP_IPV4, 255, 7, b"abcd")
    sealed = ah.unwrap(dataclasses.replace(datagram(), payload=data[20:], header=data[:20]))
    verify(plain, sealed, wanted, frozenset())
    assert refusal(plain, datagram(), wanted) is Refusal.AUTH_TYPE
    assert refusal(plain, sealed, EXPECTED) is Refusal.AUTH_TYPE
    assert refusal(ADVERT, sealed, EXPECTED) is Refusal.AUTH_TYPE
    assert refusal(plain, sealed, dataclasses.replace(wanted, auth_data=PASSWORD)) is Refusal.AUTH_DATA
