# SPDX-License-Identifier: Apache-2.0
"""Twin of `model/change`: its form as JSON."""

from __future__ import annotations

from bascule.model.base import from_json, to_json
from bascule.model.change import Change, ChangeKind


def test_a_change_travels_as_json() -> None:
    change = Change(kind=ChangeKind.CHANGED, where="a", what="weight", before="1", after="2", text="a: weight 1 -> 2")
    assert to_json(change) == (
        b'{"kind":"changed","where":"a","what":"weight","before":"1","after":"2","text":"a: weight 1 -> 2"}'
    )
    assert from_json(to_json(change), Change) == change


def test_the_kinds_are_named_as_people_say() -> None:
    assert [kind.value for kind in ChangeKind] == ["added", "removed", "changed"]
