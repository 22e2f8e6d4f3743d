# SPDX-License-Identifier: Apache-2.0
"""Rules that choose a routing table (ip-rule(8), rtnetlink(7), RTM_NEWRULE): encoding, and telling them apart."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

from bascule.linux.netlink import attribute
from bascule.model.routing import Rule, RuleAction

NEW_RULE, DELETE_RULE, GET_RULE = 32, 33, 34

INFO = struct.Struct("=BBBBBBBBI")
"""fib_rule_hdr: family, lengths of destination and source, tos, table, two reserved, action, flags."""

_DESTINATION, _SOURCE, _INCOMING, _GOTO, PRIORITY, _MARK, _FLOW, _TUNNEL = 1, 2, 3, 4, 6, 10, 11, 12
_SUPPRESS_GROUP, _SUPPRESS_LENGTH, _TABLE, _MARK_MASK, _OUTGOING, _L3MDEV = 13, 14, 15, 16, 17, 19
_USERS, _PROTOCOL, _IP_PROTOCOL, _SOURCE_PORTS, _DESTINATION_PORTS = 20, 21, 22, 23, 24
_INVERT = 2
_TABLE_MAX_BYTE = 255


def encode(rule: Rule) -> bytes:
    """The message of a rule."""
    table = rule.table or 0
    family = socket.AF_INET if rule.family == 4 else socket.AF_INET6
    lengths = (prefix.length if prefix is not None else 0 for prefix in (rule.destination, rule.source))
    byte = table if table <= _TABLE_MAX_BYTE else 0
    flags = _INVERT if rule.invert else 0
    return INFO.pack(family, *lengths, rule.tos, byte, 0, 0, rule.action, flags) + b"".join(_options(rule))


def _options(rule: Rule) -> Iterable[bytes]:
    numbers = {
        PRIORITY: rule.priority,
        _MARK: rule.mark,
        _MARK_MASK: rule.mark_mask,
        _GOTO: rule.goto,
        _SUPPRESS_LENGTH: rule.suppress_prefix_length,
        _SUPPRESS_GROUP: rule.suppress_interface_group,
        _TABLE: rule.table,
        _FLOW: rule.realms.source << 16 | rule.realms.destination if rule.realms is not None else None,
    }
    for prefix, kind in ((rule.destination, _DESTINATION), (rule.source, _SOURCE)):
        if prefix is not None and prefix.length:
            yield attribute(kind, prefix.address.packed)
    for kind, number in numbers.items():
        if number is not None:
            yield attribute(kind, struct.pack("=I", number & 0xFFFFFFFF))
    for name, kind in ((rule.incoming, _INCOMING), (rule.outgoing, _OUTGOING)):
        if name is not None:
            yield attribute(kind, name.encode() + b"\0")
    if rule.action is RuleAction.TABLE and rule.table is None:
        yield attribute(_L3MDEV, b"\1")
    yield from _filters(rule)


def _filters(rule: Rule) -> Iterable[bytes]:
    yield attribute(_PROTOCOL, bytes((rule.protocol,)))
    if rule.ip_protocol is not None:
        yield attribute(_IP_PROTOCOL, bytes((rule.ip_protocol,)))
    for ports, kind in ((rule.source_ports, _SOURCE_PORTS), (rule.destination_ports, _DESTINATION_PORTS)):
        if ports is not None:
            yield attribute(kind, struct.pack("=HH", *ports))
    if rule.users is not None:
        yield attribute(_USERS, struct.pack("=II", *rule.users))
    if rule.tunnel is not None:
        yield attribute(_TUNNEL, struct.pack("!Q", rule.tunnel))


def key_of(body: bytes, found: dict[int, bytes]) -> tuple[object, ...]:
    """What tells a rule from others, from a message: ours, or the kernel's about its removal."""
    family, destination, source, tos, _, _, _, action, _ = INFO.unpack_from(body)
    ends = (found.get(_DESTINATION, b""), found.get(_SOURCE, b""))
    return (family, destination, source, tos, action, found.get(PRIORITY, b""), *ends)
