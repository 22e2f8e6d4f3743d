# SPDX-License-Identifier: Apache-2.0
"""All processes of a director stopped (SIGSTOP) for longer than its peer, or itself, would wait: of the active, of the
backup, of both. Within two down intervals of waking one is active, and nobody became so on time that passed meanwhile.

What passed the cables judges, by the kernel's times: adverts, announcements. Version 2 has one advert a second and is
stopped for ten seconds; version 3 has ten a second and is stopped for two, which is as many down intervals.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Iterator

import pytest

from bascule.lab.network import Network
from bascule.lab.waiting import stays, wait_for
from bascule.linux import namespaces
from bascule.model.base import Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.intervals import down_interval
from tests.daemon.switching import PRIORITIES, SEGMENT, VIP, Pair, Setting

pytestmark = [pytest.mark.root, pytest.mark.lab, pytest.mark.few, pytest.mark.timeout(240)]

_VIRTUAL = " virtual_ipaddress {\n  192.168.2.240/32\n }"


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Pace:
    """How fast adverts are, how long a stop is, how often each case is run."""

    version: int
    interval: float
    stopped: float
    runs: int

    def down(self, name: str) -> float:
        """The down interval of a director, seconds."""
        return down_interval(self.version, Priority(PRIORITIES[name]), Seconds(self.interval))


PACES = (
    Pace(version=2, interval=1.0, stopped=10.0, runs=1),
    Pace(version=3, interval=0.1, stopped=2.0, runs=4),
)
MARGIN = 0.01
"""Seconds: the clocks of this test and of the capture are not read at one moment."""


@pytest.fixture(params=PACES, ids=lambda pace: f"version-{pace.version}")
def pace(request: pytest.FixtureRequest) -> Pace:
    found: Pace = request.param
    return found


@pytest.fixture
def pair(pace: Pace) -> Iterator[Pair]:
    setting = Setting(name="stops", lines=(_VIRTUAL,), version=pace.version, interval=pace.interval)
    with Network(SEGMENT) as network, Pair(network, setting) as made:
        yield made


@contextlib.contextmanager
def stopped(pair: Pair, *names: str) -> Iterator[None]:
    """Every process of these directors, for the length of a with-block."""
    pids = [pid for name in names for pid in namespaces.processes(pair.directors[name].host.namespace)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def for_a_time(seconds: float) -> None:
    """Let time pass: what is tested is that it does."""
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() >= end, seconds + 10, "the time to pass")


def spoke(pair: Pair, name: str, begin: float, end: float) -> list[float]:
    """When a director sent an advert that leads (not priority 0) or an announcement between two moments."""
    of = pair.captures[0].of[name]
    adverts = [advert.at for advert in list(of.adverts) if advert.priority > 0]
    return sorted(at for at in [*adverts, *(a.at for a in list(of.announcements))] if begin <= at <= end)


def wait_until_led(pair: Pair, name: str, since: float, seconds: float) -> None:
    wait_for(lambda: spoke(pair, name, since, time.monotonic()), seconds, f"{name} to lead", evidence=pair.evidence)


def one_is_active(pair: Pair, woke: float, within: float) -> None:
    """One holds the address within a time of waking."""
    wait_for(lambda: settled(pair), within + REACH, "one active", evidence=pair.evidence)
    took = time.monotonic() - woke
    print(f"one active {took:.2f} s after waking, {within:.2f} allowed")
    assert took <= within + pair.late(woke, woke + took) + LOOK, pair.evidence()


def it_stays_so(pair: Pair, pace: Pace) -> None:
    stays(lambda: settled(pair), pace.down("d2"), "one active for a down interval more")


REACH = 10.0
LOOK = 0.3
"""Seconds that a look at both directors may take."""


def settled(pair: Pair) -> bool:
    states = [pair.are(name, VrrpState.MASTER) for name in PRIORITIES]
    holds = [director.holds(VIP) for director in pair.directors.values()]
    return states == holds and sum(states) == 1


def test_a_stopped_backup_wakes_beside_its_active_and_says_nothing(pair: Pair, pace: Pace) -> None:
    for _ in range(pace.runs):
        begin = time.monotonic()
        with stopped(pair, "d2"):
            for_a_time(pace.stopped)
        woke = time.monotonic()
        one_is_active(pair, woke, 2 * pace.down("d2"))
        it_stays_so(pair, pace)
        assert pair.are("d1", VrrpState.MASTER)
        assert spoke(pair, "d2", begin, time.monotonic()) == [], pair.evidence()
    assert "event=timer_late" in pair.directors["d2"].log()


def test_a_stopped_active_wakes_to_its_successor_and_listens_first(pair: Pair, pace: Pace) -> None:
    for _ in range(pace.runs):
        begin = time.monotonic()
        with stopped(pair, "d1"):
            wait_until_led(pair, "d2", begin, pace.down("d2") + REACH)
            for_a_time(max(0.0, begin + pace.stopped - time.monotonic()))
            woke = time.monotonic()
        # It has the higher priority and preempts, but not before it has listened for a down interval of its own.
        one_is_active(pair, woke, 2 * pace.down("d1"))
        assert spoke(pair, "d1", woke, woke + pace.down("d1") - MARGIN) == [], pair.evidence()
        pair.reach("d1", VrrpState.MASTER)
        pair.reach("d2", VrrpState.BACKUP)
        it_stays_so(pair, pace)
        assert "without an own advert" in pair.directors["d1"].log()


def test_both_stopped_wake_to_one_active_that_has_listened(pair: Pair, pace: Pace) -> None:
    for _ in range(pace.runs):
        with stopped(pair, *PRIORITIES):
            for_a_time(pace.stopped)
            woke = time.monotonic()
        wait_until_led(pair, "d1", woke, 2 * pace.down("d1") + REACH)
        one_is_active(pair, woke, 2 * pace.down("d2"))
        it_stays_so(pair, pace)
        assert pair.are("d1", VrrpState.MASTER)
        for name in PRIORITIES:
            assert spoke(pair, name, woke, woke + pace.down("d1") - MARGIN) == [], pair.evidence()
        assert spoke(pair, "d2", woke, time.monotonic()) == [], pair.evidence()
