# SPDX-License-Identifier: Apache-2.0
"""The heads of sequences and lists, as keepalived.conf(5) describes them."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies

from bascule.config.sequences import ROUNDS_MAX, SequenceError, rounds


def said(head: str) -> tuple[list[str], list[list[str]]]:
    """The variables and their values in all rounds."""
    names, values = rounds(head)
    return names, list(values)


@pytest.mark.parametrize(
    ("head", "values"),
    [
        ("~SEQ(n, 3)", ["1", "2", "3"]),
        ("~SEQ(n,5,7)", ["5", "6", "7"]),
        ("~SEQ(n, 1, 4, 9)", ["1", "5", "9"]),
        ("~SEQ(n, 3, 1)", ["3", "2", "1"]),
        ("~SEQ(n, 9, -4, 1)", ["9", "5", "1"]),
        ("~SEQ(n, -1, 1)", ["-1", "0", "1"]),
        ("~SEQ(n, 2, 2)", ["2"]),
        ("~SEQx(n, 8, 4, 16)", ["8", "c", "10"]),
        ("~LST(n, 7, eight)", ["7", "eight"]),
    ],
)
def test_one_variable(head: str, values: list[str]) -> None:
    assert said(head) == (["n"], [[value] for value in values])


def test_any_word_is_a_variable_though_not_all_can_be_asked_for() -> None:
    assert said("~SEQ(1n, 2)") == (["1n"], [["1"], ["2"]])


def test_several_variables_and_members_that_are_missing() -> None:
    assert said("~LST({a,b}, {1,2}, {3}, {4,5,6})") == (["a", "b"], [["1", "2"], ["3", ""], ["4", "5"]])


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("~SEQ n", "none of"),
        ("~FOO(n, 1)", "none of"),
        ("~SEQ(n)", "one to three numbers"),
        ("~SEQ(, 2)", "one to three numbers"),
        ("~LST(n)", "values"),
        ("~SEQ(n, 1, 2, 3, 4)", "one to three numbers"),
        ("~SEQ(n, x)", "'x' is not a whole number"),
        ("~SEQ(n, 1, 0, 5)", "no way in steps of 0"),
        ("~SEQ(n, 1, -1, 5)", "no way"),
        (f"~SEQ(n, {ROUNDS_MAX + 1})", "at most"),
        ("~LST({a,1}, {1,2})", "is not a variable"),
    ],
)
def test_heads_that_are_wrong(head: str, words: str) -> None:
    with pytest.raises(SequenceError, match=words):
        rounds(head)


@hypothesis.given(strategies.integers(-500, 500), strategies.integers(1, 40), strategies.integers(0, 30))
def test_a_sequence_is_a_range(start: int, step: int, count: int) -> None:
    end = start + step * count
    assert said(f"~SEQ(n, {start}, {step}, {end})")[1] == [[str(value)] for value in range(start, end + 1, step)]


def test_numbers_are_read_as_c_reads_them() -> None:
    assert said("~SEQ(N, 010, 0xa)")[1] == [["8"], ["9"], ["10"]]
    assert said("~SEQx(N, +9, 0xB)")[1] == [["9"], ["a"], ["b"]]
    for head in ("~SEQ(N, 08)", "~SEQ(N, 0x)", "~SEQx(N, -1, 1)", "~SEQ(N, 3x)"):
        with pytest.raises(SequenceError):
            rounds(head)
