# SPDX-License-Identifier: Apache-2.0
"""Sync groups at work: which instance is in which, their shared faults, who moves with whom, what is reported.

Knowledge only: vrrp_group.py has the instances, and vrrp_following.py carries the moves out. The rules are in
bascule.vrrp.sync_group.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_refusals import Seldom
from bascule.model.base import Priority
from bascule.model.configuration import VrrpState
from bascule.model.messages import GroupChanged
from bascule.model.status import GroupStatus
from bascule.model.tracking import SyncGroup
from bascule.vrrp import sync_group
from bascule.vrrp.events import Fault, GroupMoves, StateChanged
from bascule.vrrp.sync_group import Member


class Sync:
    """All groups, by name, with what was last reported of them."""

    def __init__(self, log: Log, report: Callable[[GroupChanged], None]) -> None:
        """No groups; `report` is called when one has entered a state."""
        self._log = log
        self._report = report
        self._groups: dict[str, tuple[str, ...]] = {}
        self._of: dict[str, str] = {}
        self._states: dict[str, VrrpState] = {}
        self._reasons: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._seldom = Seldom()

    def configure(self, groups: tuple[SyncGroup, ...], running: Mapping[str, object]) -> None:
        """Have these groups, of the instances that run."""
        self._groups = {group.name: tuple(name for name in group.members if name in running) for group in groups}
        self._of = {name: group for group, members in self._groups.items() for name in members}
        for known in (self._states, self._reasons, self._since):
            for name in known.keys() - self._groups.keys():
                del known[name]

    def mates(self, name: str) -> tuple[str, ...]:
        """Every instance of the group of an instance, itself first; of one without a group itself."""
        group = self._of.get(name)
        return (name, *(other for other in self._groups[group] if other != name)) if group is not None else (name,)

    def faults(self, name: str, own: Callable[[str], tuple[Fault, ...]]) -> tuple[Fault, ...]:
        """Those of an instance and of its group; `own` knows each instance's."""
        group = self._of.get(name)
        if group is None:
            return own(name)
        return sync_group.shared(group, name, {member: own(member) for member in self._groups[group]})

    def moves(
        self, name: str, changes: list[StateChanged], instances: Mapping[str, Instance], now: float
    ) -> list[tuple[str, GroupMoves]]:
        """Who of the group moves, now that something happened to an instance; says who keeps it from moving."""
        group = self._of.get(name)
        if group is None:
            return []
        if self._switches(group, instances, now):
            return []
        left = any(change.previous is VrrpState.MASTER and change.state is VrrpState.BACKUP for change in changes)
        members = self._members(group, instances, name if left else None)
        found = sync_group.moves(group, members) if len(members) == len(self._groups[group]) else []
        awaited = [each for each in sync_group.awaited(members) if instances[each].machine.led]
        if awaited and not found:
            self._say_awaited(group, name, awaited, instances, now)
        return found

    def _switches(self, group: str, instances: Mapping[str, Instance], now: float) -> bool:
        """A planned switch is under way, which asks every instance of a group by itself."""
        machines = [instances[name].machine for name in self._groups[group] if name in instances]
        return any(machine.awaits is not None or machine.succeeds(now) for machine in machines)

    def _members(self, group: str, instances: Mapping[str, Instance], left: str | None = None) -> list[Member]:
        """Those that have been started."""
        running = [instances[name] for name in self._groups[group] if name in instances]
        return [
            Member(
                name=each.name,
                state=each.state,
                wants=each.machine.wants,
                led=each.machine.led,
                left=each.name == left,
            )
            for each in running
            if each.state is not VrrpState.INIT
        ]

    def _say_awaited(
        self, group: str, name: str, awaited: list[str], instances: Mapping[str, Instance], now: float
    ) -> None:
        if not instances[name].machine.wants:
            return
        count = self._seldom.due(group, now)
        if count:
            heard = [f"{each} (hears {instances[each].machine.snapshot().active})" for each in awaited]
            self._log.warning("group_awaited", group=group, instance=name, count=count, awaited=", ".join(heard))

    def settle(self, name: str, instances: Mapping[str, Instance]) -> None:
        """After all moves: report the state of the group of an instance if it is another."""
        group = self._of.get(name)
        if group is None:
            return
        members = self._members(group, instances)
        whole = len(members) == len(self._groups[group])
        state = sync_group.state_of(members) if whole else VrrpState.INIT
        if state is self._states.get(group, VrrpState.INIT):
            return
        at, why = time.time(), self._why(state, members, instances)
        self._states[group], self._reasons[group], self._since[group] = state, why, at
        if state is not VrrpState.INIT:
            self._log.notice("group_state", group=group, state=state.value, why=why)
            self._report(GroupChanged(group=group, state=state, priority=Priority(0), why=why, at=at))

    def _why(self, state: VrrpState, members: list[Member], instances: Mapping[str, Instance]) -> str:
        """Of the member that was there last: the others' reasons name it."""
        there = [instances[member.name].machine.snapshot() for member in members if member.state is state]
        first = min(there, key=lambda found: found.since, default=None)
        return first.reason if first is not None else ""

    def status(self, instances: Mapping[str, Instance]) -> tuple[GroupStatus, ...]:
        """How every group is."""
        return tuple(
            GroupStatus(
                name=name,
                members=members,
                state=self._states.get(name, VrrpState.INIT),
                since=self._since.get(name, 0.0),
                reason=self._reasons.get(name, ""),
                awaited=sync_group.awaited(self._members(name, instances)),
            )
            for name, members in self._groups.items()
        )
