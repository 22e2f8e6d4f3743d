# SPDX-License-Identifier: Apache-2.0
"""The BFD control packet on the wire (RFC 5880 4.1). Bytes in, frozen values out, and back.

Not here: sockets, and what a packet means (machine.py). Authentication (RFC 5880 4.2) is not spoken, as in keepalived:
a packet that has it is refused. Hostile bytes raise nothing but `RefusedControlError`.
"""

from __future__ import annotations

import dataclasses
import enum
import struct

from bascule.errors import PeerMisbehavedError

PORT = 3784
"""Of UDP, over one hop (RFC 5881 4)."""

SOURCE_PORTS = range(49152, 65536)
"""From which each session has one (RFC 5881 4)."""

TTL = 255
"""Sent; a router lowers it, so that a packet from farther away is known (RFC 5881 5)."""

_HEADER = struct.Struct("!BBBBIIIII")
_VERSION = 1
_STATE_SHIFT = 6
_POLL, _FINAL, _INDEPENDENT, _AUTHENTICATED, _DEMAND, _MULTIPOINT = 0x20, 0x10, 0x08, 0x04, 0x02, 0x01
_DIAGNOSTIC = 0x1F
_WORD_MAX = 0xFFFFFFFF


class SessionState(enum.IntEnum):
    """The states of a session; the numbers are the wire's."""

    ADMIN_DOWN = 0
    DOWN = 1
    INIT = 2
    UP = 3


class Diagnostic(enum.IntEnum):
    """Why a session left UP last; the numbers are the wire's (RFC 5880 4.1)."""

    NONE = 0
    EXPIRED = 1
    ECHO_FAILED = 2
    NEIGHBOUR_DOWN = 3
    FORWARDING_RESET = 4
    PATH_DOWN = 5
    CONCATENATED_DOWN = 6
    ADMIN_DOWN = 7
    REVERSE_CONCATENATED_DOWN = 8


class Refusal(enum.Enum):
    """Why a packet was dropped; the value is its name in counters, logs and `status`."""

    TRUNCATED = "truncated"
    VERSION = "version"
    LENGTH = "length"
    AUTHENTICATION = "authentication"
    MULTIPLIER = "multiplier"
    MULTIPOINT = "multipoint"
    DISCRIMINATOR = "discriminator"
    HOPS = "hops"
    STRANGER = "stranger"


class RefusedControlError(PeerMisbehavedError):
    """A packet that RFC 5880 6.8.6 or RFC 5881 5 says to discard."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        """`detail` is for people."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Control:
    """A control packet. Intervals are microseconds; discriminators 32 bits, 0 = not known."""

    state: SessionState
    multiplier: int
    """The sender's: how many of its packets may be missed (1..255)."""
    mine: int
    """The sender's discriminator of the session, never 0."""
    yours: int = 0
    """The receiver's, as far as the sender knows."""
    desired_min_tx: int
    required_min_rx: int
    """0: send me nothing periodically."""
    required_min_echo_rx: int = 0
    diagnostic: int = Diagnostic.NONE
    """Any of the 32 numbers: not all have names yet."""
    poll: bool = False
    final: bool = False
    demand: bool = False
    control_plane_independent: bool = False


def encode(control: Control) -> bytes:
    """The 24 bytes of a packet. Raises ValueError when a number does not fit its field."""
    flags = (control.poll, _POLL), (control.final, _FINAL), (control.demand, _DEMAND)
    second = control.state << _STATE_SHIFT | sum(bit for there, bit in flags if there)
    second |= _INDEPENDENT if control.control_plane_independent else 0
    if not (
        1 <= control.multiplier <= 255 and 0 < control.mine <= _WORD_MAX and 0 <= control.diagnostic <= _DIAGNOSTIC
    ):
        raise ValueError(f"a multiplier, discriminator or diagnostic that no control packet can have: {control}")
    words = (control.mine, control.yours, control.desired_min_tx, control.required_min_rx, control.required_min_echo_rx)
    if not all(0 <= word <= _WORD_MAX for word in words):
        raise ValueError(f"more than 32 bits: {control}")
    first = _VERSION << 5 | control.diagnostic
    return _HEADER.pack(first, second, control.multiplier, _HEADER.size, *words)


def decode(payload: bytes) -> Control:
    """What a UDP payload says. Raises RefusedControlError; bytes behind the packet's own length are ignored."""
    if len(payload) < _HEADER.size:
        raise RefusedControlError(Refusal.TRUNCATED, f"{len(payload)} bytes are no control packet")
    first, second, multiplier, length, mine, yours, *intervals = _HEADER.unpack_from(payload)
    state = SessionState(second >> _STATE_SHIFT)
    if first >> 5 != _VERSION:
        raise RefusedControlError(Refusal.VERSION, f"version {first >> 5}, not {_VERSION}")
    if not _HEADER.size <= length <= len(payload):
        raise RefusedControlError(Refusal.LENGTH, f"length {length} in {len(payload)} bytes")
    if second & _AUTHENTICATED:
        raise RefusedControlError(Refusal.AUTHENTICATION, "authenticated: this director speaks without")
    if multiplier == 0:
        raise RefusedControlError(Refusal.MULTIPLIER, "detection multiplier 0")
    if second & _MULTIPOINT:
        raise RefusedControlError(Refusal.MULTIPOINT, "the multipoint bit, which must be 0")
    if mine == 0:
        raise RefusedControlError(Refusal.DISCRIMINATOR, "the sender's discriminator is 0")
    if yours == 0 and state in (SessionState.INIT, SessionState.UP):
        raise RefusedControlError(Refusal.DISCRIMINATOR, f"state {state.name} without our discriminator")
    return Control(
        state=state,
        multiplier=multiplier,
        mine=mine,
        yours=yours,
        desired_min_tx=intervals[0],
        required_min_rx=intervals[1],
        required_min_echo_rx=intervals[2],
        diagnostic=first & _DIAGNOSTIC,
        poll=bool(second & _POLL),
        final=bool(second & _FINAL),
        demand=bool(second & _DEMAND),
        control_plane_independent=bool(second & _INDEPENDENT),
    )


def check_hops(ttl: int, hops_max: int | None) -> None:
    """Whether a packet came from near enough (RFC 5881 5). Raises RefusedControlError; None = from anywhere."""
    if hops_max is not None and ttl < TTL - hops_max:
        raise RefusedControlError(Refusal.HOPS, f"TTL {ttl}: it came over more than {hops_max} hops")
