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
from tests.simulation import group_runs
from tests.simulation.group_runs import Broken, report, run, run_all
from tests.simulation.group_tally import Tally
from tests.simulation.regressions import GROUP_SEEDS

SCHEDULES = 300
CAUSES = (
    Cause.NOBODY_HEARD,
    Cause.PREEMPTED,
    Cause.FAULT_FOUND,
    Cause.LINK_LOST,
    Cause.FAULTS_GONE,
    Cause.PEER_LEADS,
    Cause.PEER_STOPPED,
    Cause.TIMER_LATE,
    Cause.OVERSLEPT,
    Cause.ADOPTED,
    Cause.OWNER_STARTED,
    Cause.PRIORITY_CHANGED,
    Cause.APPOINTED,
    Cause.SUCCEEDED,
    Cause.SUCCESSOR_SILENT,
)


@pytest.mark.timeout(300)
def test_a_group_moves_as_one_whatever_happens() -> None:
    tally = Tally()
    broken = run_all(range(SCHEDULES), tally)
    assert broken is None, report(broken)
    assert tally.schedules == SCHEDULES
    assert tally.missing() == []
    occurred = {cause for _, cause in tally.rows}
    assert [cause.value for cause in CAUSES if cause not in occurred] == []


@pytest.mark.parametrize("seed", GROUP_SEEDS)
def test_what_once_failed_holds(seed: int) -> None:
    broken = run(seed, Tally())
    assert broken is None, report(broken)


def test_a_failure_is_reported_with_a_chart() -> None:
    text = report(Broken(3, 20.0, "a rule"))
    assert "sync groups, seed 3, 20.0000 s: a rule" in text
    assert "MASTER: " in text
    assert "tests.simulation.replay 3 --groups" in text


def test_what_raises_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_runs, "World", None)
    assert run(3, Tally()) == Broken(3, 0.0, "TypeError: 'NoneType' object is not callable")


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
