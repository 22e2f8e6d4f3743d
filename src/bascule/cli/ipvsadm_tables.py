# SPDX-License-Identifier: Apache-2.0
"""The tables of ipvsadm 1.31, byte for byte: column widths, trailing blanks, scaled numbers, order (ipvsadm(8)).

Text only: where the values come from and how addresses become names is the caller's matter.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator

from bascule.model.base import IPAddress
from bascule.model.service import (
    Connection,
    Counters,
    ForwardingMethod,
    Protocol,
    Rates,
    RealServerView,
    ServiceView,
)

Naming = Callable[[IPAddress, int, Protocol], str]
"""How an address and port of a protocol is written: `192.168.2.240:80`, `[fd00::1]:443`, `web1:http`."""

BANNER = "IP Virtual Server version 1.2.1 (size={size})"

CONNECTIONS_HEADER = (
    "IPVS connection entries",
    "pro expire state       source             virtual            destination",
)
CONNECTIONS_PERSISTENT_HEADER = (
    CONNECTIONS_HEADER[0],
    f"{CONNECTIONS_HEADER[1]}        pe name          pe_data",
)

FORWARDING = {ForwardingMethod.DR: "Route", ForwardingMethod.TUN: "Tunnel", ForwardingMethod.NAT: "Masq"}

WIDEST_PLAIN = 100_000_000
"""Numbers below this stand as they are; above, in thousands (K), millions (M) and so on."""


class Layout(enum.Enum):
    """The tables of services that ipvsadm knows."""

    PLAIN = "plain"
    STATS = "stats"
    RATE = "rate"
    THRESHOLDS = "thresholds"
    PERSISTENT = "persistent-conn"


HEADERS = {
    Layout.PLAIN: (
        "Prot LocalAddress:Port Scheduler Flags",
        "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
    ),
    Layout.STATS: (
        "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes",
        "  -> RemoteAddress:Port",
    ),
    Layout.RATE: (
        "Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS",
        "  -> RemoteAddress:Port",
    ),
    Layout.THRESHOLDS: (
        "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ",
        "  -> RemoteAddress:Port",
    ),
    Layout.PERSISTENT: (
        "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn ",
        "  -> RemoteAddress:Port",
    ),
}


def services_table(
    services: Iterable[ServiceView], layout: Layout, naming: Naming, *, exact: bool = False
) -> Iterator[str]:
    """The lines of a table in the order given, without the banner: it stands above whole tables only."""
    yield from HEADERS[layout]
    for view in services:
        name = view.service.id
        yield _service_line(view, layout, naming(name.address, name.port, name.protocol), exact)
        for server in view.servers:
            written = naming(server.server.address, server.server.port, name.protocol)
            yield _server_line(server, layout, written, exact)


def connections_table(connections: Iterable[Connection], naming: Naming, *, persistent: bool = False) -> Iterator[str]:
    """The lines of `--list --connection`; `persistent` adds the persistence engines' headings (we have none)."""
    yield from CONNECTIONS_PERSISTENT_HEADER if persistent else CONNECTIONS_HEADER
    for entry in connections:
        source = naming(entry.client, entry.client_port, entry.protocol)
        virtual = naming(entry.virtual, entry.virtual_port, entry.protocol)
        real = naming(entry.real, entry.real_port, entry.protocol)
        minutes, seconds = divmod(max(0, int(entry.expires)), 60)
        yield (
            f"{entry.protocol.value.upper():<3} {minutes:02d}:{seconds:02d}  {entry.state.value:<11} "
            f"{source:<18} {virtual:<18} {real}"
        )


def in_order(services: Iterable[ServiceView]) -> tuple[ServiceView, ...]:
    """Services and their servers as ipvsadm sorts them: family, protocol, address, port."""
    ordered = sorted(services, key=lambda view: _rank(view.service.id.address, view.service.id.port, view))
    return tuple(_with_servers(view) for view in ordered)


def _rank(address: IPAddress, port: int, view: ServiceView | None = None) -> tuple[int, int, int, int]:
    protocol = view.service.id.protocol.number if view is not None else 0
    return address.version, protocol, int(address), port


def _with_servers(view: ServiceView) -> ServiceView:
    servers = sorted(view.servers, key=lambda entry: _rank(entry.server.address, entry.server.port))
    return ServiceView(
        service=view.service, servers=tuple(servers), counters=view.counters, rates=view.rates, ours=view.ours
    )


def number(value: int, *, exact: bool = False) -> str:
    """A number in a field of nine: whole up to eight digits, then scaled; `exact` lets the field grow instead."""
    if exact or value < WIDEST_PLAIN:
        return f" {value:>8}"
    suffix, _, unit = next(scale for scale in SCALES if value < scale[1])
    return f"{value // unit:>8}{suffix}"


SCALES = (("K", 10**9, 10**3), ("M", 10**11, 10**6), ("G", 10**14, 10**9), ("T", 10**30, 10**12))
"""Suffix, the number from which the next one is used, unit."""


def _service_line(view: ServiceView, layout: Layout, name: str, exact: bool) -> str:
    prefix = f"{view.service.id.protocol.value.upper():<4} "
    if layout is Layout.STATS:
        return f"{prefix}{name:<28}{_totals(view.counters, exact)}"
    if layout is Layout.RATE:
        return f"{prefix}{name:<28}{_totals(view.rates, exact)}"
    persistence = view.service.persistence
    flags = f" persistent {int(persistence)}" if persistence is not None else ""
    return f"{prefix}{name} {view.service.scheduler.value}{flags}"


def _server_line(view: RealServerView, layout: Layout, name: str, exact: bool) -> str:
    server = view.server
    connections = f"{view.active:<10} {view.inactive:<10}"
    match layout:
        case Layout.STATS:
            rest = _totals(view.counters, exact)
        case Layout.RATE:
            rest = _totals(view.rates, exact)
        case Layout.THRESHOLDS:
            rest = f" {server.upper_threshold:<10} {server.lower_threshold:<10} {connections}"
        case Layout.PERSISTENT:
            rest = f" {server.weight:<9} {view.persistent:<11} {connections}"
        case Layout.PLAIN:
            rest = f" {FORWARDING[server.forwarding]:<7} {server.weight:<6} {connections}"
    return f"  -> {name:<28}{rest}"


def _totals(of: Counters | Rates, exact: bool) -> str:
    values = (of.connections, of.packets_in, of.packets_out, of.bytes_in, of.bytes_out)
    return "".join(number(value, exact=exact) for value in values)
