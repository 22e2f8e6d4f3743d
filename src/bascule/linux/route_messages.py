# SPDX-License-Identifier: Apache-2.0
"""A route of the configuration as the kernel's netlink message (rtnetlink(7), RTM_NEWROUTE): encoding only.

Interfaces are numbers here. What the kernel does not know of in a route (an encapsulation without its module) is its
refusal, in its words.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable

from bascule.linux.netlink import attribute
from bascule.model.base import IPAddress
from bascule.model.routing import (
    Encapsulation,
    EncapsulationKind,
    MetricKind,
    NextHop,
    Realms,
    Route,
    RouteMetric,
)

INFO = struct.Struct("=BBBBBBBBI")
"""rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags."""

DESTINATION, SOURCE, OUT_INTERFACE, GATEWAY, PRIORITY = 1, 2, 4, 5, 6
_PREFERRED_SOURCE, _METRICS, _MULTIPATH, _FLOW, TABLE, _VIA = 7, 8, 9, 11, 15, 18
_PREFERENCE, _ENCAPSULATION_KIND, _ENCAPSULATION, _EXPIRES, _TTL_PROPAGATE = 20, 21, 22, 23, 26
_METRIC_LOCK, _METRIC_CONGESTION_CONTROL = 1, 16
_ON_LINK = 4
_NESTED = 0x8000
_NEXT_HOP = struct.Struct("=HBBi")
_TABLE_MAX_BYTE = 255

_IP_KEYS = {"identifier": 1, "destination": 2, "source": 3, "ttl": 4, "tos": 5, "flags": 6}
_MPLS_LABELS, _MPLS_TTL, _ILA_LOCATOR = 1, 2, 1

Index = Callable[[str], int]
"""From an interface's name to its number."""


def family_of(address: IPAddress) -> int:
    """The address family."""
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def encode(route: Route, table: int, index: Index) -> bytes:
    """The message of a route in `table`. Raises whatever `index` raises for an interface that is not there."""
    destination, source = route.destination, route.source
    lengths = (destination.length, source.length if source is not None else 0)
    body = INFO.pack(
        family_of(destination.address),
        *lengths,
        route.tos,
        table if table <= _TABLE_MAX_BYTE else 0,
        route.protocol,
        route.scope,
        route.type,
        _ON_LINK if route.onlink else 0,
    )
    if destination.length:
        body += attribute(DESTINATION, destination.address.packed)
    if source is not None and source.length:
        body += attribute(SOURCE, source.address.packed)
    body += attribute(TABLE, struct.pack("=I", table))
    return body + b"".join(_options(route, index))


def _options(route: Route, index: Index) -> Iterable[bytes]:
    if route.metric is not None:
        yield attribute(PRIORITY, struct.pack("=I", route.metric))
    if route.preferred_source is not None:
        yield attribute(_PREFERRED_SOURCE, route.preferred_source.packed)
    if route.gateway is not None:
        yield _gateway(route.gateway, route.destination.address.version)
    if route.device is not None:
        yield attribute(OUT_INTERFACE, struct.pack("=I", index(route.device)))
    if route.encapsulation is not None:
        yield _encapsulation(route.encapsulation)
    if route.realms is not None:
        yield _flow(route.realms)
    metrics = _metrics(route.metrics, route.congestion_control, route.congestion_control_locked)
    if metrics:
        yield attribute(_METRICS | _NESTED, metrics)
    if route.expires is not None:
        yield attribute(_EXPIRES, struct.pack("=I", route.expires))
    if route.preference is not None:
        yield attribute(_PREFERENCE, bytes((route.preference,)))
    if route.ttl_propagate is not None:
        yield attribute(_TTL_PROPAGATE, bytes((route.ttl_propagate,)))
    if route.next_hops:
        version = route.destination.address.version
        yield attribute(_MULTIPATH, b"".join(_next_hop(hop, version, index) for hop in route.next_hops))


def _gateway(gateway: IPAddress, version: int) -> bytes:
    """A next router of the other family goes into an attribute that names its own."""
    if gateway.version == version:
        return attribute(GATEWAY, gateway.packed)
    return attribute(_VIA, struct.pack("=H", family_of(gateway)) + gateway.packed)


