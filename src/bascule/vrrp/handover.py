# SPDX-License-Identifier: Apache-2.0
"""The datagrams of a planned switch: our own protocol beside VRRP, between two bascules.

Bytes in, frozen values out, and back; hostile bytes raise nothing but `RefusedOrderError`. Not here: sockets, and
what is done about a message (switch.py, machine.py). It goes over UDP and not as another type of VRRP, because
keepalived and FRR count a type that they do not know as an error.

The active asks who is there (ASK), each peer answers with how it stands and a ticket (HERE), the active gives the
ticket back with its request (REQUEST), and the peer says that it has announced (TAKEN) or why not (REFUSED). Every
message is signed with a key that the directors share, over its sender's address too. An echo ties each answer to what
it answers, so that nothing recorded is of use later. docs/how-to/planned-switch.md has the layout.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import hmac
import re
import struct
from collections.abc import Mapping

from bascule.errors import PeerMisbehavedError
from bascule.model.base import IPAddress, Priority, Vrid
from bascule.vrrp.packet import PRIORITY_STOP

PORT = 9651
"""UDP, source and destination."""

TTL = 255
"""Sent, and required of what comes by multicast or from a neighbour: nobody outside the segment is heard."""

NONCE_LENGTH = 16
ROUTER_LENGTH = 8
NAME_MAX = 64
"""Bytes of a director's name in UTF-8."""

_MAGIC = b"BSCL"
_VERSION = 1
_HEAD = struct.Struct(f"!4sBBBB{NONCE_LENGTH}s{NONCE_LENGTH}s{ROUTER_LENGTH}sBBBx")
_MAC_LENGTH = 32
_ETHERNET_ADDRESS = 6
_GROUP_BIT = 1
_MAC_TEXT = re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_PURPOSE = b"planned switch 1\0"
NOTHING = bytes(NONCE_LENGTH)


class Kind(enum.Enum):
    """What a message is."""

    ASK = 1
    HERE = 2
    REQUEST = 3
    TAKEN = 4
    REFUSED = 5


class Standing(enum.Flag):
    """How the sender stands."""

    ACTIVE = 1
    BACKUP = 2
    READY = 4
    """It may preempt: its checks are done and its table is there."""
    HELD = 8
    """It handed over itself and keeps back."""
    ARMING = 16
    """Its data plane does not know the predecessor yet: the same answer follows without this as soon as it does."""


NO_STANDING = Standing(0)
_STANDING_ALL = sum(standing.value for standing in Standing)


class Refused(enum.Enum):
    """Why a datagram was dropped; the value is its name in counters, logs and `status`."""

    TRUNCATED = "truncated"
    MAGIC = "magic"
    VERSION = "version"
    KIND = "kind"
    LENGTH = "length"
    ROUTER = "router"
    """No instance here has its VRID, or that instance has no key."""
    SIGNATURE = "signature"
    CONTENT = "content"
    TTL = "ttl"
    ECHO = "echo"
    """It answers nothing that was asked, or not any more: late, or recorded and sent again."""
    SENDER = "sender"
    LATE = "late"
    """A request that was read when the active had gone on without us."""


class RefusedOrderError(PeerMisbehavedError):
    """A datagram that is counted and dropped."""

    def __init__(self, reason: Refused, detail: str) -> None:
        """Say why, with what was found and what was expected."""
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Order:
    """One message."""

    kind: Kind
    vrid: Vrid
    family: int
    """4 or 6."""
    router: bytes
    """Who sends: `ROUTER_LENGTH` bytes that every process chooses anew."""
    nonce: bytes = NOTHING
    """To be echoed: chosen anew for ASK and REQUEST, the ticket in HERE."""
    echo: bytes = NOTHING
    priority: Priority = PRIORITY_STOP
    """The sender's, as it counts now."""
    standing: Standing = NO_STANDING
    name: str = ""
    """ASK: the sender's own MAC on the instance's interface, as `mac_text` has it; HERE: the director's name; REFUSED:
    why, in words.
    """


def mac_text(mac: bytes) -> str:
    """A MAC as an ASK carries it; nothing for what is no Ethernet address."""
    return mac.hex(":") if len(mac) == _ETHERNET_ADDRESS else ""


def mac_of(order: Order) -> bytes | None:
    """The MAC that an ASK carries, if it is one that a host can have."""
    if not _MAC_TEXT.fullmatch(order.name):
        return None
    mac = bytes.fromhex(order.name.replace(":", ""))
    return mac if any(mac) and not mac[0] & _GROUP_BIT else None


def key_of(secret: bytes) -> bytes:
    """The key for a secret that the directors share."""
    return hashlib.sha256(_PURPOSE + secret).digest()


