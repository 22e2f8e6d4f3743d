# SPDX-License-Identifier: Apache-2.0
"""All runners together, from a configuration to readings."""

from __future__ import annotations

import select
import time
from pathlib import Path

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_tracking import Tracking
from bascule.daemon.roles.vrrp_watch import Watch
from bascule.lab.waiting import wait_for
from bascule.linux.netlink import Netlink
from bascule.model.base import Vrid
from bascule.model.configuration import Configuration, VrrpInstance
from bascule.model.tracking import SyncGroup, Tracked, TrackerKind, TrackFile, TrackProcess


def test_everything_that_is_tracked_is_read_and_changes_are_heard_of(tmp_path: Path) -> None:
    lines = (
        Tracked(kind=TrackerKind.INTERFACE, name="lo", weight=3),
        Tracked(kind=TrackerKind.FILE, name="f", weight=2),
        Tracked(kind=TrackerKind.PROCESS, name="p", weight=-7),
    )
    entry = VrrpInstance(name="A", interface="eth0", vrid=Vrid(1), tracked=lines)
    group = SyncGroup(name="G", members=("A",), tracked=(Tracked(kind=TrackerKind.INTERFACE, name="none0"),))
    path = tmp_path / "f"
    path.write_text("10")
    wanted = Configuration(
        instances=(entry,),
        sync_groups=(group,),
        track_files=(TrackFile(name="f", path=str(path)),),
        track_processes=(TrackProcess(name="p", command="no such process"),),
    )
    told: list[str] = []
    tracking = Tracking(Log("test"), told.append)
    tracking.configure(wanted)
    with Netlink() as netlink:
        watch = Watch(netlink, Log("test"), tracking, time.monotonic)
        watch.configure(wanted)
        faults, change = tracking.standing("A")
        assert ([fault.words for fault in faults], change) == (["interface none0 does not exist"], 3 + 20 - 7)
        path.write_text("-10")

        def heard() -> bool:
            watch.readable(select.select(watch.descriptors, [], [], 0.05)[0])
            watch.timers()
            return tracking.standing("A")[1] == 3 - 20 - 7

        wait_for(heard, 5.0, "the file")
        watch.kernel((), False)
        assert watch.deadline() > time.monotonic()
        watch.close()
    assert set(told) == {"A"}
