# SPDX-License-Identifier: Apache-2.0
"""What readings of trackers do to an instance: the table that keepalived 2.2.7 showed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.tracking import Tracked, TrackerKind
from bascule.vrrp.tracking import LARGEST, UNKNOWN, Key, Reading, effect, script_up, standing

SCRIPT, FILE = TrackerKind.SCRIPT, TrackerKind.FILE
FAULT = None


@pytest.mark.parametrize(
    ("weight", "reverse", "up", "down", "unknown"),
    [
        (0, False, 0, FAULT, FAULT),
        (0, True, FAULT, 0, FAULT),
        (-20, False, 0, -20, 0),
        (-20, True, 0, 20, 0),
        (30, False, 30, 0, 0),
        (30, True, -30, 0, 0),
    ],
)
def test_what_is_up_or_down(weight: int, reverse: bool, up: int | None, down: int | None, unknown: int | None) -> None:
    line = Tracked(kind=SCRIPT, name="s", weight=weight, reverse=reverse)
    for value, expected in ((1, up), (0, down), (None, unknown)):
        found = effect(line, Reading(value, "why"))
        assert (found.fault is not None) is (expected is FAULT)
        assert found.change == (expected or 0)


@pytest.mark.parametrize(
    ("weight", "reverse", "value", "expected"),
    [
        (1, False, 20, 20),
        (2, False, 20, 40),
        (2, True, 20, -40),
        (-1, False, 20, -20),
        (2, False, 0, 0),
        (2, False, -126, -252),
        (2, False, -127, FAULT),
        (1, False, -LARGEST, -LARGEST),
        (1, True, 254, FAULT),
        (2, False, 300, LARGEST),
        (0, False, 0, 0),
        (0, False, 1, FAULT),
        (0, False, -1, FAULT),
        (0, True, 0, FAULT),
        (0, True, 5, 0),
        (1, False, None, 0),
        (0, False, None, FAULT),
    ],
)
def test_a_number_in_a_file(weight: int, reverse: bool, value: int | None, expected: int | None) -> None:
    found = effect(Tracked(kind=FILE, name="f", weight=weight, reverse=reverse), Reading(value, "why"))
    assert (found.fault is not None) is (expected is FAULT)
    assert found.change == (expected or 0)


def test_several_add_up_and_every_fault_is_named() -> None:
    lines = (
        Tracked(kind=SCRIPT, name="a", weight=-20),
        Tracked(kind=SCRIPT, name="b", weight=5),
        Tracked(kind=FILE, name="b", weight=1),
        Tracked(kind=SCRIPT, name="c"),
        Tracked(kind=TrackerKind.INTERFACE, name="eth1"),
    )
    readings: dict[Key, Reading] = {
        (SCRIPT, "a"): Reading(0, "exited with status 1"),
        (SCRIPT, "b"): Reading(1, "exited with status 0"),
        (FILE, "b"): Reading(-4, "says -4"),
        (TrackerKind.INTERFACE, "eth1"): Reading(0, "has no carrier"),
    }
    faults, change = standing(lines, readings)
    assert change == -20 + 5 - 4
    assert [fault.words for fault in faults] == ["script c is not known yet", "interface eth1 has no carrier"]
    assert not any(fault.mute for fault in faults)


@given(st.integers(-254, 254), st.booleans(), st.one_of(st.none(), st.integers(0, 1)))
def test_reverse_is_the_same_change_with_the_other_sign(weight: int, reverse: bool, value: int | None) -> None:
    line = Tracked(kind=SCRIPT, name="s", weight=weight, reverse=reverse)
    other = Tracked(kind=SCRIPT, name="s", weight=weight, reverse=not reverse)
    one, two = effect(line, Reading(value, "")), effect(other, Reading(value, ""))
    assert one.change == -two.change
    if weight == 0 and value is not None:
        assert (one.fault is None) is not (two.fault is None)


def test_what_is_not_known_is_a_fault_only_without_weight() -> None:
    assert standing((Tracked(kind=SCRIPT, name="s", weight=-5),), {}) == ((), 0)
    ((fault,), change) = standing((Tracked(kind=SCRIPT, name="s"),), {})
    assert fault.words == f"script s {UNKNOWN.why}"
    assert change == 0


@pytest.mark.parametrize(
    ("before", "up", "runs", "expected"),
    [
        (None, True, 1, True),
        (None, False, 1, False),
        (False, True, 1, False),
        (False, True, 2, True),
        (True, False, 2, True),
        (True, False, 3, False),
        (True, True, 1, True),
    ],
)
def test_rise_and_fall_count_from_the_second_result_on(
    before: bool | None, up: bool, runs: int, expected: bool
) -> None:
    assert script_up(before, up, runs, rise=2, fall=3) is expected
