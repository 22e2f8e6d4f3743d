# SPDX-License-Identifier: Apache-2.0
"""What is done with the trailer of `auth_hmac`: modes, keys, the window, what was heard before. The bytes are judged in
test_trailer_captures.py, by packets of keepalived."""

from __future__ import annotations

import dataclasses
import ipaddress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import AuthHmac, HmacKey, HmacMode
from bascule.vrrp import packet, trailer
from bascule.vrrp.packet import Datagram, Refusal, RefusedPacketError
from bascule.vrrp.trailer import SIZE, Guard, attached, is_later, seconds_between, sequence_at, split

SENDER, OTHER = ipaddress.IPv4Address("192.0.2.10"), ipaddress.IPv4Address("192.0.2.11")
SENDER6 = ipaddress.IPv6Address("2001:db8::10")
SECRET = bytes(range(32))
NEW = bytes(range(32, 64))
TIME = 1_750_000_000.5
ADVERT = bytes.fromhex("3133c8010064573dc0000264")


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


def sent(sender: Guard, time: float = TIME, source: IPAddress = SENDER) -> bytes:
    return attached(ADVERT, sender.sign(ADVERT, source, time), source)


def sequence_of(data: bytes) -> int:
    found = heard(data).trailer
    assert found is not None
    return found.sequence


def heard(data: bytes, source: IPAddress = SENDER) -> Datagram:
    return split(Datagram(payload=data, source=source))


def refusal(receiver: Guard, datagram: Datagram, time: float = TIME) -> Refusal:
    with pytest.raises(RefusedPacketError) as caught:
        receiver.check(datagram, time)
    return caught.value.reason


def test_it_is_bound_to_its_sender() -> None:
    assert refusal(guard(), heard(sent(guard()), OTHER)) is Refusal.AUTH_DATA


def test_what_has_no_trailer_is_left_as_it_is() -> None:
    for data in (ADVERT, ADVERT + bytes(SIZE), ADVERT + bytes(SIZE - 1), b"", b"\x31"):
        assert split(Datagram(payload=data, source=SENDER)) == Datagram(payload=data, source=SENDER)


def test_modes() -> None:
    plain = heard(ADVERT)
    forged = heard(sent(Guard(settings(), {1: NEW})))
    for mode in HmacMode:
        receiver = guard(mode)
        assert refusal(receiver, forged) is Refusal.AUTH_DATA
        receiver.check(heard(sent(guard())), TIME)
        assert receiver.signs is (mode is not HmacMode.RECEIVE_ONLY)
        assert (sent(receiver, TIME, OTHER) != ADVERT) is receiver.signs
        if mode is HmacMode.ENFORCE:
            assert refusal(receiver, plain) is Refusal.AUTH_TYPE
        else:
            receiver.check(plain, TIME)


def test_keys_are_rotated_without_a_gap() -> None:
    receiver = guard()
    sender = guard()
    receiver.check(heard(sent(sender)), TIME)
    sender.change(settings(active=2), {1: SECRET, 2: NEW})
    second = heard(sent(sender))
    assert second.trailer is not None
    assert second.trailer.key == 2
    receiver.check(second, TIME)
    receiver.change(settings(active=2), {2: NEW})
    assert refusal(receiver, heard(sent(guard(), TIME + 1))) is Refusal.AUTH_DATA
    assert refusal(receiver, second) is Refusal.REPLAY, "what was heard stays heard"


def test_what_is_old_or_from_the_future_is_stale_unless_only_the_order_counts() -> None:
    for difference, stale in ((0, False), (5, False), (-5, False), (6.5, True), (-6.5, True)):
        made = heard(sent(guard(), TIME + difference))
        guard(monotonic=True).check(made, TIME)
        if stale:
            assert refusal(guard(), made) is Refusal.STALE
        else:
            guard().check(made, TIME)


