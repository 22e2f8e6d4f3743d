# SPDX-License-Identifier: Apache-2.0
"""Three tables of the kernel's packet filter (nf_tables over netlink). One drops what is sent to some of this host's
addresses, one what some of its interfaces would tell of IPv6 groups (MLD, RFC 3810), one what of IPv6 some of them
would forward. Each is put as a whole and taken away as a whole, in one transaction; nothing else in the filter is
touched.

Packets of the host to itself pass, and over IPv6 neighbour solicitations and advertisements (RFC 9568 6.4.3). Other
tables still have their say on what passes here.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections.abc import Iterable

from bascule.linux.netlink import ACK, CREATE, REQUEST, NetlinkError, NetlinkTimeoutError, attribute, split
from bascule.model.base import IPAddress

TABLE, CHAIN = "bascule", "not-accepted"
REPORTS_TABLE, REPORTS_CHAIN = "bascule-reports", "not-reported"
FORWARDED_TABLE, FORWARDED_CHAIN = "bascule-forwarded", "not-forwarded"
PRIORITY = -1
"""Before the filters that people write (0)."""

TIMEOUT = 1.0

_NETFILTER = 12
_HEADER = struct.Struct("=IHHII")
_NFGENMSG = struct.Struct("!BBH")
_BATCH_BEGIN, _BATCH_END, _ERROR = 0x10, 0x11, 2
_SUBSYSTEM = 10
_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE = 0, 2, 3, 6
_INET, _LOCAL_IN, _FORWARD, _LOCAL_OUT = 1, 1, 2, 3
_NESTED = 0x8000
_APPEND = 0x800
"""Rules in their order: else each is put before the others."""
_BIG = struct.Struct("!I")
_DROP, _ACCEPT = 0, 1
_EQUAL, _AT_MOST, _AT_LEAST = 0, 3, 5
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_META_IIF, _META_OIF, _META_IIFNAME, _META_FAMILY, _META_PROTOCOL = 4, 5, 6, 15, 16
_NAME_SIZE = 16
_FAMILIES = {4: 2, 6: 10}
_DESTINATION_AT = {4: 16, 6: 24}
_ICMPV6 = 58
_SOLICITATION, _ADVERTISEMENT = 135, 136
_REPORT, _DONE, _REPORT_2 = 131, 132, 143
_LOOPBACK_INDEX = 1


def drop_for(addresses: Iterable[IPAddress]) -> None:
    """Drop what comes for these addresses and for no others; without any, the table is gone.

    Raises NetlinkError (of a kernel without nf_tables, too) or NetlinkTimeoutError.
    """
    wanted = sorted(set(addresses), key=lambda address: (address.version, int(address)))
    rules = [_accept_own(), _accept_neighbours(), *map(_drop, wanted)] if wanted else []
    _have(TABLE, CHAIN, _LOCAL_IN, rules)


def drop_reports(indexes: Iterable[int]) -> None:
    """Drop what these interfaces, by number, would report of IPv6 groups; without any, the table is gone.

    Raises NetlinkError (of a kernel without nf_tables, too) or NetlinkTimeoutError.
    """
    ranges = ((_REPORT, _DONE), (_REPORT_2, _REPORT_2))
    rules = [_drop_messages(index, *between) for index in sorted(set(indexes)) for between in ranges]
    _have(REPORTS_TABLE, REPORTS_CHAIN, _LOCAL_OUT, rules)


def drop_forwarded(interfaces: Iterable[str]) -> None:
    """Drop what of IPv6 came in by these interfaces, by name, and is for another host; without any, the table is gone.

    Raises NetlinkError (of a kernel without nf_tables, too) or NetlinkTimeoutError.
    """
    _have(FORWARDED_TABLE, FORWARDED_CHAIN, _FORWARD, list(map(_drop_from, sorted(set(interfaces)))))


def _have(table: str, chain_name: str, hook_number: int, rules: list[list[bytes]]) -> None:
    """A table with one chain of these rules; without any, none."""
    name = _text(1, table)
    # Made first, so that taking it away cannot fail for want of it.
    messages = [(_NEW_TABLE, name), (_DELETE_TABLE, name)]
    if rules:
        hook = _nested(4, _number(1, hook_number), _number(2, PRIORITY & 0xFFFFFFFF))
        chain = name + _text(3, chain_name) + hook + _number(5, _ACCEPT) + _text(7, "filter")
        messages += [(_NEW_TABLE, name), (_NEW_CHAIN, chain)]
        messages += [(_NEW_RULE, name + _text(2, chain_name) + _nested(4, *rule)) for rule in rules]
    _commit(messages)


def _drop_messages(index: int, least: int, most: int) -> list[bytes]:
    return [
        _meta(_META_OIF),
        _compare(_EQUAL, struct.pack("=I", index)),
        *_icmpv6(least, most),
        _verdict(_DROP),
    ]


def _drop_from(interface: str) -> list[bytes]:
    name = interface.encode().ljust(_NAME_SIZE, b"\0")
    return [*_family(6), _meta(_META_IIFNAME), _compare(_EQUAL, name), _verdict(_DROP)]


def _drop(address: IPAddress) -> list[bytes]:
    at, size = _DESTINATION_AT[address.version], len(address.packed)
    return [
        *_family(address.version),
        _load(_NETWORK_HEADER, at, size),
        _compare(_EQUAL, address.packed),
        _verdict(_DROP),
    ]


def _accept_own() -> list[bytes]:
    return [_meta(_META_IIF), _compare(_EQUAL, struct.pack("=I", _LOOPBACK_INDEX)), _verdict(_ACCEPT)]


def _accept_neighbours() -> list[bytes]:
    return [*_icmpv6(_SOLICITATION, _ADVERTISEMENT), _verdict(_ACCEPT)]


def _icmpv6(least: int, most: int) -> list[bytes]:
    """ICMPv6 of these types."""
    return [
        *_family(6),
        _meta(_META_PROTOCOL),
        _compare(_EQUAL, bytes((_ICMPV6,))),
        _load(_TRANSPORT_HEADER, 0, 1),
        _compare(_AT_LEAST, bytes((least,))),
        _compare(_AT_MOST, bytes((most,))),
    ]


def _family(version: int) -> list[bytes]:
    return [_meta(_META_FAMILY), _compare(_EQUAL, bytes((_FAMILIES[version],)))]


def _meta(key: int) -> bytes:
    return _expression("meta", _number(1, 1), _number(2, key))


def _load(base: int, offset: int, size: int) -> bytes:
    return _expression("payload", _number(1, 1), _number(2, base), _number(3, offset), _number(4, size))


def _compare(operation: int, value: bytes) -> bytes:
    return _expression("cmp", _number(1, 1), _number(2, operation), _nested(3, attribute(1, value)))


def _verdict(code: int) -> bytes:
    return _expression("immediate", _number(1, 0), _nested(2, _nested(2, _number(1, code))))


def _expression(name: str, *data: bytes) -> bytes:
    return _nested(1, _text(1, name), _nested(2, *data))


def _nested(kind: int, *parts: bytes) -> bytes:
    return attribute(kind | _NESTED, b"".join(parts))


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, _BIG.pack(value))


def _text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def _message(kind: int, flags: int, sequence: int, family: int, resource: int, body: bytes) -> bytes:
    length = _HEADER.size + _NFGENMSG.size + len(body)
    return _HEADER.pack(length, kind, REQUEST | flags, sequence, 0) + _NFGENMSG.pack(family, 0, resource) + body


def _commit(messages: list[tuple[int, bytes]]) -> None:
    """All or nothing."""
    parts = [_message(_BATCH_BEGIN, 0, 0, 0, _SUBSYSTEM, b"")]
    for number, (kind, body) in enumerate(messages, 1):
        parts.append(_message(_SUBSYSTEM << 8 | kind, ACK | CREATE | _APPEND, number, _INET, 0, body))
    parts.append(_message(_BATCH_END, 0, len(messages) + 1, 0, _SUBSYSTEM, b""))
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER) as opened:
            opened.bind((0, 0))
            opened.send(b"".join(parts))
            _await(opened, len(messages))
    except OSError as error:
        raise NetlinkError(error.errno or errno.EIO, "change the packet filter") from error


def _await(opened: socket.socket, count: int) -> None:
    end = time.monotonic() + TIMEOUT
    missing = set(range(1, count + 1))
    while missing:
        opened.settimeout(max(0.001, end - time.monotonic()))
        try:
            data = opened.recv(1 << 16)
        except TimeoutError as error:
            raise NetlinkTimeoutError("change the packet filter: the kernel did not answer") from error
        for kind, _, sequence, body in split(data):
            number = -struct.unpack_from("=i", body)[0] if kind == _ERROR else 0
            if number:
                raise NetlinkError(number, "change the packet filter")
            missing.discard(sequence)
