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

from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import AuthType, ChecksumForm
from bascule.vrrp import packet
from bascule.vrrp.packet import Advert, Datagram, Refusal, RefusedPacketError

PEER = ipaddress.IPv4Address("192.168.2.210")
VIP = ipaddress.IPv4Address("192.168.2.240")
PASSWORD = packet.padded_password(b"1111")

# Captured from keepalived 2.2.7: VRID 51, priority 100, advert_int 1, PASS 1111, VIP 192.168.2.240.
KEEPALIVED = bytes.fromhex("21336401010153cfc0a802f03131313100000000")
KEEPALIVED_STOPS = bytes.fromhex("213300010101b7cfc0a802f03131313100000000")
# The VRRP message inside keepalived's authentication header: VRID 55, VIP 192.168.2.244.
KEEPALIVED_AH = bytes.fromhex("213764010201b529c0a802f40000000000000000")
# Version 3, VRID 52, two addresses, 50 centiseconds, and when it stops.
KEEPALIVED_V3 = bytes.fromhex("3134640200323f55c0a802f1c0a802f2")
KEEPALIVED_V3_STOPS = bytes.fromhex("313400020032a355c0a802f1c0a802f2")
# Version 3 over IPv6, VRID 53, from fe80::e4f8:26ff:feab:817a.
KEEPALIVED_V6 = bytes.fromhex("313564020032e232fe800000000000000000000000000053fd020000000000000000000000000240")
KEEPALIVED_V6_STOPS = bytes.fromhex("3135000200324633fe800000000000000000000000000053fd020000000000000000000000000240")
# FRR's vrrpd: VRID 61, priority 200, 500 ms, from 192.168.2.212 and from fe80::200:5eff:fe00:23d.
FRR_V3 = bytes.fromhex("313dc80100329ee5c0a802f5")
FRR_V6 = bytes.fromhex("313dc8010032a7ebfd020000000000000000000000000245")
# FRR in version 2, VRID 62, stops.
FRR_V2_STOPS = bytes.fromhex("213e000100011b21c0a802f60000000000000000")

PEER6 = ipaddress.IPv6Address("fe80::e4f8:26ff:feab:817a")
FRR_PEER = ipaddress.IPv4Address("192.168.2.212")
FRR_PEER6 = ipaddress.IPv6Address("fe80::200:5eff:fe00:23d")

ADVERT = Advert(
    vrid=Vrid(51),
    priority=Priority(100),
    interval=Seconds(1.0),
    addresses=(VIP,),
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


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Refusal.TRUNCATED),
        (KEEPALIVED[:7], Refusal.TRUNCATED),
        (KEEPALIVED[:-1], Refusal.TRUNCATED),
        (KEEPALIVED[:12], Refusal.TRUNCATED),
        (KEEPALIVED + b"\0", Refusal.TRAILING),
        (b"\x41" + KEEPALIVED[1:], Refusal.VERSION),
        (b"\x11" + KEEPALIVED[1:], Refusal.VERSION),
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
        packet.decode(datagram(bytes(data)))


ADVERT_V3 = Advert(
    vrid=Vrid(52),
    priority=Priority(100),
    interval=Seconds(0.5),
    addresses=(ipaddress.IPv4Address("192.168.2.241"), ipaddress.IPv4Address("192.168.2.242")),
    version=3,
    checksum_form=ChecksumForm.PSEUDO_HEADER,
)
ADVERT_V6 = dataclasses.replace(
    ADVERT_V3,
    vrid=Vrid(53),
    addresses=(ipaddress.IPv6Address("fe80::53"), ipaddress.IPv6Address("fd02::240")),
)
ADVERT_FRR = dataclasses.replace(
    ADVERT_V3, vrid=Vrid(61), priority=Priority(200), addresses=(ipaddress.IPv4Address("192.168.2.245"),)
)
ADVERT_FRR6 = dataclasses.replace(ADVERT_FRR, addresses=(ipaddress.IPv6Address("fd02::245"),))


def datagram_v3(payload: bytes, source: IPAddress = PEER) -> Datagram:
    return Datagram(payload=payload, source=source, destination=packet.group_of(source.version))


def stopped(advert: Advert) -> Advert:
    return dataclasses.replace(advert, priority=packet.PRIORITY_STOP)


@pytest.mark.parametrize(
    ("payload", "source", "advert"),
    [
        (KEEPALIVED_V3, PEER, ADVERT_V3),
        (KEEPALIVED_V3_STOPS, PEER, stopped(ADVERT_V3)),
        (KEEPALIVED_V6, PEER6, ADVERT_V6),
        (KEEPALIVED_V6_STOPS, PEER6, stopped(ADVERT_V6)),
        (FRR_V3, FRR_PEER, ADVERT_FRR),
        (FRR_V6, FRR_PEER6, ADVERT_FRR6),
    ],
)
def test_version_3_of_keepalived_and_frr_is_read_and_written_byte_for_byte(
    payload: bytes, source: IPAddress, advert: Advert
) -> None:
    assert packet.decode(datagram_v3(payload, source)) == advert
    assert packet.encode(advert, source) == payload


def test_frrs_version_2_is_read_and_written_byte_for_byte() -> None:
    advert = packet.decode(datagram(FRR_V2_STOPS))
    assert (advert.vrid, advert.priority, advert.auth_type) == (62, 0, AuthType.NONE)
    assert packet.encode(advert) == FRR_V2_STOPS


