# SPDX-License-Identifier: Apache-2.0
"""Sync groups by simulation: every rule holds in 300 schedules, and a rule of the group that is gone is missed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import pytest

from bascule.vrrp import sync_group
from bascule.vrrp.events import GroupMoves
from bascule.vrrp.sync_group import Member, Sight
from bascule.vrrp.transitions import Cause
from tests.simulation.groups import Tally, Trouble, run_all

SCHEDULES = 300
CAUSES = (
    Cause.GROUP_AWAITED,
    Cause.GROUP_STANDS_BACK,
    Cause.NOBODY_HEARD,
    Cause.PREEMPTED,
    Cause.FAULT_FOUND,
    Cause.LINK_LOST,
    Cause.FAULTS_GONE,
    Cause.PEER_LEADS,
    Cause.PEER_STOPPED,
    Cause.TIMER_LATE,
    Cause.OVERSLEPT,
)


@pytest.mark.timeout(300)
def test_a_group_moves_as_one_whatever_happens() -> None:
    tally = Tally()
    assert run_all(range(SCHEDULES), tally) is None
    assert tally.schedules == SCHEDULES
    assert [trouble.value for trouble in Trouble if not tally.troubles[trouble]] == []
    assert [cause.value for cause in CAUSES if not tally.causes[cause]] == []


def without(sight: Sight, group: str, members: Sequence[Member]) -> list[tuple[str, GroupMoves]]:
    """The group's moves with one of its rules gone."""
    rules = sync_group.RULES
    try:
        sync_group.RULES = tuple(rule for rule in rules if rule.sight is not sight)
        return sync_group.moves(group, members)
    finally:
        sync_group.RULES = rules


def hasty(group: str, members: Sequence[Member]) -> list[tuple[str, GroupMoves]]:
    """The defect: each member goes as soon as it could."""
    moves = [(member.name, GroupMoves(active=True, reason="")) for member in members if member.wants]
    return moves or sync_group.moves(group, members)


def forgetful(group: str, members: Sequence[Member]) -> list[tuple[str, GroupMoves]]:
    """The defect: one that stood back takes nobody with it."""
    return sync_group.moves(group, [dataclasses.replace(member, left=False, led=False) for member in members])


@pytest.mark.parametrize("sight", [Sight.ALL_WANT])
def test_a_rule_that_is_gone_is_missed(sight: Sight) -> None:
    assert run_all(range(SCHEDULES), Tally(), functools.partial(without, sight)) is not None


@pytest.mark.parametrize("defect", [hasty, forgetful])
def test_a_defect_is_found(defect: object) -> None:
    assert run_all(range(SCHEDULES), Tally(), defect) is not None  # type: ignore[arg-type]
