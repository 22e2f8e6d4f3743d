# SPDX-License-Identifier: Apache-2.0
"""Which processes count, and for how long enough of them must run."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import Seconds
from bascule.model.tracking import ParameterMatch, TrackProcess
from bascule.vrrp.processes import Quorum, matches, needs_command_line

EXACT, PARTIAL, INITIAL = ParameterMatch.EXACT, ParameterMatch.PARTIAL, ParameterMatch.INITIAL


@pytest.mark.parametrize(
    ("command", "name", "expected"),
    [
        ("nginx", "nginx", True),
        ("nginx", "nginx2", False),
        ("ssh", "sshd", False),
        ("a_name_of_more_than_15", "a_name_of_more_", True),
    ],
)
def test_by_name(command: str, name: str, expected: bool) -> None:
    wanted = TrackProcess(name="p", command=command)
    assert matches(wanted, name, ()) is expected
    assert not needs_command_line(wanted)


@pytest.mark.parametrize(
    ("match", "parameters", "found", "expected"),
    [
        (None, (), "/bin/a -x", True),
        (None, (), "a -x", False),
        (EXACT, (), "/bin/a", True),
        (EXACT, (), "/bin/a -x", False),
        (EXACT, ("-x",), "/bin/a -x", True),
        (EXACT, ("-x",), "/bin/a -x y", False),
        (PARTIAL, ("-x",), "/bin/a -x y", True),
        (PARTIAL, ("-x",), "/bin/a y", False),
        (INITIAL, ("-x", "y"), "/bin/a -x yes", True),
        (INITIAL, ("-x", "y"), "/bin/a -x yes more", True),
        (INITIAL, ("-x", "y"), "/bin/a -x", False),
        (INITIAL, ("-x", "y", "z"), "/bin/a -x yes z", False),
        (INITIAL, ("-x", "y"), "/bin/a -xx y", False),
        (INITIAL, (), "/bin/a", True),
    ],
)
def test_by_command_line(match: ParameterMatch | None, parameters: tuple[str, ...], found: str, expected: bool) -> None:
    wanted = TrackProcess(name="p", command="/bin/a", parameters=parameters, match=match, full_command=match is None)
    assert matches(wanted, "a", found.split()) is expected
    assert needs_command_line(wanted)
    assert not matches(wanted, "a", ())


@pytest.mark.parametrize(
    ("quorum", "most", "right"),
    [(1, None, {1, 2, 3, 4}), (2, None, {2, 3, 4}), (1, 1, {1}), (2, 3, {2, 3}), (1, 0, {0})],
)
def test_how_many_are_right(quorum: int, most: int | None, right: set[int]) -> None:
    wanted = TrackProcess(name="p", command="a", quorum=quorum, quorum_max=most)
    for number in range(5):
        found = Quorum(wanted)
        found.count(number, 0.0)
        assert found.up is (number in right)
        assert str(number) in found.why


DELAYED = TrackProcess(name="p", command="a", fork_delay=Seconds(2.0), terminate_delay=Seconds(1.0))


def test_the_first_count_decides_at_once_and_later_ones_after_their_delay() -> None:
    found = Quorum(DELAYED)
    found.count(0, 10.0)
    assert (found.up, found.deadline()) == (False, math.inf)
    found.count(1, 11.0)
    assert (found.up, found.deadline()) == (False, 13.0)
    found.count(2, 12.0)
    assert found.deadline() == 13.0
    found.settle(13.0)
    assert (found.up, found.deadline()) == (True, math.inf)
    found.count(0, 20.0)
    found.settle(20.5)
    assert found.up
    found.settle(21.0)
    assert not found.up


def test_a_restart_within_the_delay_is_not_noticed() -> None:
    found = Quorum(DELAYED)
    found.count(1, 0.0)
    found.count(0, 5.0)
    found.count(1, 5.9)
    found.settle(100.0)
    assert (found.up, found.deadline()) == (True, math.inf)


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.integers(0, 2)), min_size=1, max_size=30))
def test_it_turns_only_after_the_count_was_wrong_for_the_whole_delay(story: list[tuple[float, int]]) -> None:
    found, now, since, before = Quorum(DELAYED), 0.0, 0.0, None
    for passed, number in story:
        up = found.up
        now += passed
        found.settle(now)
        if found.up is not up:
            assert now - since >= (2.0 if found.up else 1.0) - 1e-6
        if (number > 0) is not before:
            since, before = now, number > 0
        found.count(number, now)
        assert found.up is not None
        assert (found.deadline() == math.inf) is (found.up is (number > 0))
