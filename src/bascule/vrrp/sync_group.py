# SPDX-License-Identifier: Apache-2.0
"""Sync groups: instances that are active together or not at all (keepalived.conf(5), and by watching keepalived 2.2.7).

Pure: how the members stand in, who is to move out. A fault of one is a fault of all (`shared`). A member does not
become active by itself: it waits until all could be (`RULES`, from the top, the first that fits), so that a group of
which one half hears an active elsewhere stays where it is. What led a member away from being active leads all away.
Looked at after every event of a member, so that a mixed group, however it came about, heals.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence

from bascule.model.configuration import VrrpState
from bascule.vrrp.events import Fault, GroupMoves


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Member:
    """An instance of the group as it stands."""

    name: str
    state: VrrpState
    wants: bool = False
    """Its time to be active has come (Machine.wants)."""
    led: bool = False
    """It stands behind an active elsewhere (Machine.led)."""
    left: bool = False
    """It has just been active and is backup now."""


class Sight(enum.Enum):
    """What there is to see in a group; values are words for people."""

    ONE_LEFT = "an instance was active and is backup now, another is active still"
    ONE_LED = "an instance stands behind an active elsewhere, another is active here"
    SOME_ACTIVE = "an instance is active, and none of the backups stands behind another"
    ALL_WANT = "the time of every instance has come"


@dataclasses.dataclass(slots=True, frozen=True)
class Rule:
    """When this is seen, those in `who` become `active` or stand back."""

    sight: Sight
    who: VrrpState
    active: bool


RULES: tuple[Rule, ...] = (
    Rule(Sight.ONE_LEFT, VrrpState.MASTER, active=False),
    Rule(Sight.ONE_LED, VrrpState.MASTER, active=False),
    Rule(Sight.SOME_ACTIVE, VrrpState.BACKUP, active=True),
    Rule(Sight.ALL_WANT, VrrpState.BACKUP, active=True),
)


def _seen(sight: Sight, members: Sequence[Member]) -> Member | None:
    """Who shows it."""
    backups = [member for member in members if member.state is VrrpState.BACKUP]
    active = next((member for member in members if member.state is VrrpState.MASTER), None)
    if active is None or not backups:
        whole = len(backups) == len(members) and all(member.wants for member in members)
        return backups[-1] if sight is Sight.ALL_WANT and backups and whole else None
    match sight:
        case Sight.ONE_LEFT:
            return next((member for member in backups if member.left), None)
        case Sight.ONE_LED:
            return next((member for member in backups if member.led), None)
        case _:
            return active if sight is Sight.SOME_ACTIVE else None


def moves(group: str, members: Sequence[Member]) -> list[tuple[str, GroupMoves]]:
    """Who of a group is to move, in this order. Instances that have not started or have stopped are not members."""
    if any(member.state is VrrpState.FAULT for member in members):
        return []  # It is everybody's fault, which each is told.
    for rule in RULES:
        cause = _seen(rule.sight, members)
        if cause is not None:
            reason = f"with {cause.name} in sync group {group}"
            move = GroupMoves(active=rule.active, reason=reason)
            return [(member.name, move) for member in members if member.state is rule.who]
    return []


def shared(group: str, name: str, own: Mapping[str, tuple[Fault, ...]]) -> tuple[Fault, ...]:
    """The faults of a member: its own, then what else the others have, by name. `own`: of each member."""
    mine = {fault.words for fault in own[name]}
    theirs = ((other, fault) for other, faults in own.items() if other != name for fault in faults)
    others = [(other, fault) for other, fault in theirs if fault.words not in mine or fault.mute]
    return (*own[name], *(Fault(f"{other} of sync group {group}: {fault.words}") for other, fault in others))


def state_of(members: Sequence[Member]) -> VrrpState:
    """The group's state: active when all are, in fault when one is."""
    states = {member.state for member in members}
    if not states or VrrpState.INIT in states:
        return VrrpState.INIT
    if VrrpState.FAULT in states:
        return VrrpState.FAULT
    return VrrpState.MASTER if states == {VrrpState.MASTER} else VrrpState.BACKUP


def awaited(members: Sequence[Member]) -> tuple[str, ...]:
    """Of a group in which some could be active: those that keep it from being."""
    wanting = any(member.wants for member in members)
    return tuple(member.name for member in members if wanting and not member.wants)


def as_table() -> str:
    """The rules as Markdown, for the documentation."""
    lines = ["| seen | who moves | to |", "|---|---|---|"]
    for rule in RULES:
        target = VrrpState.MASTER if rule.active else VrrpState.BACKUP
        lines.append(f"| {rule.sight.value} | all in {rule.who.value} | {target.value} |")
    return "\n".join(lines)