def _flow(realms: Realms) -> bytes:
    return attribute(_FLOW, struct.pack("=I", realms.source << 16 | realms.destination))


def _metrics(metrics: tuple[RouteMetric, ...], congestion_control: str | None, locked: bool) -> bytes:
    lock = sum(1 << metric.kind for metric in metrics if metric.locked)
    lock |= 1 << _METRIC_CONGESTION_CONTROL if locked else 0
    body = b"".join(attribute(MetricKind(metric.kind), struct.pack("=I", metric.value)) for metric in metrics)
    if congestion_control is not None:
        body += attribute(_METRIC_CONGESTION_CONTROL, congestion_control.encode() + b"\0")
    return (attribute(_METRIC_LOCK, struct.pack("=I", lock)) if lock else b"") + body


def _next_hop(hop: NextHop, version: int, index: Index) -> bytes:
    body = _gateway(hop.gateway, version) if hop.gateway is not None else b""
    body += _flow(hop.realms) if hop.realms is not None else b""
    body += _encapsulation(hop.encapsulation) if hop.encapsulation is not None else b""
    number = index(hop.device) if hop.device is not None else 0
    flags = _ON_LINK if hop.onlink else 0
    return _NEXT_HOP.pack(_NEXT_HOP.size + len(body), flags, hop.weight - 1, number) + body


def _encapsulation(wrapped: Encapsulation) -> bytes:
    kind = attribute(_ENCAPSULATION_KIND, struct.pack("=H", wrapped.kind))
    return kind + attribute(_ENCAPSULATION | _NESTED, _WRAPPINGS[wrapped.kind](wrapped))


def _ip(wrapped: Encapsulation) -> bytes:
    """Of IPv4 and IPv6 alike: 64 bits of identifier, addresses, bytes, 16 bits of flags."""
    values: dict[str, bytes | None] = {
        "identifier": struct.pack("!Q", wrapped.identifier) if wrapped.identifier is not None else None,
        "destination": wrapped.destination.packed if wrapped.destination is not None else None,
        "source": wrapped.source.packed if wrapped.source is not None else None,
        "ttl": bytes((wrapped.ttl,)) if wrapped.ttl is not None else None,
        "tos": bytes((wrapped.tos,)) if wrapped.tos is not None else None,
        "flags": struct.pack("!H", wrapped.flags) if wrapped.flags is not None else None,
    }
    return b"".join(attribute(_IP_KEYS[name], value) for name, value in values.items() if value is not None)


def _mpls(wrapped: Encapsulation) -> bytes:
    last = len(wrapped.labels) - 1
    stack = (struct.pack("!I", label << 12 | (0x100 if at == last else 0)) for at, label in enumerate(wrapped.labels))
    body = attribute(_MPLS_LABELS, b"".join(stack))
    return body + (attribute(_MPLS_TTL, bytes((wrapped.ttl,))) if wrapped.ttl is not None else b"")


def _ila(wrapped: Encapsulation) -> bytes:
    return attribute(_ILA_LOCATOR, struct.pack("!Q", wrapped.locator or 0))


_WRAPPINGS: dict[EncapsulationKind, Callable[[Encapsulation], bytes]] = {
    EncapsulationKind.MPLS: _mpls,
    EncapsulationKind.IP: _ip,
    EncapsulationKind.IP6: _ip,
    EncapsulationKind.ILA: _ila,
}


def key_of(body: bytes, found: dict[int, bytes]) -> tuple[object, ...]:
    """What tells a route from others of its table, from a message: ours, or the kernel's about its removal."""
    family, length, _, tos, table, _, _, _, _ = INFO.unpack_from(body)
    wide = found.get(TABLE, b"")
    number = struct.unpack("=I", wide)[0] if len(wide) == 4 else table
    packed = found.get(DESTINATION, b"")
    kept = int.from_bytes(packed, "big") >> max(0, len(packed) * 8 - length)
    return (family, length, kept, tos, number)
