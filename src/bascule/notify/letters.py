# SPDX-License-Identifier: Apache-2.0
"""Which events are worth a mail, and the words: keepalived's subjects and bodies, on which people's filters rely.

Who wants which mail is the configuration's `smtp_alert`: by default real servers only (keepalived.conf(5)).
No mail is made here, only its subject and body.
"""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import GroupChanged, InstanceChanged, QuorumChanged, ServerChanged

MailEvent: TypeAlias = ServerChanged | QuorumChanged | InstanceChanged | GroupChanged

INSTANCE_BODIES: dict[VrrpState, str] = {
    VrrpState.MASTER: "VRRP Instance is now owning VRRP VIPs",
    VrrpState.BACKUP: "VRRP Instance is no longer owning VRRP VIPs",
    VrrpState.FAULT: "VRRP Instance is no longer owning VRRP VIPs",
}
"""The states that are worth a mail."""


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Letter:
    """What a mail is to say."""

    subject: str
    """Without the router's name before it."""
    body: str
    """Without keepalived's arrows around it."""
    at: float
    """Unix time of the event."""


def letter(event: MailEvent, configuration: Configuration) -> Letter | None:
    """The mail that an event is worth; None = nobody asked for it, or what it speaks of is not configured any more."""
    if not wanted(event, configuration):
        return None
    match event:
        case ServerChanged(service=service, server=server):
            name = f"Realserver {server.text(service.protocol)} of virtual server {service}"
            return Letter(subject=f"{name} - {_up_or_down(event.up)}", body=event.why, at=event.at)
        case QuorumChanged(service=service):
            return Letter(subject=f"Virtualserver {service} - {_up_or_down(event.up)}", body=event.why, at=event.at)
        case InstanceChanged(instance=name, state=state):
            subject = f"VRRP Instance {name} - Entering {state.value} state"
            return Letter(subject=subject, body=INSTANCE_BODIES[state], at=event.at)
        case GroupChanged(group=name, state=state):
            subject = f"VRRP Group {name} - Entering {state.value} state"
            body = f"All VRRP group instances are now in {state.value} state"
            return Letter(subject=subject, body=body, at=event.at)


def wanted(event: MailEvent, configuration: Configuration) -> bool:
    """Whether the block that the event speaks of has mail on."""
    if isinstance(event, InstanceChanged):
        named = [instance for instance in configuration.instances if instance.name == event.instance]
        return event.state in INSTANCE_BODIES and any(instance.smtp_alert for instance in named)
    if isinstance(event, GroupChanged):
        groups = [group for group in configuration.sync_groups if group.name == event.group]
        return event.state in INSTANCE_BODIES and any(group.smtp_alert for group in groups)
    services = [service for service in configuration.virtual_servers if service.id == event.service]
    if isinstance(event, QuorumChanged):
        return any(service.smtp_alert for service in services)
    servers = [server for service in services for server in service.real_servers if server.id == event.server]
    return any(server.smtp_alert for server in servers)


def _up_or_down(up: bool) -> str:
    return "UP" if up else "DOWN"