def test_a_checksum_over_the_message_alone_is_received_over_ipv4_and_told_from_the_other() -> None:
    alone = dataclasses.replace(ADVERT_V3, checksum_form=ChecksumForm.MESSAGE)
    payload = packet.encode(alone, PEER)
    assert payload != KEEPALIVED_V3
    assert packet.checksum(payload) == 0
    assert packet.decode(datagram_v3(payload)) == alone


def test_a_checksum_over_the_message_alone_is_refused_over_ipv6() -> None:
    payload = packet.encode(dataclasses.replace(ADVERT_V6, checksum_form=ChecksumForm.MESSAGE))
    with pytest.raises(RefusedPacketError, match="checksum"):
        packet.decode(datagram_v3(payload, PEER6))


def test_a_checksum_with_the_pseudo_header_needs_the_source() -> None:
    with pytest.raises(ValueError, match="needs the source"):
        packet.encode(ADVERT_V3)


def test_a_unicast_advert_has_its_destination_in_the_checksum() -> None:
    payload = packet.encode(ADVERT_V3, PEER, FRR_PEER)
    there = Datagram(payload=payload, source=PEER, destination=FRR_PEER)
    assert packet.decode(there) == ADVERT_V3
    with pytest.raises(RefusedPacketError, match="checksum"):
        packet.decode(datagram_v3(payload))


@pytest.mark.parametrize(
    ("payload", "source", "reason"),
    [
        (KEEPALIVED_V3[:7], PEER, Refusal.TRUNCATED),
        (KEEPALIVED_V3[:-1], PEER, Refusal.TRUNCATED),
        (KEEPALIVED_V3 + b"\0", PEER, Refusal.TRAILING),
        (KEEPALIVED_V6, PEER, Refusal.TRAILING),
        (KEEPALIVED_V3, PEER6, Refusal.TRUNCATED),
        (KEEPALIVED, PEER6, Refusal.TRUNCATED),
        (b"\x32" + KEEPALIVED_V3[1:], PEER, Refusal.TYPE),
        (KEEPALIVED_V3, FRR_PEER, Refusal.CHECKSUM),
        (KEEPALIVED_V6, FRR_PEER6, Refusal.CHECKSUM),
        (resummed(KEEPALIVED_V3, b1=0), PEER, Refusal.VRID),
        (resummed(KEEPALIVED_V3, b5=0), PEER, Refusal.INTERVAL),
        (resummed(KEEPALIVED_V3, b4=0xF0, b5=0), PEER, Refusal.INTERVAL),
        (resummed(KEEPALIVED_V3[:8], b3=0), PEER, Refusal.ADDRESS_COUNT),
    ],
)
def test_bytes_that_are_no_advert_of_version_3_are_refused_with_the_reason(
    payload: bytes, source: IPAddress, reason: Refusal
) -> None:
    with pytest.raises(RefusedPacketError) as caught:
        packet.decode(datagram_v3(payload, source))
    assert caught.value.reason is reason


def test_reserved_bits_are_not_looked_at_and_the_interval_has_twelve() -> None:
    found = packet.decode(datagram_v3(resummed(KEEPALIVED_V3, b4=0xFF, b5=0xFF)))
    assert found.interval == 40.95
    assert packet.encode(dataclasses.replace(ADVERT_V3, interval=Seconds(40.95)), PEER)[4:6] == b"\x0f\xff"
    assert packet.encode(dataclasses.replace(ADVERT_V3, interval=Seconds(0.01)), PEER)[4:6] == b"\x00\x01"


def of_version_3(family: int, forms: st.SearchStrategy[ChecksumForm]) -> st.SearchStrategy[Advert]:
    return st.builds(
        Advert,
        vrid=st.integers(1, 255).map(Vrid),
        priority=st.integers(0, 255).map(Priority),
        interval=st.integers(1, packet.INTERVAL_MAX).map(lambda number: Seconds(number / 100)),
        addresses=st.lists(st.ip_addresses(v=family), min_size=1, max_size=40).map(tuple),  # type: ignore[arg-type]
        version=st.just(3),
        checksum_form=forms,
    )


FORMS = st.sampled_from((ChecksumForm.PSEUDO_HEADER, ChecksumForm.MESSAGE))


@given(of_version_3(4, FORMS), st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_what_is_written_in_version_3_is_read_again(advert: Advert, source: IPAddress, destination: IPAddress) -> None:
    data = packet.encode(advert, source, destination)
    found = packet.decode(Datagram(payload=data, source=source, destination=destination))
    either = packet.checksum(packet.pseudo_header(source, destination, len(data))) == 0
    assert found == advert or (either and dataclasses.replace(found, checksum_form=advert.checksum_form) == advert)


@given(of_version_3(6, st.just(ChecksumForm.PSEUDO_HEADER)), st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_what_is_written_over_ipv6_is_read_again(advert: Advert, source: IPAddress, destination: IPAddress) -> None:
    data = packet.encode(advert, source, destination)
    assert packet.decode(Datagram(payload=data, source=source, destination=destination)) == advert


@given(st.sampled_from((KEEPALIVED_V3, FRR_V3, KEEPALIVED_V6)), st.sampled_from((PEER, PEER6)), st.data())
def test_damaged_packets_of_version_3_raise_nothing_but_a_refusal(
    payload: bytes, source: IPAddress, data: st.DataObject
) -> None:
    damaged = bytearray(payload)
    damaged[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(payload)))])
    honest = data.draw(st.booleans()) and len(cut) >= 8
    with contextlib.suppress(RefusedPacketError):
        packet.decode(datagram_v3(resummed(cut) if honest else cut, source))
