# SPDX-License-Identifier: Apache-2.0
"""Values of the model's structs for Hypothesis, made from the structs' own fields."""

from __future__ import annotations

import ipaddress
import typing
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st

T = TypeVar("T")

st.register_type_strategy(ipaddress._BaseAddress, st.ip_addresses())
st.register_type_strategy(float, st.floats(0, 2**33))
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))
"""What MessagePack can carry, and no NaN, which is unequal to itself."""


def values(kind: type[T]) -> st.SearchStrategy[T]:
    """Values of a struct, or of anything that Hypothesis knows."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return st.from_type(kind)
    hints = typing.get_type_hints(kind)
    names = [field.name for field in msgspec.structs.fields(kind)]
    return st.builds(kind, **{name: _field(hints[name]) for name in names})


def _field(hint: Any) -> st.SearchStrategy[Any]:
    """Values of one field: structs below it are built in the same way."""
    if isinstance(hint, typing.NewType):
        return _field(hint.__supertype__)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
        return st.lists(_field(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(*(_field(argument) for argument in arguments), max_size=2)
    if arguments:
        return st.one_of(*(_field(argument) for argument in arguments))
    return values(hint)
