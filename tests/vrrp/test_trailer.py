# SPDX-License-Identifier: Apache-2.0
"""The trailer of `auth_hmac`. The vectors were worked out by hand with `openssl dgst -sha256 -mac HMAC`, from the
layout that the module's head describes; no packet of keepalived 2.4 was at hand."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import AuthHmac, HmacKey, HmacMode
from bascule.vrrp import packet, trailer
from bascule.vrrp.packet import Datagram, Refusal, RefusedPacketError
from bascule.vrrp.trailer import SIZE, Guard, is_authentic, seconds_between, sequence_at, signed, split

SENDER, OTHER = ipaddress.IPv4Address("192.0.2.10"), ipaddress.IPv4Address("192.0.2.11")
SENDER6 = ipaddress.IPv6Address("2001:db8::10")
SECRET = bytes(range(32))
NEW = bytes(range(32, 64))
TIME = 1_750_000_000.5
START = "01010000684ee18080000000"
ADVERT = bytes.fromhex("3133c8010064573dc0000264")
VECTORS: list[tuple[IPAddress, str, str]] = [
    (SENDER, "3133c8010064573dc0000264", "4a2a1b3424705c8a35f0e48a2ed0f117"),
    (SENDER, "2133c80100015465c00002640000000000000000", "5edd4c50d1733c206d6d070dbc42ce4d"),
    (SENDER6, "3133c8010064da7efe800000000000000000000000000001", "22009508bdba2027636beb828e4b962c"),
]


def settings(mode: HmacMode = HmacMode.ENFORCE, active: int = 1, monotonic: bool = False) -> AuthHmac:
    return AuthHmac(
        keys=(HmacKey(number=1, secret=SECRET), HmacKey(number=2, secret=NEW)),
        active_key=active,
        window=Seconds(5.0),
        monotonic=monotonic,
        mode=mode,
    )


def guard(mode: HmacMode = HmacMode.ENFORCE, active: int = 1, monotonic: bool = False) -> Guard:
    return Guard(settings(mode, active, monotonic), {1: SECRET, 2: NEW})


def heard(data: bytes, source: IPAddress = SENDER) -> Datagram:
    return split(Datagram(payload=data, source=source))


def refusal(receiver: Guard, datagram: Datagram, time: float = TIME) -> Refusal:
    with pytest.raises(RefusedPacketError) as caught:
        receiver.check(datagram, time)
    return caught.value.reason


@pytest.mark.parametrize(("source", "advert", "mac"), VECTORS, ids=["v3", "v2", "v3-ipv6"])
def test_vectors(source: IPAddress, advert: str, mac: str) -> None:
    made = signed(bytes.fromhex(advert), source, 1, SECRET, sequence_at(TIME))
    assert made.hex() == advert + START + mac
    found = heard(made, source)
    assert found.payload.hex() == advert
    assert found.trailer is not None
    assert (found.trailer.key, found.trailer.sequence) == (1, 0x684EE18080000000)
    guard().check(found, TIME)


@given(st.integers(0, len(ADVERT) + SIZE - 1), st.integers(0, 7))
def test_no_bit_may_change(at: int, bit: int) -> None:
    changed = bytearray(guard().sign(ADVERT, SENDER, TIME))
    changed[at] ^= 1 << bit
    found = heard(bytes(changed))
    if found.trailer is None:
        assert at in (0, 3, len(ADVERT)), "the version, the number of addresses, the trailer's kind"
    elif at in (len(ADVERT) + 2, len(ADVERT) + 3):
        assert is_authentic(found.payload, found.trailer, SENDER, SECRET), "what means nothing is not looked at"
    else:
        assert refusal(guard(), found) is Refusal.AUTH_DATA


def test_it_is_bound_to_its_sender() -> None:
    assert refusal(guard(), heard(guard().sign(ADVERT, SENDER, TIME), OTHER)) is Refusal.AUTH_DATA


def test_what_has_no_trailer_is_left_as_it_is() -> None:
    for data in (ADVERT, ADVERT + bytes(SIZE), ADVERT + bytes(SIZE - 1), b"", b"\x31"):
        assert split(Datagram(payload=data, source=SENDER)) == Datagram(payload=data, source=SENDER)


def test_modes() -> None:
    plain = heard(ADVERT)
    forged = heard(Guard(settings(), {1: NEW}).sign(ADVERT, SENDER, TIME))
    for mode in HmacMode:
        receiver = guard(mode)
        assert refusal(receiver, forged) is Refusal.AUTH_DATA
        receiver.check(heard(guard().sign(ADVERT, SENDER, TIME)), TIME)
        assert receiver.signs is (mode is not HmacMode.RECEIVE_ONLY)
        assert (receiver.sign(ADVERT, OTHER, TIME) != ADVERT) is receiver.signs
        if mode is HmacMode.ENFORCE:
            assert refusal(receiver, plain) is Refusal.AUTH_TYPE
        else:
            receiver.check(plain, TIME)


def test_keys_are_rotated_without_a_gap() -> None:
    receiver = guard()
    sender = guard()
    receiver.check(heard(sender.sign(ADVERT, SENDER, TIME)), TIME)
    sender.change(settings(active=2), {1: SECRET, 2: NEW})
    second = heard(sender.sign(ADVERT, SENDER, TIME))
    assert second.trailer is not None
    assert second.trailer.key == 2
    receiver.check(second, TIME)
    receiver.change(settings(active=2), {2: NEW})
    assert refusal(receiver, heard(guard().sign(ADVERT, SENDER, TIME + 1))) is Refusal.AUTH_DATA
    assert refusal(receiver, second) is Refusal.REPLAY, "what was heard stays heard"


def test_what_is_old_or_from_the_future_is_stale_unless_only_the_order_counts() -> None:
    for difference, stale in ((0, False), (5, False), (-5, False), (6.5, True), (-6.5, True)):
        made = heard(guard().sign(ADVERT, SENDER, TIME + difference))
        guard(monotonic=True).check(made, TIME)
        if stale:
            assert refusal(guard(), made) is Refusal.STALE
        else:
            guard().check(made, TIME)


def test_nothing_is_heard_twice_though_senders_have_an_order_each() -> None:
    receiver, sender, another = guard(), guard(), guard()
    first, second = (sender.sign(ADVERT, SENDER, TIME) for _ in range(2))
    receiver.check(heard(second), TIME)
    assert refusal(receiver, heard(first)) is Refusal.REPLAY
    assert refusal(receiver, heard(second)) is Refusal.REPLAY
    receiver.check(heard(another.sign(ADVERT, OTHER, TIME - 3), OTHER), TIME)
    receiver.check(heard(sender.sign(ADVERT, SENDER, TIME - 100)), TIME)


def test_the_wrap_of_the_seconds_is_a_non_event() -> None:
    wrap = float(1 << 32)
    receiver, sender = guard(), guard()
    for time in (wrap - 1, wrap - 0.25, wrap + 0.5, wrap + 1):
        receiver.check(heard(sender.sign(ADVERT, SENDER, time)), time)
    assert seconds_between(sequence_at(wrap + 2), wrap - 1) == 3
    assert seconds_between(sequence_at(wrap - 1), wrap + 2) == -3


def test_a_farewell_for_later_is_above_what_is_sent_until_then() -> None:
    sender, receiver = guard(), guard()
    farewell = heard(sender.sign_for(ADVERT, SENDER, TIME + 1.25))
    receiver.check(heard(sender.sign(ADVERT, SENDER, TIME + 1)), TIME + 1)
    receiver.check(farewell, TIME + 1)
    assert guard(HmacMode.RECEIVE_ONLY).sign_for(ADVERT, SENDER, TIME) == ADVERT


def test_few_senders_are_remembered() -> None:
    receiver = guard()
    sources = [ipaddress.IPv4Address(number) for number in range(1, trailer.SENDERS_MAX + 2)]
    adverts = [heard(guard().sign(ADVERT, source, TIME), source) for source in sources]
    for advert in adverts:
        receiver.check(advert, TIME)
    receiver.check(adverts[0], TIME)
    assert refusal(receiver, adverts[-1]) is Refusal.REPLAY


@given(st.binary(max_size=120))
def test_random_bytes_are_refused_or_have_none(data: bytes) -> None:
    found = heard(data)
    assert refusal(guard(), found) in (Refusal.AUTH_TYPE, Refusal.AUTH_DATA)
    guard(HmacMode.PERMISSIVE).check(dataclasses.replace(found, trailer=None), TIME)


def test_the_size_is_as_published() -> None:
    assert SIZE == 28
    assert packet.advert_size(Datagram(payload=ADVERT, source=SENDER)) == len(ADVERT)
