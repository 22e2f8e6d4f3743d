# SPDX-License-Identifier: Apache-2.0
"""The authentication header: packets of keepalived 2.2.7 as they were captured, and what may not pass."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vrrp import ah, packet
from bascule.vrrp.ah import SEQUENCE_MAX, Header, Sequences, is_authentic, unwrap, wrap
from bascule.vrrp.packet import Datagram, Refusal, RefusedPacketError

SENDER = ipaddress.IPv4Address("192.168.2.211")
PEER = ipaddress.IPv4Address("192.168.2.212")
# From keepalived 2.2.7, auth_pass abcd: to the group, and to a unicast peer with TTL 64.
BY_MULTICAST = bytes.fromhex(
    "45c0004000010000ff33173cc0a802d3e000001270040000c0a802d300000001c290346 0c7bf8326cda123ea"
    "213364010201b530c0a802f10000000000000000".replace(" ", "")
)
BY_UNICAST = bytes.fromhex(
    "45c00040000100004033f2d2c0a802d3c0a802d470040000c0a802d30000000121dfa7f86811400da2a802be"
    "213364010201b530c0a802f10000000000000000"
)
MESSAGE = BY_MULTICAST[44:]


def heard(data: bytes) -> Datagram:
    """A packet as it comes from the socket."""
    return Datagram(
        payload=data[20:],
        source=ipaddress.IPv4Address(data[12:16]),
        destination=ipaddress.IPv4Address(data[16:20]),
        ttl=data[8],
        header=data[:20],
    )


def header_of(data: bytes) -> Header:
    found = unwrap(heard(data)).ah
    assert found is not None
    return found


@pytest.mark.parametrize("data", [BY_MULTICAST, BY_UNICAST], ids=["multicast", "unicast"])
def test_keepalived_is_understood(data: bytes) -> None:
    found = unwrap(heard(data))
    assert found.payload == MESSAGE
    assert packet.decode(found).priority == 100
    header = header_of(data)
    assert (header.spi, header.sequence) == (int(SENDER), 1)
    assert is_authentic(header, b"abcd")
    assert not is_authentic(header, b"abce")


@pytest.mark.parametrize(
    ("data", "destination", "ttl"), [(BY_MULTICAST, packet.GROUP_IPV4, 255), (BY_UNICAST, PEER, 64)]
)
def test_what_is_sent_is_keepaliveds_byte_for_byte(data: bytes, destination: ipaddress.IPv4Address, ttl: int) -> None:
    made = wrap(MESSAGE, SENDER, destination, ttl, 1, b"abcd")
    # The kernel fills in the checksum of the IP header.
    assert made[:10] + data[10:12] + made[12:] == data


@pytest.mark.parametrize("at", [4, 12, 19, 22, 24, 28, 32, 43, 44, 46, 52, 63])
def test_no_byte_that_is_covered_may_change(at: int) -> None:
    changed = bytearray(BY_MULTICAST)
    changed[at] ^= 1
    assert not is_authentic(header_of(bytes(changed)), b"abcd")


def test_what_changes_on_the_way_is_not_covered_with_the_ttl_or_without() -> None:
    data = bytearray(BY_UNICAST)
    data[1], data[8], data[10] = 0x20, 9, 0x77
    assert is_authentic(header_of(bytes(data)), b"abcd")


@pytest.mark.parametrize("at", [20, 21])
def test_a_header_before_something_else_or_of_another_size_is_refused(at: int) -> None:
    changed = bytearray(BY_MULTICAST)
    changed[at] += 1
    with pytest.raises(RefusedPacketError) as caught:
        unwrap(heard(bytes(changed)))
    assert caught.value.reason is Refusal.AUTH_DATA


def test_a_header_that_is_none_is_refused() -> None:
    for size in (0, 23):
        with pytest.raises(RefusedPacketError) as caught:
            unwrap(heard(BY_MULTICAST[: 20 + size]))
        assert caught.value.reason is Refusal.TRUNCATED
    with pytest.raises(RefusedPacketError):
        unwrap(dataclasses.replace(heard(BY_MULTICAST), header=b""))


def test_numbers_go_on_from_what_was_heard_and_none_is_taken_twice() -> None:
    numbers = Sequences(100)
    assert numbers.next() == 101
    numbers.hear(PEER, 500)
    assert numbers.next() == 501
    for used in (500, 499, 0):
        with pytest.raises(RefusedPacketError) as caught:
            numbers.hear(PEER, used)
        assert caught.value.reason is Refusal.REPLAY
    numbers.hear(SENDER, 7)
    numbers.hear(PEER, 501)
    assert numbers.next() == 502


def test_after_the_last_number_it_begins_again() -> None:
    numbers = Sequences(SEQUENCE_MAX - 1)
    assert [numbers.next(), numbers.next()] == [SEQUENCE_MAX, 1]
    numbers = Sequences(5)
    numbers.hear(PEER, SEQUENCE_MAX)
    numbers.hear(PEER, 1)
    assert numbers.next() == 2
    with pytest.raises(RefusedPacketError):
        numbers.hear(PEER, 1)


def test_few_senders_are_remembered() -> None:
    numbers = Sequences(0)
    for number in range(ah.SENDERS_MAX + 1):
        numbers.hear(ipaddress.IPv4Address(number + 1), 9)
    numbers.hear(ipaddress.IPv4Address(1), 9)
    with pytest.raises(RefusedPacketError):
        numbers.hear(ipaddress.IPv4Address(ah.SENDERS_MAX + 1), 9)


@given(st.binary(max_size=80), st.binary(min_size=20, max_size=60))
def test_nothing_but_refusals_is_raised(payload: bytes, header: bytes) -> None:
    try:
        found = unwrap(Datagram(payload=payload, source=SENDER, header=header))
    except RefusedPacketError:
        return
    assert found.ah is not None
    assert not is_authentic(found.ah, b"abcd")
