# SPDX-License-Identifier: Apache-2.0
"""Declared statements travel unchanged on both wires: each value keeps its type, and blocks their depth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import from_json, pack, to_json, unpack
from bascule.model.configuration import Configuration
from bascule.model.declared import Declared, DeclaredValue

VALUES: st.SearchStrategy[DeclaredValue] = st.one_of(
    st.booleans(), st.integers(-(2**31), 2**32), st.floats(0, 2**44), st.text(max_size=8)
)
WORDS = st.lists(VALUES, max_size=3).map(tuple)


def _block(inside: st.SearchStrategy[Declared]) -> st.SearchStrategy[Declared]:
    return st.builds(
        Declared,
        keyword=st.text(max_size=8),
        values=WORDS,
        lines=st.lists(WORDS, max_size=2).map(tuple),
        inside=st.lists(inside, max_size=2).map(tuple),
        whole=st.booleans(),
    )


STATEMENTS = st.recursive(st.builds(Declared, keyword=st.text(max_size=8), values=WORDS), _block, max_leaves=6)


def _types(each: Declared) -> list[type]:
    return [type(value) for words in (each.values, *each.lines) for value in words] + [
        kind for inner in each.inside for kind in _types(inner)
    ]


@given(st.lists(STATEMENTS, max_size=3).map(tuple))
def test_it_travels_unchanged(declared: tuple[Declared, ...]) -> None:
    configuration = Configuration(declared=declared)
    for back in (
        unpack(pack(configuration), Configuration),
        from_json(to_json(configuration), Configuration),
    ):
        assert back == configuration
        assert [_types(each) for each in back.declared] == [_types(each) for each in declared]


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Declared(keyword="x").values = (1,)  # type: ignore[misc]
