# SPDX-License-Identifier: Apache-2.0
"""Readings find the instances that they concern."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_tracking import Tracking
from bascule.model.base import Vrid
from bascule.model.configuration import Configuration, VrrpInstance
from bascule.model.tracking import SyncGroup, Tracked, TrackerKind

SCRIPT = TrackerKind.SCRIPT


def instance(name: str, *lines: Tracked, **more: Any) -> VrrpInstance:
    return VrrpInstance(name=name, interface="eth0", vrid=Vrid(1), tracked=lines, **more)


def script(name: str, weight: int = 0) -> Tracked:
    return Tracked(kind=SCRIPT, name=name, weight=weight)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def trackers(told: list[str]) -> Tracking:
    made = Tracking(Log("test"), told.append)
    group = SyncGroup(name="G", members=("A", "B"), tracked=(script("shared", 5),))
    wanted = Configuration(instances=(instance("A", script("own")), instance("B"), instance("C")), sync_groups=(group,))
    made.configure(wanted)
    return made


def test_a_reading_is_told_to_those_who_follow_it_once(trackers: Tracking, told: list[str]) -> None:
    trackers.report(SCRIPT, "own", True, "exited with status 0")
    assert told == ["A"]
    trackers.report(SCRIPT, "own", True, "exited with status 0")
    assert told == ["A"]
    trackers.report(SCRIPT, "shared", True, "exited with status 0")
    assert told == ["A", "A", "B"]
    assert trackers.standing("A") == ((), 5)
    assert trackers.standing("C") == ((), 0)


def test_what_nobody_follows_is_not_told(trackers: Tracking, told: list[str]) -> None:
    trackers.report(TrackerKind.FILE, "own", 7, "says 7")
    assert told == []


def test_a_fault_says_what_and_why(trackers: Tracking) -> None:
    trackers.report(SCRIPT, "own", False, "timed out after 5 s")
    ((fault,), _) = trackers.standing("A")
    assert fault.words == "script own timed out after 5 s"


def test_a_reload_keeps_the_readings_of_what_is_still_tracked(trackers: Tracking) -> None:
    trackers.report(SCRIPT, "own", True, "exited with status 0")
    trackers.report(SCRIPT, "shared", True, "exited with status 0")
    trackers.configure(Configuration(instances=(instance("A", script("own", 3)),)))
    assert trackers.standing("A") == ((), 3)
    trackers.configure(Configuration(instances=(instance("A", script("own", 3), script("shared", 4)),)))
    assert trackers.standing("A") == ((), 3)
