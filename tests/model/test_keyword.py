# SPDX-License-Identifier: Apache-2.0
"""Twin of `model/keyword`: its form as JSON."""

from __future__ import annotations

from bascule.model.base import from_json, to_json
from bascule.model.keyword import ArgumentDescription, KeywordDescription


def test_a_description_travels_as_json() -> None:
    argument = ArgumentDescription(shown="N", range="1..255")
    keyword = KeywordDescription(path="a/b", usage="b N", arguments=(argument,), acted_on=True)
    assert b'"arguments":[{"shown":"N","range":"1..255","optional":false,"repeats":false}]' in to_json(keyword)
    assert from_json(to_json(keyword), KeywordDescription) == keyword
