# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.bfd.packet import (
    TTL,
    Control,
    Diagnostic,
    Refusal,
    RefusedControlError,
    SessionState,
    check_hops,
    decode,
    encode,
)

WORD = st.integers(0, 0xFFFFFFFF)

controls = st.builds(
    Control,
    state=st.sampled_from(SessionState),
    multiplier=st.integers(1, 255),
    mine=st.integers(1, 0xFFFFFFFF),
    yours=st.integers(1, 0xFFFFFFFF),
    desired_min_tx=WORD,
    required_min_rx=WORD,
    required_min_echo_rx=WORD,
    diagnostic=st.integers(0, 31),
    poll=st.booleans(),
    final=st.booleans(),
    demand=st.booleans(),
    control_plane_independent=st.booleans(),
)

UP = Control(state=SessionState.UP, multiplier=3, mine=1, yours=2, desired_min_tx=300_000, required_min_rx=300_000)


def test_a_packet_byte_by_byte() -> None:
    sent = dataclasses.replace(UP, diagnostic=Diagnostic.NEIGHBOUR_DOWN, poll=True, mine=0x01020304)
    assert encode(sent).hex(" ", 4) == "23e00318 01020304 00000002 000493e0 000493e0 00000000"


@given(controls)
def test_what_was_encoded_is_decoded(control: Control) -> None:
    assert decode(encode(control)) == control
    assert decode(encode(control) + b"more") == control


@given(st.binary(max_size=40))
def test_hostile_bytes_raise_nothing_else(payload: bytes) -> None:
    with contextlib.suppress(RefusedControlError):
        control = decode(payload)
        assert control.mine
        assert control.multiplier


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, 0x00, Refusal.VERSION),
        (0, 0x40, Refusal.VERSION),
        (1, 0xC4, Refusal.AUTHENTICATION),
        (1, 0xC1, Refusal.MULTIPOINT),
        (2, 0, Refusal.MULTIPLIER),
        (3, 23, Refusal.LENGTH),
        (3, 25, Refusal.LENGTH),
    ],
)
def test_what_is_wrong_has_a_name(place: int, value: int, reason: Refusal) -> None:
    packet = bytearray(encode(UP))
    packet[place] = value
    with pytest.raises(RefusedControlError) as caught:
        decode(bytes(packet))
    assert caught.value.reason is reason


def test_discriminators_that_cannot_be() -> None:
    packet = encode(UP)
    for broken in (packet[:4] + bytes(4) + packet[8:], packet[:8] + bytes(4) + packet[12:]):
        with pytest.raises(RefusedControlError) as caught:
            decode(broken)
        assert caught.value.reason is Refusal.DISCRIMINATOR
    down = encode(dataclasses.replace(UP, state=SessionState.DOWN, yours=0))
    assert decode(down).yours == 0


def test_a_packet_that_is_cut_short() -> None:
    with pytest.raises(RefusedControlError) as caught:
        decode(encode(UP)[:23])
    assert caught.value.reason is Refusal.TRUNCATED


@pytest.mark.parametrize(
    "changes", [{"multiplier": 0}, {"mine": 0}, {"diagnostic": 32}, {"yours": 1 << 32}, {"required_min_rx": -1}]
)
def test_numbers_that_do_not_fit_are_not_sent(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="Control"):
        encode(dataclasses.replace(UP, **changes))  # type: ignore[arg-type]


def test_how_far_a_packet_may_come_from() -> None:
    check_hops(TTL, 0)
    check_hops(TTL - 2, 2)
    check_hops(1, None)
    with pytest.raises(RefusedControlError) as caught:
        check_hops(TTL - 3, 2)
    assert caught.value.reason is Refusal.HOPS
