# SPDX-License-Identifier: Apache-2.0
"""Whose time comes next: as a plain dictionary would say it."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bascule.daemon.roles.vrrp_agenda import Agenda

names = st.sampled_from("abcd")
finite = st.integers(0, 20).map(float)
times = st.one_of(finite, st.just(math.inf))
steps = st.one_of(st.tuples(names, times), st.tuples(names, st.none()), st.tuples(st.none(), finite))


@given(st.lists(steps, max_size=60))
def test_it_says_what_a_dictionary_says(done: list[tuple[str | None, float | None]]) -> None:
    agenda, plain = Agenda(), dict[str, float]()
    for name, at in done:
        if name is None:
            assert at is not None
            assert sorted(agenda.due(at)) == sorted(key for key, value in plain.items() if value <= at)
        elif at is None:
            agenda.drop(name)
            plain.pop(name, None)
        else:
            agenda.put(name, at)
            plain[name] = at
        assert agenda.deadline() == min(plain.values(), default=math.inf)


def test_what_is_due_stays_so_until_its_time_is_another() -> None:
    agenda = Agenda()
    agenda.put("a", 2.0)
    agenda.put("b", 1.0)
    assert agenda.due(0.5) == []
    assert agenda.due(2.0) == agenda.due(3.0) == ["b", "a"]
    agenda.put("b", 5.0)
    assert agenda.due(3.0) == ["a"]
    assert agenda.deadline() == 2.0
