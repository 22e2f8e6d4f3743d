# SPDX-License-Identifier: Apache-2.0
"""Two machines on one segment of pure data: their adverts go through the codec, get lost, late, or one way only."""

from __future__ import annotations

import heapq
import ipaddress
import itertools
import random
from collections.abc import Callable

import pytest

from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import VrrpState
from bascule.vrrp import packet
from bascule.vrrp.acceptance import Expected, verify
from bascule.vrrp.events import (
    AdvertReceived,
    Event,
    PutAddresses,
    ReadyChanged,
    SendAdvert,
    Settings,
    Start,
    Stop,
    TakeAddresses,
    Timeout,
)
from bascule.vrrp.machine import Machine
from bascule.vrrp.packet import Advert, Datagram

VIP = ipaddress.IPv4Address("192.168.2.240")
EXPECTED = Expected(vrid=Vrid(51), interval=Seconds(1.0), addresses=frozenset({VIP}))
Fate = Callable[["Router"], float | None]
"""Of a packet to a router: its delay in seconds, or None when it is lost."""


class Router:
    """A machine with an address; `holds` says whether the virtual address is on it."""

    def __init__(self, last_byte: int, priority: int, machine: type[Machine] = Machine) -> None:
        self.address: IPAddress = ipaddress.IPv4Address(f"192.168.2.{last_byte}")
        self.machine = machine(Settings(priority=Priority(priority), interval=Seconds(1.0), address=self.address))
        self.alive = True
        self.holds = False
        self.paused = False
        self.waiting: list[tuple[float, Datagram]] = []
        """Packets that came while it was paused, with the kernel's stamps."""


class Segment:
    """Virtual time, and packets under way."""

    def __init__(self, *routers: Router) -> None:
        self.routers = routers
        self.now = 0.0
        self.fate: Fate = lambda _: 0.0001
        self.longest_without = 0.0
        self._without_since = 0.0
        self._order = itertools.count()
        self._under_way: list[tuple[float, int, Router, Datagram]] = []
        for router in routers:
            self.tell(router, ReadyChanged(True))
            self.tell(router, Start())

    def tell(self, router: Router, event: Event) -> None:
        for command in router.machine.handle(event, self.now):
            match command:
                case SendAdvert(priority=priority):
                    self._send(router, priority)
                case PutAddresses():
                    router.holds = True
                case TakeAddresses():
                    router.holds = False
        self._watch()

    def _watch(self) -> None:
        if self.holders():
            self._without_since = self.now
        self.longest_without = max(self.longest_without, self.now - self._without_since)

    def _send(self, sender: Router, priority: Priority) -> None:
        advert = Advert(vrid=Vrid(51), priority=priority, interval=Seconds(1.0), addresses=(VIP,))
        datagram = Datagram(payload=packet.encode(advert), source=sender.address)
        for router in self.routers:
            delay = self.fate(router)
            if router is not sender and delay is not None:
                heapq.heappush(self._under_way, (self.now + delay, next(self._order), router, datagram))

    def resume(self, router: Router, *, suspended: bool) -> None:
        """Wake a paused process; on a machine that was suspended nothing has come in meanwhile."""
        router.paused = False
        waiting, router.waiting = router.waiting, []
        for at, datagram in [] if suspended else waiting:
            self._hand_in(router, datagram, at)
        self.tell(router, Timeout())

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            awake = [router for router in self.routers if router.alive and not router.paused]
            timers = [(max(router.machine.deadline(), self.now), router) for router in awake]
            due, router = min(timers, key=lambda entry: entry[0])
            if self._under_way and self._under_way[0][0] <= min(due, end):
                self.now, _, receiver, datagram = heapq.heappop(self._under_way)
                self._deliver(receiver, datagram)
            elif due <= end:
                self.now = due
                self.tell(router, Timeout())
            else:
                self.now = end
                return

    def _deliver(self, router: Router, datagram: Datagram) -> None:
        if router.paused:
            router.waiting.append((self.now, datagram))
        elif router.alive:
            self._hand_in(router, datagram, self.now)

    def _hand_in(self, router: Router, datagram: Datagram, at: float) -> None:
        advert = packet.decode(datagram)
        verify(advert, datagram, EXPECTED, frozenset({router.address}))
        heard = AdvertReceived(
            source=datagram.source, priority=advert.priority, interval=advert.interval, received_at=at
        )
        self.tell(router, heard)

    def holders(self) -> list[Router]:
        return [router for router in self.routers if router.alive and router.holds]


def pair() -> tuple[Segment, Router, Router]:
    high, low = Router(210, 100), Router(211, 90)
    return Segment(high, low), high, low


