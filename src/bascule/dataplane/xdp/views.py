# SPDX-License-Identifier: Apache-2.0
"""What the XDP director's tables say, in the model's words. Reads only; the writer and every reader share it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

import numpy as np

from bascule.dataplane.xdp.allocation import PROTOCOLS, Records, server_name, service_name
from bascule.dataplane.xdp.expiry import live
from bascule.dataplane.xdp.layout import (
    META_SERVER_MASK,
    META_STATE_MASK,
    META_STATE_SHIFT,
    META_TEMPLATE,
    SERVICE_PERSISTENT,
    SERVICE_PRESENT,
    SLOT,
    SchedulerNumber,
    State,
)
from bascule.dataplane.xdp.loader import Director
from bascule.dataplane.xdp.rates import RatesView
from bascule.model.base import Seconds, Weight
from bascule.model.service import (
    Connection,
    ConnectionState,
    Counters,
    Rates,
    RealServer,
    RealServerView,
    Scheduler,
    ServiceView,
    VirtualService,
)

SCHEDULERS = {
    SchedulerNumber[scheduler.name]: scheduler
    for scheduler in (Scheduler.WLC, Scheduler.LC, Scheduler.WRR, Scheduler.RR)
}
"""The schedulers that the program knows."""

UNRESOLVED = "its MAC address is not known"


def services(
    director: Director, rates: RatesView | None = None, trouble: Mapping[ipaddress.IPv4Address, str] | None = None
) -> tuple[ServiceView, ...]:
    """Every service that is present, in the order of the table. Without `trouble` the MACs alone tell."""
    present = np.flatnonzero(director.services["flags"] & np.uint32(SERVICE_PRESENT))
    if not len(present):
        return ()
    of_services = director.service_counters(int(present[-1]) + 1)
    lists = {int(index): listed(director, int(index)) for index in present}
    of_servers = director.server_counters(max((max(found, default=0) for found in lists.values()), default=0) + 1)
    return tuple(
        ServiceView(
            service=_service(director, index),
            servers=tuple(
                _server(director.servers[each], of_servers[each], rates.server(each) if rates else Rates(), trouble)
                for each in found
            ),
            counters=_counters(of_services[index]),
            rates=rates.service(index) if rates else Rates(),
        )
        for index, found in lists.items()
    )


def listed(director: Director, service: int) -> tuple[int, ...]:
    """The server indexes of a service, in scheduling order."""
    count = int(director.services["server_count"][service])
    return tuple(int(index) for index in director.lists[service][:count])


def connections(director: Director) -> Iterator[Connection]:
    """Every connection that is not over, and every template."""
    now, timeouts = director.now(), director.settings["timeouts"]
    for slots in (director.slots, director.overflow().view(SLOT).reshape(-1)):
        for position in live(slots):
            entry = _connection(director, slots[position].copy(), now, timeouts)
            if entry is not None:
                yield entry


def _connection(director: Director, slot: Records, now: int, timeouts: Records) -> Connection | None:
    """The slot as a connection; None when its timeout has passed, or its service or server is not known."""
    meta = int(slot["meta"])
    state = (meta & META_STATE_MASK) >> META_STATE_SHIFT
    service, server = director.services[int(slot["service"])], director.servers[meta & META_SERVER_MASK]
    template = bool(meta & META_TEMPLATE)
    span = int(service["persistence"]) if template else int(timeouts[state])
    age = ((now - int(slot["stamp"]) + 2**31) & 0xFFFFFFFF) - 2**31
    if not service["address"] or not server["service"] or (age > span and not template):
        return None
    protocol, virtual, real = PROTOCOLS[int(service["protocol"])], service_name(service), server_name(server)
    return Connection(
        protocol=protocol,
        client=ipaddress.IPv4Address(int(slot["address"])),
        client_port=int(slot["port"]),
        virtual=virtual.address,
        virtual_port=virtual.port,
        real=real.address,
        real_port=real.port,
        state=_state(state, template),
        expires=Seconds(max(0, span - age) / director.hz),
    )


def _state(number: int, template: bool) -> ConnectionState:
    """A template that has seen an established connection is ASSURED, as IPVS calls it."""
    if template:
        return ConnectionState.ASSURED if number == State.ESTABLISHED else ConnectionState.NONE
    return ConnectionState[State(number).name]


def _service(director: Director, index: int) -> VirtualService:
    record = director.services[index]
    persistent = int(record["flags"]) & SERVICE_PERSISTENT
    return VirtualService(
        id=service_name(record),
        scheduler=SCHEDULERS[SchedulerNumber(int(record["scheduler"]))],
        persistence=Seconds(round(int(record["persistence"]) / director.hz, 3)) if persistent else None,
    )


def _server(
    record: Records, counters: Records, rates: Rates, trouble: Mapping[ipaddress.IPv4Address, str] | None
) -> RealServerView:
    name = server_name(record)
    found = trouble.get(ipaddress.IPv4Address(name.address)) if trouble is not None else None
    if trouble is None and not record["mac"]:
        found = UNRESOLVED
    return RealServerView(
        server=RealServer(address=name.address, port=name.port, weight=Weight(int(record["weight"]))),
        active=int(record["active"]),
        inactive=int(record["inactive"]),
        persistent=int(record["persistent"]),
        counters=_counters(counters),
        rates=rates,
        trouble=found,
    )


def _counters(record: Records) -> Counters:
    return Counters(
        connections=int(record["connections"]), packets_in=int(record["packets"]), bytes_in=int(record["bytes"])
    )
