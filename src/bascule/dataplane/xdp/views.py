# SPDX-License-Identifier: Apache-2.0
"""What the XDP director's tables say, in the model's words. Reads only; the writer and every reader share it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

import numpy as np

from bascule.dataplane.xdp.allocation import Records, server_name, service_name
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
    """Every connection that is not over, and every template, of services and servers that are known."""
    now, timeouts = director.now(), director.settings["timeouts"]
    services = {
        int(index): service_name(director.services[index]) for index in director.services["address"].nonzero()[0]
    }
    servers = {int(index): server_name(director.servers[index]) for index in director.servers["service"].nonzero()[0]}
    for slots in (director.slots, director.overflow().view(SLOT).reshape(-1)):
        held = slots[live(slots)]
        meta = held["meta"]
        state = (meta & np.uint32(META_STATE_MASK)) >> np.uint32(META_STATE_SHIFT)
        template = (meta & np.uint32(META_TEMPLATE)) != 0
        span = np.where(template, director.services["persistence"][held["service"]], timeouts[state]).astype(np.int64)
        left = span - (np.uint32(now) - held["stamp"]).view(np.int32)
        columns = (held["address"], held["port"], held["service"], meta & np.uint32(META_SERVER_MASK), state, template)
        shown = template | (left >= 0)
        rows = zip(*(column[shown].tolist() for column in (*columns, np.maximum(left, 0))), strict=True)
        for address, port, service, server, number, is_template, ticks in rows:
            if service in services and server in servers:
                virtual, real = services[service], servers[server]
                yield Connection(
                    protocol=virtual.protocol,
                    client=ipaddress.IPv4Address(address),
                    client_port=port,
                    virtual=virtual.address,
                    virtual_port=virtual.port,
                    real=real.address,
                    real_port=real.port,
                    state=_state(number, is_template),
                    expires=Seconds(ticks / director.hz),
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
