# SPDX-License-Identifier: Apache-2.0
"""Virtual time: what is due next, a packet, a router's process, a disturbance, or a look at the clock, is done next."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any

from bascule.vrrp.machine_witnessed import WitnessedMachine
from tests.simulation import codec, disturbances, settled
from tests.simulation.facts import Rule, ViolationError
from tests.simulation.oracle import Oracle
from tests.simulation.plan import Kind, RouterPlan, Schedule
from tests.simulation.record import Record
from tests.simulation.router import Router
from tests.simulation.tally import Tally
from tests.simulation.wire import Wire

LOOK = 0.5
"""Advert intervals between two looks at what should have happened by now."""


STEPS_MAX = 50_000
"""No schedule needs so many events; a machine whose deadline never moves does."""


class World:
    """One run of one schedule."""

    def __init__(
        self,
        schedule: Schedule,
        machine: type[WitnessedMachine],
        tally: Tally,
        record: Record | None = None,
        router: type[Router] = Router,
    ) -> None:
        """Nothing has started yet."""
        self.schedule = schedule
        self.machine = machine
        self.tally = tally
        self.record = record
        self.now = 0.0
        self.chance = random.Random(schedule.seed + 0.5)
        self.addresses = codec.virtual_addresses(1, schedule.family)
        """The list of virtual addresses that was decided on last."""
        self._due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0
        self.wakes = [float("inf")] * len(schedule.routers)
        """When the process of each router runs next, by the true clock."""
        self.wire = Wire(self, len(schedule.routers), self.chance)
        self.oracle = Oracle(self, len(schedule.routers))
        self.routers = [router(self, number, plan) for number, plan in enumerate(schedule.routers)]

    def at(self, when: float, what: Callable[..., None], *arguments: Any) -> None:
        """Do something later."""
        self._order += 1
        heapq.heappush(self._due, (when, self._order, what, arguments))

    def run(self) -> None:
        """Everything. Raises ViolationError."""
        for router, plan in zip(self.routers, self.schedule.routers, strict=True):
            self._count(plan)
            self.at(plan.starts_at, disturbances.power_on, router, router.life, plan.ready_after)
        self.tally.faults[Kind.IPV6] += self.schedule.family == 6
        self.tally.faults[Kind.UNICAST] += self.schedule.unicast
        self.tally.faults[Kind.WITNESS] += self.schedule.witness is not None
        for fault in self.schedule.faults:
            self.at(fault.at, disturbances.BEGIN[fault.kind], self, fault)
        self.at(LOOK * self.schedule.interval, self._look)
        self._loop()
        settled.check(self)
        self.tally.schedules += 1

    def _count(self, plan: RouterPlan) -> None:
        faults = self.tally.faults
        faults[Kind.DRIFT] += plan.rate != 1.0
        faults[Kind.PREEMPT_DELAY] += plan.preempt_delay > 0
        faults[Kind.DOWN_ADVERTS] += plan.down_adverts != 3

    def _loop(self) -> None:
        due, wakes, end = self._due, self.wakes, self.schedule.ends_at
        for _ in range(STEPS_MAX):
            wake = min(wakes)
            if wake < due[0][0]:
                if wake > end:
                    return
                if wake > self.now:
                    self.now = wake
                self.routers[wakes.index(wake)].round()
            else:
                when, _, what, arguments = heapq.heappop(due)
                if when > end:
                    return
                self.now = when
                what(*arguments)
        raise ViolationError(Rule.BUSY, wakes.index(min(wakes)), self.now)

    def _look(self) -> None:
        self.oracle.look()
        self.at(self.now + LOOK * self.schedule.interval, self._look)
