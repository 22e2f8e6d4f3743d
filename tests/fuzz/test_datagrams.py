# SPDX-License-Identifier: Apache-2.0
"""Hostile datagrams of planned switches and of BFD: nothing is raised, everything is counted by its cause, once."""

from __future__ import annotations

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.bfd.packet import Refusal
from bascule.vrrp.handover import Refused
from tests.fuzz import datagrams
from tests.fuzz.datagrams import Director, check, mutated, repaired, seeds

ways = st.integers(0, 7)


@settings(deadline=None)
@given(ways, st.integers(0, 255), st.binary(max_size=160))
def test_random_datagrams(way: int, ttl: int, payload: bytes) -> None:
    check(bytes((way, ttl)) + payload)
    check(repaired(bytes((way, ttl)) + payload))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(range(len(seeds()))), st.randoms(use_true_random=False)), max_size=20))
def test_good_datagrams_with_changes_in_a_row(choices: list[tuple[int, random.Random]]) -> None:
    director, good = Director(), seeds()
    for index, choose in choices:
        director.ask()
        director.hear(good[index])
        director.hear(mutated(good[index], good, choose))


def test_the_seeds_are_acted_upon() -> None:
    for data in seeds():
        outcomes = check(data)
        assert outcomes["BFD: heard" if data[0] & 1 else "planned switch: acted upon"] >= 2, (data, outcomes)


def test_every_cause_of_a_refusal_is_found() -> None:
    director, good, choose = Director(), seeds(), random.Random(3)
    outcomes = director.outcomes
    for number in range(20_000):
        if number % 200 == 0:
            director = Director()
            director.outcomes = outcomes
        if number % 20 == 0:
            director.ask()
        director.hear(mutated(choose.choice(good), good, choose))
    wanted = {f"planned switch: {cause.value}" for cause in Refused} | {f"BFD: {cause.value}" for cause in Refusal}
    assert wanted - set(outcomes) == set()


def test_the_same_number_is_the_same_run() -> None:
    first, second = ([data for data, *_ in itertools.islice(datagrams.runs(7), 50)] for _ in range(2))
    assert first == second
