# SPDX-License-Identifier: Apache-2.0
"""Groups of instances: what is shared, who moves, what is reported, with machines and no world."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_addresses import Placed
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_sync import Sync
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import BasculeOptions, VrrpInstance, VrrpState
from bascule.model.messages import GroupChanged
from bascule.model.tracking import SyncGroup
from bascule.vrrp.events import LINK_DOWN, SUCCESSION, AdvertReceived, Fault, GroupMoves, Start, TakeOver, Timeout

HERE = ipaddress.IPv4Address("192.168.2.210")
PEER = ipaddress.IPv4Address("192.168.2.211")
GROUP = SyncGroup(name="G", members=("A", "B", "C"))


class Rim:
    """The world, which does nothing."""

    def send(self, interface: str, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        """Not sent."""

    def send_whole(self, interface: str, packet: bytes, source: IPAddress, destination: IPAddress) -> None:
        """Not sent."""

    def leave(self, owner: str, unwanted: tuple[Placed, ...], now: float) -> None:
        """Not left."""

    def announce(self, interface: str, address: IPAddress) -> None:
        """Not announced."""

    def put(self, owner: str, wanted: tuple[Placed, ...], lifetime: Seconds | None, now: float) -> None:
        """Not put."""

    def take(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        """Not taken."""


def instance(name: str, priority: int = 100) -> Instance:
    config = VrrpInstance(
        name=name, interface="eth0", vrid=Vrid(51), priority=Priority(priority), sync_group="G" if name != "D" else None
    )
    made = Instance(config, BasculeOptions(), HERE, Rim(), Log("vrrp"))
    made.handle(Start(), 0.0)
    return made


@pytest.fixture
def told() -> list[GroupChanged]:
    return []


@pytest.fixture
def sync(told: list[GroupChanged]) -> Sync:
    made = Sync(Log("vrrp"), told.append)
    made.configure((GROUP,), {"A": None, "B": None, "D": None})
    return made


def test_mates_are_those_that_run(sync: Sync) -> None:
    assert (sync.mates("B"), sync.mates("D")) == (("B", "A"), ("D",))


def test_faults_are_those_of_all(sync: Sync) -> None:
    own = {"A": (), "B": (LINK_DOWN,), "D": ()}
    assert sync.faults("A", own.__getitem__) == (Fault("B of sync group G: the interface is down"),)
    assert sync.faults("B", own.__getitem__) == (LINK_DOWN,)
    assert sync.faults("D", own.__getitem__) == ()


def test_all_move_when_the_time_of_the_last_has_come(sync: Sync, capfd: pytest.CaptureFixture[str]) -> None:
    instances = {name: instance(name) for name in ("A", "B", "D")}
    one, other = instances["A"], instances["B"]
    other.handle(AdvertReceived(source=PEER, priority=Priority(200), interval=Seconds(1.0), received_at=2.0), 2.0)
    one.handle(Timeout(), one.deadline)
    assert sync.moves("D", [], instances, 3.0) == []
    while not one.machine.wants:
        one.handle(Timeout(), one.deadline)
    assert sync.moves("A", [], instances, 4.0) == []
    (status,) = sync.status(instances)
    assert status.awaited == ("B",)
    while not other.machine.wants:
        other.handle(Timeout(), other.deadline)
    move = GroupMoves(active=True, reason="with B in sync group G")
    assert sync.moves("B", [], instances, 6.0) == [("A", move), ("B", move)]
    assert 'awaited="B (hears 192.168.2.211)"' in capfd.readouterr().err


def test_who_has_just_left_takes_the_others_along(sync: Sync) -> None:
    instances = {name: instance(name, 255) for name in ("A", "B")}
    done = instances["A"].handle(
        AdvertReceived(source=PEER, priority=Priority(255), interval=Seconds(1.0), received_at=2.0), 2.0
    )
    assert sync.moves("A", done.changes, instances, 2.0) == [
        ("B", GroupMoves(active=False, reason="with A in sync group G"))
    ]


def test_a_state_is_told_once_and_not_before_all_have_started(sync: Sync, told: list[GroupChanged]) -> None:
    instances = {"A": instance("A")}
    sync.settle("A", instances)
    assert told == []
    instances["B"] = instance("B")
    sync.settle("B", instances)
    sync.settle("A", instances)
    (change,) = told
    assert (change.group, change.state, change.priority, change.why) == ("G", VrrpState.BACKUP, 0, "started")
    (status,) = sync.status(instances)
    assert (status.state, status.members, status.reason) == (VrrpState.BACKUP, ("A", "B"), "started")
    sync.configure((), {})
    assert sync.status(instances) == ()


def advert(at: float) -> AdvertReceived:
    return AdvertReceived(source=PEER, priority=Priority(150), interval=Seconds(1.0), received_at=at)


def test_who_was_asked_for_one_member_waits_for_the_request_for_the_next(sync: Sync) -> None:
    """An advert of the second one that the old active sent before it asked comes between the two requests."""
    instances = {"A": instance("A"), "B": instance("B"), "D": instance("D")}
    for name in ("A", "B"):
        instances[name].handle(advert(0.9), 0.9)
    taken = instances["A"].handle(TakeOver(PEER), 1.0)
    assert sync.moves("A", taken.changes, instances, 1.0) == []
    instances["B"].handle(advert(0.9995), 1.0002)
    assert sync.moves("B", [], instances, 1.0002) == [], "the old active hands both over"
    assert sync.moves("B", [], instances, 1.001 + SUCCESSION) == [
        ("A", GroupMoves(active=False, reason="with B in sync group G"))
    ], "it handed over but one of them"
