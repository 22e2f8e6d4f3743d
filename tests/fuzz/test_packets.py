# SPDX-License-Identifier: Apache-2.0
"""Hostile packets: nothing is raised, everything is counted by its cause; and the run that looks for more of them."""

from __future__ import annotations

import itertools
import pathlib
import random
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.linux import rawsocket
from bascule.vrrp.packet import Refusal
from tests.fuzz import packets
from tests.fuzz.packets import Director, check, mutated, seeds, strays


@given(st.binary(max_size=120), st.sampled_from([rawsocket.VRRP, rawsocket.AH]), st.integers(0, 255))
def test_random_messages(message: bytes, protocol: int, ttl: int) -> None:
    check(packets._packet(message, protocol, ttl=ttl))
    check(packets.repaired(packets._packet(message, protocol, ttl=ttl)))
    check(b"\x60" + bytes((ttl,)) + message)


@given(st.binary(max_size=120))
def test_random_packets(data: bytes) -> None:
    check(data)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(range(len(seeds()))), st.randoms(use_true_random=False)), max_size=30))
def test_good_packets_with_changes_in_a_row(choices: list[tuple[int, random.Random]]) -> None:
    director, good = Director(), seeds()
    for index, choose in choices:
        director.hear(good[index])
        director.hear(mutated(good[index], good, choose))


def test_the_seeds_are_heard_by_an_instance_each() -> None:
    director = Director()
    for data in seeds():
        director.hear(data)
    assert director.refused == {}
    assert [each.received for each in director.instances.values()] == [1] * len(seeds())
    assert len(director.instances) == len(director._configured)


def test_the_strays_are_refused_each_by_a_cause_of_its_own() -> None:
    director = Director()
    causes = [director.hear(data) for data in strays()]
    assert causes == ["address_count", "own_packet", "sender", "stale"]


def test_every_cause_of_a_refusal_is_found() -> None:
    director, good, choose = Director(), seeds() + strays(), random.Random(3)
    for data in strays():
        director.hear(data)
    for _ in range(20_000):
        director.hear(mutated(choose.choice(good), good, choose))
    assert {cause.value for cause in Refusal} - set(director.outcomes()) == set()


def test_the_same_number_is_the_same_run() -> None:
    first, second = ([data for data, *_ in itertools.islice(packets.runs(7), 50)] for _ in range(2))
    assert first == second
    assert len(set(first)) > 30


def test_packets_that_get_further_are_kept() -> None:
    steps = [known for _, _, known, _ in itertools.islice(packets.runs(1), 200)]
    assert 50 < steps[0] < steps[-1]


def test_what_raises_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(data: bytes) -> Counter[str]:
        assert data[8:9] != b"\0"
        return Counter()

    monkeypatch.setattr(packets, "check", refuse)
    monkeypatch.setattr(sys, "argv", ["packets", "--seconds", "100"])
    monkeypatch.chdir(tmp_path)
    assert packets.main() == 1
    assert "AssertionError" in capsys.readouterr().out
    (written,) = (tmp_path / "results" / "fuzz").iterdir()
    assert bytes.fromhex(written.read_text())[8] == 0


def test_a_short_run_ends_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["packets", "--seconds", "0.2"])
    assert packets.main() == 0
    text = capsys.readouterr().out
    assert "no failure" in text
    assert "  heard\n" in text
    assert "  BFD: heard\n" in text
