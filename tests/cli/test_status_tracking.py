# SPDX-License-Identifier: Apache-2.0
"""Groups and trackers as text."""

from __future__ import annotations

from bascule.cli.status_tracking import lines
from bascule.model.configuration import VrrpState
from bascule.model.status import GroupStatus, TrackerStatus, VrrpStatus
from bascule.model.tracking import TrackerKind

NOW = 1000.0


def test_nothing_is_said_of_nothing() -> None:
    assert list(lines(VrrpStatus(), NOW)) == []


def test_groups_say_whom_they_wait_for() -> None:
    group = GroupStatus(name="G", members=("A", "B"), state=VrrpState.BACKUP, since=NOW - 5, reason="started")
    assert list(lines(VrrpStatus(groups=(group,)), NOW))[2].split() == ["G", "BACKUP", "5.0", "s", "A,B", "started"]
    waiting = GroupStatus(name="G", members=("A", "B"), state=VrrpState.BACKUP, since=0.0, reason="", awaited=("B",))
    assert list(lines(VrrpStatus(groups=(waiting,)), NOW))[2].endswith("-      A,B        could be active but for B")


def test_trackers_say_what_they_are_and_do() -> None:
    def tracker(kind: TrackerKind, value: int | None, **instances: int) -> TrackerStatus:
        since = None if value is None else NOW - 60
        return TrackerStatus(kind=kind, name="t", value=value, since=since, why="why", instances=instances)

    trackers = (
        tracker(TrackerKind.SCRIPT, 1, A=-20, B=0),
        tracker(TrackerKind.FILE, -7, A=2),
        tracker(TrackerKind.BFD, 0, A=5),
        tracker(TrackerKind.PROCESS, None, A=5),
    )
    text = [" ".join(line.split()) for line in lines(VrrpStatus(trackers=trackers), NOW)]
    assert text[1:] == [
        "TRACKED NAME VALUE SINCE INSTANCES (WEIGHT) WHY",
        "script t up 1 min 0 s A (-20), B (fault) why",
        "file t -7 1 min 0 s A (+2) why",
        "bfd t down 1 min 0 s A (+5) why",
        "process t unknown - A (+5) why",
    ]