def test_the_higher_priority_is_elected_and_the_other_never_holds_the_address() -> None:
    segment, high, low = pair()
    segment.run(60)
    assert segment.holders() == [high]
    assert low.machine.state is VrrpState.BACKUP
    assert low.machine.snapshot().active == high.address


def test_a_dead_active_is_succeeded_within_three_intervals_and_the_skew_of_its_last_advert() -> None:
    segment, high, low = pair()
    segment.run(30.609375)
    high.alive = False
    segment.run(3 + 166 / 256 + 0.001)
    assert segment.holders() == [low]
    high.alive = True
    high.machine = Machine(high.machine.settings)
    segment.tell(high, Start())
    segment.run(5)
    assert segment.holders() == [high]


def test_an_active_that_stops_is_succeeded_after_the_skew_time() -> None:
    segment, high, low = pair()
    segment.run(30)
    segment.tell(high, Stop())
    high.alive = False
    segment.run(166 / 256 + 0.001)
    assert segment.holders() == [low]


def test_equal_priorities_leave_one_active_the_one_with_the_higher_address() -> None:
    low_address, high_address = Router(210, 100), Router(211, 100)
    segment = Segment(low_address, high_address)
    segment.run(30)
    assert segment.holders() == [high_address]


def test_two_lost_adverts_in_a_row_change_nothing() -> None:
    segment, high, low = pair()
    segment.run(10)
    for _ in range(5):
        segment.fate = lambda _: None
        segment.run(2.0)
        segment.fate = lambda _: 0.0001
        segment.run(2.0)
    assert segment.holders() == [high]
    assert low.machine.snapshot().since == 0.0


def test_a_partition_makes_two_and_its_end_leaves_the_right_one_within_an_interval() -> None:
    segment, high, low = pair()
    segment.run(10)
    segment.fate = lambda _: None
    segment.run(10)
    assert segment.holders() == [high, low]
    segment.fate = lambda _: 0.0001
    segment.run(1.01)
    assert segment.holders() == [high]


def test_one_way_deafness_heals() -> None:
    segment, high, low = pair()
    segment.run(10)
    segment.fate = lambda receiver: None if receiver is low else 0.0001
    segment.run(10)
    assert len(segment.holders()) == 2
    segment.fate = lambda _: 0.0001
    segment.run(1.01)
    assert segment.holders() == [high]


@pytest.mark.parametrize("seed", range(60))
def test_after_any_weather_exactly_the_higher_priority_is_left(seed: int) -> None:
    chance = random.Random(seed)
    segment, high, _ = pair()
    segment.fate = lambda _: None if chance.random() < 0.4 else chance.random() * 0.8
    segment.run(120)
    segment.fate = lambda _: 0.0001
    segment.run(9)
    assert segment.holders() == [high]
    assert segment.longest_without <= 4.5, "nobody held the address for longer than an election takes"


class NeverLate(Machine):
    """The defect: does not look at the clock before it believes a timer."""

    def _check_lateness(self, event: Event) -> None:
        pass


def promotions_of_a_backup_that_is_paused(seed: int, machine: type[Machine]) -> int:
    """How often a backup became active beside a live active whose every advert reaches its machine, only not its
    process: 40 pauses of up to two down intervals, of the process or of the whole machine, at any moment."""
    chance = random.Random(seed)
    high, low = Router(210, 100), Router(211, 90, machine)
    segment = Segment(high, low)
    segment.run(5)
    promotions = 0
    for _ in range(40):
        segment.run(chance.random() * 3)
        low.paused = True
        segment.run(chance.random() * 8)
        before = low.machine.state
        segment.resume(low, suspended=chance.random() < 0.5)
        segment.run(1.7)
        promotions += before is VrrpState.BACKUP and (low.holds or low.machine.snapshot().since > segment.now - 1.7)
    return promotions


def test_pauses_alone_never_promote_a_backup() -> None:
    assert [promotions_of_a_backup_that_is_paused(seed, Machine) for seed in range(100)] == [0] * 100


def test_without_the_rule_pauses_do_promote() -> None:
    assert sum(promotions_of_a_backup_that_is_paused(seed, NeverLate) for seed in range(10)) > 10


@pytest.mark.parametrize("suspended", [False, True])
def test_a_paused_active_is_succeeded_and_wakes_as_backup(suspended: bool) -> None:
    segment, high, low = pair()
    segment.run(10)
    high.paused = True
    segment.run(10)
    assert low.holds
    segment.resume(high, suspended=suspended)
    assert not high.holds
    segment.run(9)
    assert segment.holders() == [high]


def test_both_paused_end_with_one_active_within_two_down_intervals() -> None:
    segment, high, low = pair()
    segment.run(10)
    segment.now += 10.0
    for router in (low, high):
        segment.resume(router, suspended=True)
    segment.run(2 * 3.7)
    assert segment.holders() == [high]
