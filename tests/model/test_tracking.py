# SPDX-License-Identifier: Apache-2.0
"""Trackers and groups survive the way to the roles."""

from __future__ import annotations

from bascule.model.base import Seconds, pack, unpack
from bascule.model.configuration import Configuration
from bascule.model.scripts import Script
from bascule.model.tracking import (
    ParameterMatch,
    SyncGroup,
    Tracked,
    TrackerKind,
    TrackFile,
    TrackProcess,
    TrackScript,
)


def test_a_configuration_carries_them() -> None:
    line = Tracked(kind=TrackerKind.SCRIPT, name="alive", weight=-20, reverse=True)
    before = Configuration(
        sync_groups=(SyncGroup(name="G", members=("A", "B"), tracked=(line,), weighted=True),),
        track_scripts=(TrackScript(name="alive", run=Script(command=("/bin/true",)), interval=Seconds(2.0)),),
        track_processes=(TrackProcess(name="p", command="nginx", match=ParameterMatch.PARTIAL, quorum_max=0),),
        track_files=(TrackFile(name="f", path="/run/f", init_value=3),),
    )
    assert unpack(pack(before), Configuration) == before
