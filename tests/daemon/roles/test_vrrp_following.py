# SPDX-License-Identifier: Apache-2.0
"""What comes of an event, for one and for many."""

from __future__ import annotations

import ipaddress
import pathlib

import pytest

from bascule.daemon.roles.vrrp_following import MANY
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.lab.waiting import wait_for
from bascule.model.base import Priority, Vrid
from bascule.model.configuration import Configuration, VirtualAddress, VrrpState
from bascule.model.messages import GroupChanged
from bascule.model.tracking import SyncGroup, Tracked, TrackerKind, TrackFile
from tests.daemon.roles.group_bench import FRESH, Bench, advert, instance

pytestmark = [pytest.mark.root, pytest.mark.lab]


def test_adverts_of_many_that_are_due_leave_with_one_waking_up(group_bench: Bench) -> None:
    """Each waits a little for the others; with the first whose time is over all go that are due."""
    first = ipaddress.IPv4Address("10.9.0.0")
    many = [
        instance(f"VI_{n}", vrid=Vrid(n), virtual_addresses=(VirtualAddress(address=first + n, prefix_length=32),))
        for n in range(1, MANY + 1)
    ]
    group_bench.run(*many)
    wait_for(lambda: boottime() >= group_bench.group.deadline(), 3, "the first advert", pause_max=0.001)
    begun = boottime()
    group_bench.group.timers()
    assert all(running.deadline > begun for running in group_bench.group.instances.values())


def test_an_active_hears_of_lower_priorities_once_a_second(group_bench: Bench) -> None:
    group_bench.run(instance(priority=Priority(200)))
    group_bench.from_peer(advert(100))
    assert group_bench.lower == [], "not while it is a backup"
    wait_for(lambda: (group_bench.group.timers(), group_bench.state() is VrrpState.MASTER)[1], 10, "the take-over")  # type: ignore[func-returns-value]
    group_bench.from_peer(advert(0))
    for priority in (100, 101, 102):
        group_bench.from_peer(advert(priority))
    assert group_bench.lower[0] == ("VI_1", 100)


def test_of_a_sync_group_one_moves_with_the_other_and_its_state_is_told_once(group_bench: Bench) -> None:
    second = instance("VI_2", vrid=Vrid(52), priority=Priority(100), sync_group="VG", virtual_addresses=())
    groups = (SyncGroup(name="VG", members=("VI_1", "VI_2")),)
    both = Configuration(instances=(instance(sync_group="VG", priority=Priority(200)), second), sync_groups=groups)
    group_bench.group.configure(both, FRESH)
    assert [group_bench.state(name) for name in ("VI_1", "VI_2")] == [VrrpState.BACKUP, VrrpState.BACKUP]
    group_bench.groups.clear()

    def led() -> bool:
        group_bench.group.timers()
        return group_bench.state() is VrrpState.MASTER

    wait_for(led, 10, "the take-over")
    wait_for(lambda: led() and group_bench.state("VI_2") is VrrpState.MASTER, 10, "the other's")
    states = [change.state for change in group_bench.groups if isinstance(change, GroupChanged)]
    assert states == [VrrpState.MASTER]
    assert group_bench.reported[-2:] == [("VI_1", VrrpState.MASTER), ("VI_2", VrrpState.MASTER)]


def test_a_new_weight_is_reported_though_no_state_is_another(group_bench: Bench, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "weight"
    path.write_text("0\n")
    tracked = Tracked(kind=TrackerKind.FILE, name="f", weight=1)
    running = Configuration(
        instances=(instance(priority=Priority(200), tracked=(tracked,)),),
        track_files=(TrackFile(name="f", path=str(path)),),
    )
    group_bench.group.configure(running, FRESH)
    assert group_bench.group.instances["VI_1"].machine.priority == 200
    before = len(group_bench.told)
    path.write_text("-40\n")

    def weighed() -> bool:
        group_bench.group.watch.readable(group_bench.group.watch.descriptors)
        return group_bench.group.instances["VI_1"].machine.priority == 160

    wait_for(weighed, 10, "the file to count")
    assert group_bench.told[before:] == [("VI_1", 160)]
