# SPDX-License-Identifier: Apache-2.0
"""What must hold at the end of a schedule, long after the last disturbance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bascule.model.configuration import VrrpState
from tests.simulation.announced import check_side
from tests.simulation.facts import Rule, ViolationError
from tests.simulation.plan import RESTING
from tests.simulation.router import Router

if TYPE_CHECKING:
    from tests.simulation.world import World

RUNNING = (VrrpState.BACKUP, VrrpState.MASTER)


def components(world: World) -> list[list[Router]]:
    """The routers that run and hear each other."""
    left = [router for router in world.routers if router.stalled is None and router.state in RUNNING]
    found: list[list[Router]] = []
    while left:
        group, front = [], [left.pop(0)]
        while front:
            router = front.pop()
            group.append(router)
            near = [other for other in left if world.wire.open(router.number, other.number)]
            left = [other for other in left if other not in near]
            front += near
        found.append(group)
    return found


def check(world: World) -> None:
    """Raises ViolationError."""
    for group in components(world):
        _check_group(world, group)
    last = max(facts.changed_at_true for facts in world.oracle.facts)
    if last > world.schedule.ends_at - RESTING * world.schedule.interval:
        number = max(range(len(world.routers)), key=lambda entry: world.oracle.facts[entry].changed_at_true)
        raise ViolationError(Rule.RESTLESS, number, last)


def _check_group(world: World, group: list[Router]) -> None:
    active = [router for router in group if router.state is VrrpState.MASTER]
    if not active and world.schedule.witness is not None and not any(map(world.wire.witnessed, group)):
        return
    first = active[0] if active else group[0]
    if len(active) != 1:
        raise ViolationError(Rule.MANY_LEFT if active else Rule.NONE_LEFT, first.number, world.now)
    for router in group:
        if router.configuration.preempt and router.priority > first.priority:
            raise ViolationError(Rule.WRONG_ONE, first.number, world.now, f"router {router.number} should be")
        _check_side(world, router, first)


def _check_side(world: World, router: Router, active: Router) -> None:
    check_side(world, active, router.number)
    if router.machine is not None and router.machine.snapshot().active != active.address:
        raise ViolationError(Rule.STATUS, router.number, world.now)
