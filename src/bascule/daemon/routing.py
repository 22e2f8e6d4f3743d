# SPDX-License-Identifier: Apache-2.0
"""Who may say what on the bus, to whom it goes, and the latest state of everything for a role that starts later."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from bascule.model.configuration import Configuration
from bascule.model.messages import (
    ROUTES,
    AlarmChanged,
    CheckTarget,
    GroupChanged,
    Handover,
    InstanceChanged,
    InstanceState,
    LastWill,
    LowerPriorityHeard,
    Message,
    PredecessorAsks,
    PredecessorKnown,
    QuorumChanged,
    Ready,
    Role,
    ScriptVerdict,
    ServerChanged,
    SuspendChecks,
    SwitchOutcome,
    TrackerChanged,
    Verdict,
    VerdictsWanted,
    topic,
)

SENDERS: dict[type[msgspec.Struct], Role] = {
    InstanceState: Role.VRRP,
    PredecessorAsks: Role.VRRP,
    PredecessorKnown: Role.PLANE,
    LastWill: Role.VRRP,
    Handover: Role.VRRP,
    SwitchOutcome: Role.VRRP,
    InstanceChanged: Role.VRRP,
    GroupChanged: Role.VRRP,
    Ready: Role.PLANE,
    SuspendChecks: Role.PLANE,
    VerdictsWanted: Role.PLANE,
    ServerChanged: Role.PLANE,
    QuorumChanged: Role.PLANE,
    Verdict: Role.CHECKS,
    LowerPriorityHeard: Role.VRRP,
    TrackerChanged: Role.VRRP,
    AlarmChanged: Role.VRRP,
    ScriptVerdict: Role.NOTIFY,
}
"""The one role that each message may come from: a role without privileges cannot speak for one with them.

What is not listed here names its role itself (Started, Refused, StatusReply)."""


def may_send(role: Role, message: Message) -> bool:
    """Whether this message may come from this role."""
    if type(message) not in ROUTES:
        return False
    return role == SENDERS.get(type(message), getattr(message, "role", None))


def receivers(message: Message) -> tuple[Role, ...]:
    """The roles that the supervisor forwards this message to."""
    return tuple(role for role in ROUTES[type(message)] if role is not Role.SUPERVISOR)


class StateCache:
    """The latest state message of each topic."""

    def __init__(self, messages: Collection[Message] = ()) -> None:
        """Begin with what another cache held."""
        self._latest: dict[tuple[object, ...], Message] = {}
        for message in messages:
            self.keep(message)

    def keep(self, message: Message) -> None:
        """Remember a state message in place of the one before; events are not kept."""
        key = topic(message)
        if key is not None:
            self._latest[key] = message

    def all(self) -> tuple[Message, ...]:
        """Everything kept."""
        return tuple(self._latest.values())

    def for_role(self, role: Role) -> tuple[Message, ...]:
        """What a role that starts now must hear first."""
        return tuple(message for message in self._latest.values() if role in ROUTES[type(message)])

    def forget_role(self, role: Role) -> None:
        """Drop what a role has said that does not run any more."""
        self._latest = {k: m for k, m in self._latest.items() if SENDERS[type(m)] is not role}

    def prune(self, configuration: Configuration) -> None:
        """Drop what is about instances and checks that the configuration does not have."""
        instances = {instance.name for instance in configuration.instances}
        scripts = {script.name for script in configuration.track_scripts}
        targets = {
            CheckTarget(service=service.id, server=server.id, check=number)
            for service in configuration.virtual_servers
            for server in service.real_servers
            for number in range(len(server.checks))
        }

        def wanted(message: Message) -> bool:
            match message:
                case InstanceState(instance=name):
                    return name in instances
                case Verdict(target=target):
                    return target in targets
                case ScriptVerdict(script=name):
                    return name in scripts
                case _:
                    return True

        self._latest = {k: m for k, m in self._latest.items() if wanted(m)}
