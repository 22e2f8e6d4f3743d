# SPDX-License-Identifier: Apache-2.0
"""The mirror of `bpf/layout.h`: what the XDP programs and Python share in memory.

Records are numpy dtypes over the mmapped maps; addresses and ports are in network order (`>u4`, `>u2`), all else in
the machine's. A test compares sizes, offsets and constants with the object's BTF.
"""

from __future__ import annotations

import enum

import numpy as np

LAYOUT_VERSION = 2

SLOTS_PER_LINE = 4
MAX_SERVICES = 16384
MAX_SERVERS = 65536
SERVERS_PER_SERVICE = 256
DIRECTORY_LINES = 8192
OVERFLOW_ENTRIES = 16384
MAX_ACCEPTED = 64
MAX_RELAYS = 4096
MAX_REQUESTS = 4096
STATES = 16

META_VALID = 0x80000000
META_TEMPLATE = 0x40000000
META_CLAIMING = 0x20000000
META_DEAD = 0x10000000
META_STATE_SHIFT = 16
META_STATE_MASK = 0x000F0000
META_SERVER_MASK = 0x0000FFFF
OWNER_USER = 0xFFFF
POSITION_OVERFLOW = 0xFFFFFFFF

SERVICE_PRESENT = 1
SERVICE_PERSISTENT = 2
SERVER_PRESENT = 1


class State(enum.IntEnum):
    """Connection states, numbered as IPVS's sync messages number them."""

    NONE = 0
    ESTABLISHED = 1
    SYN_RECV = 3
    FIN_WAIT = 4
    TIME_WAIT = 5
    CLOSE = 6
    UDP = 11


ACTIVE_STATES = frozenset({State.ESTABLISHED, State.UDP})
"""Counted as active, as IPVS does; every other state is inactive."""

TIMEOUTS: dict[State, int] = {
    State.NONE: 2,
    State.ESTABLISHED: 900,
    State.SYN_RECV: 60,
    State.FIN_WAIT: 120,
    State.TIME_WAIT: 120,
    State.CLOSE: 10,
    State.UDP: 300,
}
"""Seconds without a packet until a connection is over, by state (IPVS's defaults)."""


class SchedulerNumber(enum.IntEnum):
    """`enum scheduler`."""

    WLC = 0
    LC = 1
    WRR = 2
    RR = 3


class RequestKind(enum.IntEnum):
    """`enum request_kind`: orders to the housekeeping program."""

    FREE = 1
    RESTORE = 2


class RequestResult(enum.IntEnum):
    """`enum request_result`: what became of an order."""

    NONE = 0
    DONE = 1
    REFUSED = 2


class Verdict(enum.IntEnum):
    """`enum verdict`: what the program did with a packet; index into the `verdicts` map."""

    OTHER = 0
    FOREIGN_MAC = 1
    TX = 2
    REDIRECT = 3
    NO_ENTRY = 4
    FRAGMENT = 5
    ICMP_ERROR = 6
    TTL = 7
    REFUSED = 8
    NO_SERVER = 9
    SERVER_GONE = 10
    NO_NEIGHBOUR = 11
    RACED = 12
    TABLE_FULL = 13
    MALFORMED = 14
    RELAYED = 15


class Incident(enum.IntEnum):
    """`enum incident`: things that happen beside the verdict."""

    WITHDRAWN = 0
    OVERFLOWED = 1
    REUSED = 2


SLOT = np.dtype(
    [("address", ">u4"), ("port", ">u2"), ("service", "<u2"), ("stamp", "<u4"), ("meta", "<u4")],
)
"""A connection as fields."""

RAW_SLOT = np.dtype([("key", "<u8"), ("value", "<u8")])
"""The same sixteen bytes as the two words that are compared and swapped."""

SETTINGS = np.dtype(
    [
        ("layout_version", "<u4"),
        ("hz", "<u4"),
        ("seed", "<u8"),
        ("timeouts", "<u4", (STATES,)),
        ("overflow_used", "<i8"),
        ("reserved", "<u8", (5,)),
    ]
)

SERVICE = np.dtype(
    [
        ("address", ">u4"),
        ("port", ">u2"),
        ("protocol", "u1"),
        ("scheduler", "u1"),
        ("flags", "<u4"),
        ("server_count", "<u4"),
        ("persistence", "<u4"),
        ("client_mask", ">u4"),
        ("max_weight", "<u4"),
        ("weight_gcd", "<u4"),
        ("reserved", "<u8", (4,)),
    ]
)

SERVER_LIST = np.dtype([("servers", "<u2", (SERVERS_PER_SERVICE,))])

CURSOR = np.dtype([("position", "<u4"), ("weight", "<u4")])

SERVER = np.dtype(
    [
        ("mac", "<u8"),
        ("source_mac", "<u8"),
        ("ifindex", "<u4"),
        ("weight", "<u4"),
        ("flags", "<u4"),
        ("active", "<u4"),
        ("inactive", "<u4"),
        ("persistent", "<u4"),
        ("address", ">u4"),
        ("port", ">u2"),
        ("service", "<u2"),
        ("reserved", "<u8", (2,)),
    ]
)

ACCEPTED = np.dtype([("mac", "<u8"), ("ifindex", "<u4"), ("reserved", "<u4")])

RELAY_KEY = np.dtype([("address", ">u4"), ("ifindex", "<u4")])

RELAY = np.dtype([("mac", "<u8"), ("source_mac", "<u8"), ("until", "<u8")])

COUNTERS = np.dtype([("connections", "<u8"), ("packets", "<u8"), ("bytes", "<u8")])

REQUEST = np.dtype([("key", "<u8"), ("value", "<u8"), ("position", "<u4"), ("kind", "<u2"), ("result", "<u2")])

CLOCK = np.dtype([("jiffies", "<u8"), ("monotonic", "<u8")])


def mac_word(mac: bytes) -> int:
    """Six bytes of a MAC as the word that `SERVER` and `ACCEPTED` hold."""
    return int.from_bytes(mac, "little")


def mac_bytes(word: int) -> bytes:
    """The reverse of `mac_word`."""
    return int(word).to_bytes(8, "little")[:6]


def connection_key(address: int, port: int, service: int) -> int:
    """The key word of a slot: client address and port in host order, service index."""
    return int.from_bytes(
        address.to_bytes(4, "big") + port.to_bytes(2, "big") + service.to_bytes(2, "little"), "little"
    )


def connection_value(*, server: int, state: State, stamp: int, template: bool = False) -> int:
    """The value word of a published slot; `stamp` in jiffies, low 32 bits."""
    meta = META_VALID | (META_TEMPLATE if template else 0) | (int(state) << META_STATE_SHIFT) | server
    return (meta << 32) | (stamp & 0xFFFFFFFF)
