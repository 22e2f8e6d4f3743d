# SPDX-License-Identifier: Apache-2.0
"""Twin of `model.base`: what is packed comes back equal, in both wire forms; what is not the model's is refused."""

from __future__ import annotations

import ipaddress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import IPAddress, Model, Seconds, Weight, from_json, pack, to_json, unpack


class Sample(Model, frozen=True, kw_only=True):
    """A struct with every kind of field that the model uses."""

    address: IPAddress
    others: tuple[IPAddress, ...] = ()
    maybe: IPAddress | None = None
    weight: Weight = Weight(1)
    span: Seconds = Seconds(0.0)
    secret: bytes = b""


samples = st.builds(
    Sample,
    address=st.ip_addresses(),
    others=st.lists(st.ip_addresses(), max_size=4).map(tuple),
    maybe=st.none() | st.ip_addresses(),
    weight=st.integers(0, 65535).map(Weight),
    span=st.floats(0, 1e9).map(Seconds),
    secret=st.binary(max_size=8),
)


@given(samples)
def test_messagepack_round_trip(sample: Sample) -> None:
    assert unpack(pack(sample), Sample) == sample


@given(samples)
def test_json_round_trip(sample: Sample) -> None:
    assert from_json(to_json(sample), Sample) == sample


def test_addresses_are_text_in_json() -> None:
    sample = Sample(address=ipaddress.ip_address("192.168.2.240"), maybe=ipaddress.ip_address("2001:db8::1"))
    assert b'"address":"192.168.2.240"' in to_json(sample)
    assert b'"maybe":"2001:db8::1"' in to_json(sample)


@given(st.binary(max_size=64))
def test_foreign_bytes_raise_only_what_is_promised(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):  # ValidationError is a DecodeError
        unpack(data, Sample)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        from_json(b'{"address":"10.0.0.1","colour":"red"}', Sample)


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.256", "::g"])
def test_a_bad_address_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        from_json(msgspec.json.encode({"address": text}), Sample)


def test_what_has_no_wire_form_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="no wire form for object"):
        pack(object())


def test_a_type_that_the_wire_does_not_know_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="no wire form for complex"):
        unpack(pack(1), complex)


def test_values_are_immutable() -> None:
    sample = Sample(address=ipaddress.ip_address("10.0.0.1"))
    with pytest.raises(AttributeError):
        sample.weight = Weight(2)  # type: ignore[misc]