def test_nothing_is_heard_twice_though_senders_have_an_order_each() -> None:
    receiver, sender, another = guard(), guard(), guard()
    first, second = (sent(sender) for _ in range(2))
    receiver.check(heard(second), TIME)
    assert refusal(receiver, heard(first)) is Refusal.REPLAY
    assert refusal(receiver, heard(second)) is Refusal.REPLAY
    receiver.check(heard(sent(another, TIME - 3, OTHER), OTHER), TIME)
    receiver.check(heard(sent(sender, TIME - 4)), TIME)
    assert seconds_between(sequence_of(sent(sender, TIME - 4)), TIME) == 0, "a clock that went back a little"


def test_numbers_of_a_clock_that_was_wrong_are_forgotten_where_clocks_count() -> None:
    sender, receiver = guard(), guard()
    wrong = heard(sent(sender, TIME + 1000))
    assert refusal(guard(), wrong) is Refusal.STALE
    receiver.check(wrong, TIME + 1000)
    again = heard(sent(sender))
    receiver.check(again, TIME)
    assert refusal(receiver, again) is Refusal.REPLAY


def test_numbers_grow_whatever_clocks_do_where_only_the_order_counts() -> None:
    sender, receiver = guard(monotonic=True), guard(monotonic=True)
    first = heard(sent(sender, TIME + 1000))
    receiver.check(first, TIME)
    receiver.check(heard(sent(sender)), TIME)
    assert refusal(receiver, heard(sent(guard(monotonic=True)))) is Refusal.REPLAY, "one that begins anew, and behind"
    farewell = heard(attached(ADVERT, sender.sign_farewell(ADVERT, SENDER, TIME), SENDER))
    receiver.check(heard(sent(sender)), TIME)
    receiver.check(farewell, TIME)


def test_the_wrap_of_the_seconds_is_a_non_event() -> None:
    wrap = float(1 << 32)
    receiver, sender = guard(), guard()
    for time in (wrap - 1, wrap - 0.25, wrap + 0.5, wrap + 1, wrap + 9):
        receiver.check(heard(sent(sender, time)), time)
    assert seconds_between(sequence_at(wrap + 2), wrap - 1) == 3
    assert seconds_between(sequence_at(wrap - 1), wrap + 2) == -3
    assert is_later(0, (1 << 64) - 1)
    assert not is_later(1 << 63, 0), "half the range is neither"


@pytest.mark.parametrize(("window", "ahead"), [(1.0, 0.5), (2.0, 1.0), (5.0, 1.25), (300.0, 1.25)])
def test_a_farewell_for_later_is_above_what_is_sent_until_then(window: float, ahead: float) -> None:
    narrow = msgspec.structs.replace(settings(), window=Seconds(window))
    sender, receiver = Guard(narrow, {1: SECRET}), Guard(narrow, {1: SECRET})
    assert sender.farewell_ahead == ahead
    farewell = heard(attached(ADVERT, sender.sign_farewell(ADVERT, SENDER, TIME), SENDER))
    Guard(narrow, {1: SECRET}).check(farewell, TIME)
    last = TIME + 0.8 * ahead
    receiver.check(heard(sent(sender, last)), last)
    receiver.check(farewell, last)


def test_a_farewell_needs_a_trailer_only_where_adverts_have_one() -> None:
    assert guard(HmacMode.RECEIVE_ONLY).sign_farewell(ADVERT, SENDER, TIME) is None
    assert guard(HmacMode.PERMISSIVE).sign_farewell(ADVERT, SENDER, TIME) is not None


def test_a_clock_that_will_soon_be_refused_is_said() -> None:
    for difference, words in (
        (2, None),
        (3, "3 s ahead of our clock, 5 s are allowed"),
        (-4, "4 s behind our clock, 5 s are allowed"),
    ):
        made = heard(sent(guard(), TIME + difference))
        assert guard().check(made, TIME) == words
        assert guard(monotonic=True).check(made, TIME) is None


def test_few_senders_are_remembered() -> None:
    receiver = guard()
    sources = [ipaddress.IPv4Address(number) for number in range(1, trailer.SENDERS_MAX + 2)]
    adverts = [heard(sent(guard(), TIME, source), source) for source in sources]
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
