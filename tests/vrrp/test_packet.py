# SPDX-License-Identifier: Apache-2.0
"""The VRRP codec against packets of keepalived 2.2.7 and FRR, made ones, and hostile ones."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import Priority, Seconds, Vrid
from bascule.model.configuration import AuthType
from bascule.vrrp import packet
from bascule.vrrp.packet import Advert, Datagram, Expected, Refusal, RefusedPacketError

PEER = ipaddress.IPv4Address("192.168.2.210")
HERE = ipaddress.IPv4Address("192.168.2.211")
VIP = ipaddress.IPv4Address("192.168.2.240")
PASSWORD = packet.padded_password(b"1111")

# Captured from keepalived 2.2.7: VRID 51, priority 100, advert_int 1, PASS 1111, VIP 192.168.2.240.
KEEPALIVED = bytes.fromhex("21336401010153cfc0a802f03131313100000000")
KEEPALIVED_STOPS = bytes.fromhex("213300010101b7cfc0a802f03131313100000000")
# The VRRP message inside keepalived's authentication header: VRID 55, VIP 192.168.2.244.
KEEPALIVED_AH = bytes.fromhex("213764010201b529c0a802f40000000000000000")
# Version 3, VRID 52, two addresses, 50 centiseconds.
KEEPALIVED_V3 = bytes.fromhex("3134640200323f55c0a802f1c0a802f2")

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


def datagram(payload: bytes, ttl: int = 255) -> Datagram:
    return Datagram(payload=payload, source=PEER, ttl=ttl)


def refusal_of(payload: bytes) -> Refusal:
    with pytest.raises(RefusedPacketError) as caught:
        packet.decode(datagram(payload))
    return caught.value.reason


def resummed(payload: bytes, **patches: int) -> bytes:
    """The payload with bytes replaced (`b4=3`: byte 4 is 3) and a checksum that fits."""
    data = bytearray(payload)
    for name, value in patches.items():
        data[int(name[1:])] = value
    data[6:8] = bytes(2)
    data[6:8] = packet.checksum(bytes(data)).to_bytes(2, "big")
    return bytes(data)


def test_keepaliveds_packets_are_read_and_written_byte_for_byte() -> None:
    assert packet.decode(datagram(KEEPALIVED)) == ADVERT
    assert packet.encode(ADVERT) == KEEPALIVED
    stops = dataclasses.replace(ADVERT, priority=packet.PRIORITY_STOP)
    assert packet.decode(datagram(KEEPALIVED_STOPS)) == stops
    assert packet.encode(stops) == KEEPALIVED_STOPS


def test_the_message_inside_an_authentication_header_is_read() -> None:
    advert = packet.decode(datagram(KEEPALIVED_AH))
    assert (advert.auth_type, advert.vrid, advert.auth_data) == (AuthType.AH, 55, bytes(8))
    assert packet.encode(advert) == KEEPALIVED_AH


def test_a_good_packet_passes() -> None:
    packet.verify(ADVERT, datagram(KEEPALIVED), EXPECTED, frozenset({HERE}))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Refusal.TRUNCATED),
        (KEEPALIVED[:7], Refusal.TRUNCATED),
        (KEEPALIVED[:-1], Refusal.TRUNCATED),
        (KEEPALIVED[:12], Refusal.TRUNCATED),
        (KEEPALIVED + b"\0", Refusal.TRAILING),
        (KEEPALIVED_V3, Refusal.VERSION),
        (resummed(KEEPALIVED, b0=0x22), Refusal.TYPE),
        (KEEPALIVED[:2] + b"\x65" + KEEPALIVED[3:], Refusal.CHECKSUM),
        (KEEPALIVED[:6] + bytes(2) + KEEPALIVED[8:], Refusal.CHECKSUM),
        (resummed(KEEPALIVED, b1=0), Refusal.VRID),
        (resummed(KEEPALIVED, b4=3), Refusal.AUTH_TYPE),
        (resummed(KEEPALIVED, b5=0), Refusal.INTERVAL),
        (resummed(KEEPALIVED[:8] + KEEPALIVED[12:], b3=0), Refusal.ADDRESS_COUNT),
        (resummed(KEEPALIVED, b3=2), Refusal.TRUNCATED),
    ],
)
def test_bytes_that_are_no_advert_are_refused_with_the_reason(payload: bytes, reason: Refusal) -> None:
    assert refusal_of(payload) is reason


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
    with pytest.raises(RefusedPacketError) as caught:
        packet.verify(advert, datagram(KEEPALIVED, ttl), EXPECTED, frozenset())
    assert caught.value.reason is reason
    assert reason.value in str(caught.value)


def test_a_packet_from_an_own_address_is_refused() -> None:
    with pytest.raises(RefusedPacketError) as caught:
        packet.verify(ADVERT, datagram(KEEPALIVED), EXPECTED, frozenset({PEER}))
    assert caught.value.reason is Refusal.OWN_PACKET


def test_the_owner_may_list_other_addresses() -> None:
    owner = dataclasses.replace(ADVERT, priority=packet.PRIORITY_OWNER, addresses=(HERE, VIP))
    packet.verify(owner, datagram(KEEPALIVED), EXPECTED, frozenset())


def test_the_order_of_the_addresses_does_not_matter() -> None:
    expected = dataclasses.replace(EXPECTED, addresses=frozenset({VIP, HERE}))
    packet.verify(dataclasses.replace(ADVERT, addresses=(HERE, VIP)), datagram(KEEPALIVED), expected, frozenset())


def test_no_password_is_ever_told() -> None:
    advert = dataclasses.replace(ADVERT, auth_data=packet.padded_password(b"secret"))
    with pytest.raises(RefusedPacketError) as caught:
        packet.verify(advert, datagram(KEEPALIVED), EXPECTED, frozenset())
    assert "secret" not in str(caught.value)
    assert "1111" not in str(caught.value)


def test_a_long_password_is_cut_and_a_short_one_filled() -> None:
    assert packet.padded_password(b"123456789") == b"12345678"
    assert packet.padded_password(b"1") == b"1" + bytes(7)


def test_the_checksum_of_an_odd_length_counts_a_zero_behind() -> None:
    assert packet.checksum(b"\x01\x02\x03") == packet.checksum(b"\x01\x02\x03\x00")


adverts = st.builds(
    Advert,
    vrid=st.integers(1, 255).map(Vrid),
    priority=st.integers(0, 255).map(Priority),
    interval=st.integers(1, 255).map(lambda number: Seconds(float(number))),
    addresses=st.lists(st.ip_addresses(v=4), min_size=1, max_size=packet.ADDRESSES_MAX).map(tuple),
    auth_type=st.sampled_from(AuthType),
    auth_data=st.binary(min_size=8, max_size=8),
)


@given(adverts)
def test_what_is_written_is_read_again(advert: Advert) -> None:
    data = packet.encode(advert)
    assert packet.checksum(data) == 0
    assert packet.decode(datagram(data)) == advert


@given(st.binary(max_size=2100))
def test_random_bytes_raise_nothing_but_a_refusal(data: bytes) -> None:
    with contextlib.suppress(RefusedPacketError):
        packet.decode(datagram(data))


@given(adverts, st.integers(0, 19), st.integers(0, 255), st.booleans())
def test_damaged_packets_raise_nothing_but_a_refusal(advert: Advert, at: int, byte: int, honest: bool) -> None:
    data = bytearray(packet.encode(advert))
    data[at] = byte
    if honest:
        data[6:8] = bytes(2)
        data[6:8] = struct.pack("!H", packet.checksum(bytes(data)))
    with contextlib.suppress(RefusedPacketError):
        found = packet.decode(datagram(bytes(data)))
        packet.verify(found, datagram(bytes(data)), EXPECTED, frozenset())