def encode(order: Order, key: bytes, source: IPAddress) -> bytes:
    """The datagram, signed for `source`; a name that is too long is cut, what cannot be shown of it is `?`."""
    name = _cut(order.name)
    head = _HEAD.pack(
        _MAGIC,
        _VERSION,
        order.kind.value,
        order.vrid,
        order.family,
        order.nonce,
        order.echo,
        order.router,
        order.priority,
        order.standing.value,
        len(name),
    )
    return head + name + _signature(key, source, head + name)


def decode(data: bytes, source: IPAddress, keys: Mapping[tuple[int, int], bytes]) -> Order:
    """The message in a datagram; `keys` by VRID and IP version. Raises RefusedOrderError and nothing else."""
    if len(data) < _HEAD.size + _MAC_LENGTH:
        raise RefusedOrderError(Refused.TRUNCATED, f"{len(data)} bytes, the shortest has {_HEAD.size + _MAC_LENGTH}")
    magic, version, kind, vrid, family, nonce, echo, router, priority, standing, length = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise RefusedOrderError(Refused.MAGIC, "another program's datagram")
    if version != _VERSION:
        raise RefusedOrderError(Refused.VERSION, f"version {version}, expected {_VERSION}")
    if len(data) != _HEAD.size + length + _MAC_LENGTH or length > NAME_MAX:
        raise RefusedOrderError(Refused.LENGTH, f"{len(data)} bytes with a name of {length}")
    key = keys.get((vrid, family))
    if key is None:
        raise RefusedOrderError(Refused.ROUTER, f"VRID {vrid} over IPv{family}: no instance with a key")
    signed, mac = data[:-_MAC_LENGTH], data[-_MAC_LENGTH:]
    if not hmac.compare_digest(_signature(key, source, signed), mac):
        raise RefusedOrderError(Refused.SIGNATURE, "signed with another key, or by another host")
    if kind not in _KINDS or standing & ~_STANDING_ALL:
        raise RefusedOrderError(Refused.KIND, f"kind {kind} with standing {standing:#x}")
    return Order(
        kind=_KINDS[kind],
        vrid=Vrid(vrid),
        family=family,
        router=router,
        nonce=nonce,
        echo=echo,
        priority=Priority(priority),
        standing=Standing(standing),
        name=_text(signed[_HEAD.size :]),
    )


_KINDS = {kind.value: kind for kind in Kind}


def _signature(key: bytes, source: IPAddress, data: bytes) -> bytes:
    return hmac.digest(key, bytes([source.version]) + source.packed + data, "sha256")


def _cut(name: str) -> bytes:
    """At most NAME_MAX bytes, no character in halves, and none that a terminal would obey."""
    name = "".join(character if character.isprintable() else "?" for character in name)
    return name.encode(errors="replace")[:NAME_MAX].decode(errors="ignore").encode()


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise RefusedOrderError(Refused.CONTENT, "a name that is no UTF-8") from None
    if not text.isprintable():
        raise RefusedOrderError(Refused.CONTENT, "a name with characters that cannot be shown")
    return text


class Tickets:
    """The tickets that a peer gives out and takes back once. Nothing is remembered of those that do not come back, so
    that a flood of questions costs no memory and drives no honest one out."""

    LIFETIME = 1.0
    """Seconds."""

    def __init__(self, secret: bytes) -> None:
        """`secret` is this process's own: no ticket outlives it."""
        self._secret = secret
        self._used: dict[bytes, float] = {}

    def issue(self, router: tuple[str, int, int], source: IPAddress, now: float) -> bytes:
        """A ticket for one who asks on behalf of a virtual router."""
        stamp = struct.pack("!d", now)
        return stamp + self._proof(stamp, router, source)

    def redeem(self, ticket: bytes, router: tuple[str, int, int], source: IPAddress, now: float) -> None:
        """Take a ticket back. Raises RefusedOrderError when it is another's, too old or was used."""
        stamp, proof = ticket[:8], ticket[8:]
        if not hmac.compare_digest(proof, self._proof(stamp, router, source)):
            raise RefusedOrderError(Refused.ECHO, "a ticket that was not given out here")
        issued = float(struct.unpack("!d", stamp)[0])
        if now - issued > self.LIFETIME:
            raise RefusedOrderError(Refused.ECHO, f"a ticket of {now - issued:.3f} s ago")
        self._used = {used: at for used, at in self._used.items() if now - at <= self.LIFETIME}
        if ticket in self._used:
            raise RefusedOrderError(Refused.ECHO, "a ticket that was used already")
        self._used[ticket] = issued

    def _proof(self, stamp: bytes, router: tuple[str, int, int], source: IPAddress) -> bytes:
        text = repr(router).encode() + source.packed + stamp
        return hmac.digest(self._secret, text, "sha256")[: NONCE_LENGTH - len(stamp)]
