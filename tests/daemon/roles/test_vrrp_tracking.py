# SPDX-License-Identifier: Apache-2.0
"""Readings find the instances that they concern."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_tracking import Tracking
from bascule.model.base import Vrid
from bascule.model.configuration import Configuration, VrrpInstance
from bascule.model.messages import ScriptVerdict, TrackerChanged
from bascule.model.scripts import Script
from bascule.model.tracking import SyncGroup, Tracked, TrackerKind, TrackScript

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


def verdict(up: bool, runs: int = 1, name: str = "own") -> ScriptVerdict:
    why = f"exited with status {int(not up)}"
    return ScriptVerdict(script=name, up=up, status=int(not up), runs=runs, why=why, at=0.0)


def following(**more: Any) -> Configuration:
    run = Script(command=("/bin/true",))
    return Configuration(
        instances=(instance("A", script("own")),), track_scripts=(TrackScript(name="own", run=run, **more),)
    )


def test_a_script_counts_after_rise_or_fall_in_a_row(told: list[str]) -> None:
    made = Tracking(Log("test"), told.append)
    made.configure(following(rise=2, fall=3))
    made.script(verdict(True))
    assert (made.standing("A"), told) == (((), 0), ["A"])
    made.script(verdict(False, 2))
    assert made.standing("A") == ((), 0)
    made.script(verdict(False, 3))
    ((fault,), _) = made.standing("A")
    assert fault.words == "script own exited with status 1"
    made.script(verdict(True, 1))
    assert made.standing("A")[0] == (fault,)
    made.script(verdict(True, 2))
    assert made.standing("A") == ((), 0)


def test_a_verdict_that_comes_before_the_configuration_counts(told: list[str]) -> None:
    made = Tracking(Log("test"), told.append)
    made.script(verdict(True))
    made.script(verdict(True, name="stranger"))
    made.configure(following())
    assert (made.standing("A"), told) == (((), 0), [])


def test_init_fail_is_down_until_it_has_risen(told: list[str]) -> None:
    made = Tracking(Log("test"), told.append)
    made.configure(following(init_fail=True, rise=2))
    ((fault,), _) = made.standing("A")
    assert "init_fail" in fault.words
    made.script(verdict(True, 1))
    assert made.standing("A")[0] == (fault,)
    made.script(verdict(True, 2))
    assert made.standing("A") == ((), 0)


def test_the_status_has_everything_that_is_followed(trackers: Tracking) -> None:
    trackers.report(SCRIPT, "shared", False, "exited with status 1")
    shown = {entry.name: entry for entry in trackers.status()}
    assert shown["own"].instances == {"A": 0}
    assert (shown["own"].value, shown["own"].since) == (None, None)
    assert shown["shared"].instances == {"A": 5, "B": 5}
    assert (shown["shared"].value, shown["shared"].why) == (0, "exited with status 1")
    assert shown["shared"].since is not None


def test_a_reload_keeps_the_readings_of_what_is_still_tracked(trackers: Tracking) -> None:
    trackers.report(SCRIPT, "own", True, "exited with status 0")
    trackers.report(SCRIPT, "shared", True, "exited with status 0")
    trackers.configure(Configuration(instances=(instance("A", script("own", 3)),)))
    assert trackers.standing("A") == ((), 3)
    trackers.configure(Configuration(instances=(instance("A", script("own", 3), script("shared", 4)),)))
    assert trackers.standing("A") == ((), 3)


def test_each_new_reading_is_an_event(trackers: Tracking) -> None:
    events: list[TrackerChanged] = []
    trackers.tell = events.append
    for up in (True, True, False):
        trackers.report(SCRIPT, "own", up, f"exited with status {int(not up)}")
    assert [(event.kind, event.name, event.value) for event in events] == [(SCRIPT, "own", 1), (SCRIPT, "own", 0)]
    assert events[1].why == "exited with status 1"
