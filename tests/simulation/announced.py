# SPDX-License-Identifier: Apache-2.0
"""The last announcement on a segment is the active's: whose it is at the side of each router, and what excuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bascule.model.configuration import VrrpState
from tests.simulation.facts import Rule, ViolationError
from tests.simulation.wire import NEVER

SUCCESSION = 0.005
"""Seconds that an active waits for its successor."""

if TYPE_CHECKING:
    from tests.simulation.router import Router
    from tests.simulation.world import World


def check_side(world: World, active: Router, side: int, since: float | None = None) -> None:
    """At one router's side; what has gone on since then is not judged yet. Raises ViolationError."""
    for address in active.configuration.addresses:
        last = world.wire.announced[side].get(address)
        if last == active.number or _under_way(world, last, since) or _excused(world, last, active.number, side):
            continue
        raise ViolationError(Rule.STALE, active.number, world.now, f"{address} at router {side}'s side")


def _under_way(world: World, last: int | None, since: float | None) -> bool:
    """Whether the other one is still active, which is another rule's matter, or was a moment ago."""
    if last is None or since is None:
        return False
    return world.routers[last].state is VrrpState.MASTER or world.oracle.facts[last].left_at_true >= since


def _excused(world: World, last: int | None, active: int, side: int) -> bool:
    """Whether the active could not know that another had announced the addresses, or could not reach that side.

    It is told by the advert of one that stands back, stops, or whose last will is executed, and by the successor's of
    one that hands over, which has announced a moment before its predecessor leaves. One that dies whole behind
    a partition says nothing; nor is there a word that cannot get lost. Then only announcing now and then would help.
    So it does where one that was active already refuses, as it reads too late that it is asked, and its next advert is
    taken for its answer: the role announces three seconds after the last sign of a second active (vrrp_alarm.py).
    """
    if last is None:
        return world.wire.unannounced[active][side] > NEVER
    facts = world.oracle.facts[last]
    unasked = facts.left_handing and facts.left_to is None
    if unasked and world.oracle.facts[active].active_since_true < facts.handing_at_true:
        return True
    since = facts.left_at_true
    if facts.left_handing:  # It may have been stopped between.
        since = min(since - SUCCESSION, max(facts.handing_at_true, 0.0))
    teller = last if facts.left_to is None else facts.left_to
    lost = max(world.wire.bad_at[teller][active], world.wire.slept[teller][active]) >= since
    return facts.left_silently or lost or world.wire.unannounced[active][side] >= since
