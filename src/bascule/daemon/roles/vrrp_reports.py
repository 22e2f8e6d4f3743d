# SPDX-License-Identifier: Apache-2.0
"""What the vrrp role tells the others: states, the last will, the status. Values only; the runner sends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from bascule.daemon.roles import vrrp_plan
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_refusals import merged
from bascule.daemon.roles.vrrp_routes import in_words
from bascule.model.base import Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.model.messages import (
    GroupChanged,
    InstanceChanged,
    InstanceState,
    LastWill,
    LowerPriorityHeard,
    WillAddress,
    WillFrame,
    WillRequest,
)
from bascule.model.status import AlarmStatus, GroupStatus, InstanceStatus, VrrpStatus
from bascule.vrrp.events import AdvertReceived, StateChanged
from bascule.vrrp.priority import effective


def state_of(instance: Instance) -> InstanceState:
    """How an instance is."""
    found = instance.machine.snapshot()
    return InstanceState(
        instance=instance.name,
        state=found.state,
        priority=found.priority,
        since=instance.since,
        reason=found.reason,
    )


def change_of(instance: Instance, change: StateChanged) -> InstanceChanged:
    """That an instance entered a state; at its end with the priority that it had before it was held back for that."""
    found = instance.machine.snapshot()
    ended = change.state is VrrpState.INIT
    return InstanceChanged(
        instance=instance.name,
        state=change.state,
        priority=effective(found.configured, instance.standing.change) if ended else found.priority,
        why=change.reason,
        at=time.time(),
    )


def stopped(group: GroupStatus) -> GroupChanged:
    """That a sync group ends with the daemon."""
    return GroupChanged(group=group.name, state=VrrpState.INIT, priority=Priority(0), why="stopped", at=time.time())


def lower_of(instance: Instance, heard: AdvertReceived) -> LowerPriorityHeard:
    """That an active instance heard an advert of lower priority."""
    return LowerPriorityHeard(
        instance=instance.name,
        priority=instance.machine.priority,
        heard=heard.priority,
        source=heard.source,
        at=time.time(),
    )


def will_of(
    instances: Iterable[Instance], requests: Callable[[str], tuple[WillRequest, ...]] = lambda _: ()
) -> LastWill:
    """What to send and to take off if this process dies now: the actives' priority 0 and addresses."""
    active = [instance for instance in instances if instance.state is VrrpState.MASTER]
    return LastWill(
        frames=tuple(
            WillFrame(
                interface=instance.seat.talks,
                source=instance.source,
                destination=destination,
                ttl=instance.ttl,
                packet=message,
                whole=whole,
            )
            for instance in active
            for destination in instance.destinations
            for message, whole in [instance.farewell(destination)]
        ),
        addresses=tuple(
            WillAddress(
                interface=entry.interface, address=entry.address, prefix_length=entry.prefix_length, peer=entry.peer
            )
            for instance in active
            for entry in instance.moving
        ),
        requests=tuple(request for instance in active for request in requests(instance.name)),
    )


def status_of(
    instances: Iterable[Instance],
    unplaced: Mapping[str, dict[str, int]],
    lateness: float,
    notes: tuple[str, ...],
    orders_refused: dict[str, int],
    alarms: Callable[[str], tuple[AlarmStatus, ...]] = lambda _name: (),
) -> VrrpStatus:
    """The role's part of `bascule status`; `unplaced`: packets refused before an instance was known, by interface."""
    return VrrpStatus(
        instances=tuple(
            _instance_status(entry, unplaced.get(entry.seat.talks, {}), alarms(entry.name)) for entry in instances
        ),
        lateness_max=Seconds(lateness),
        notes=notes,
        orders_refused=orders_refused,
    )


def _instance_status(instance: Instance, unplaced: dict[str, int], alarms: tuple[AlarmStatus, ...]) -> InstanceStatus:
    found = instance.machine.snapshot()
    return InstanceStatus(
        name=instance.name,
        interface=instance.config.interface,
        vrid=instance.config.vrid,
        state=found.state,
        priority=found.priority,
        configured_priority=found.configured,
        since=instance.since,
        reason=found.reason,
        master=found.active,
        virtual_addresses=tuple(entry.address for entry in instance.addresses),
        adverts_sent=instance.sent,
        adverts_received=instance.received,
        packets_refused=merged(instance.refusals.counts, unplaced),
        version=instance.config.version,
        active_interval=instance.machine.pace,
        checksum_forms=dict(instance.checksum_forms),
        routes=_routes(instance),
        virtual_mac=_virtual_mac(instance),
        made_interfaces=_made_interfaces(instance),
        held=found.held,
        handed_to=found.handed_to,
        alarms=alarms,
    )


def _routes(instance: Instance) -> tuple[str, ...]:
    active = instance.state is VrrpState.MASTER
    return tuple(in_words(entry) for entry in vrrp_plan.entries_of(instance.config)) if active else ()


def _virtual_mac(instance: Instance) -> str | None:
    """The virtual MAC address and the interface that has it, in words."""
    virtual = instance.config.virtual_mac
    return f"{virtual.address} on {instance.seat.holds}" if virtual is not None else None


def _made_interfaces(instance: Instance) -> tuple[str, ...]:
    """The interfaces that were made on others for an instance, in words."""
    seat, between = instance.seat, instance.config.ipvlan
    found = [f"macvlan {seat.holds} on {seat.base}"] if instance.config.virtual_mac is not None else []
    if between is not None:
        at = f" at {between.address}" if between.address is not None else ""
        found.append(f"ipvlan {seat.talks} on {seat.base}{at}")
    found += [f"macvlan {each.holds} on {each.base} for IPv{each.family} addresses" for each in seat.aparts]
    return tuple(found)
