# SPDX-License-Identifier: Apache-2.0
"""The base of all model structs, the address type, and their one wire form."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, NewType, TypeAlias, TypeVar

import msgspec

if TYPE_CHECKING:
    IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
else:
    # msgspec admits one custom type in a union; this is the two classes' common base.
    IPAddress = ipaddress._BaseAddress

Seconds = NewType("Seconds", float)
"""A span of time in seconds."""

Vrid = NewType("Vrid", int)
"""A virtual router identifier, 1..255 (RFC 9568 5.2.3)."""

Priority = NewType("Priority", int)
"""A VRRP priority, 0..255; 0 says "I stop", 255 is the address owner (RFC 9568 5.2.4)."""

Weight = NewType("Weight", int)
"""A real server's weight; 0 takes no new connections."""

T = TypeVar("T")


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every value in the model: immutable, keyword-only, compared by content."""


def _to_wire(value: object) -> object:
    if isinstance(value, IPAddress):
        return str(value)
    raise NotImplementedError(f"no wire form for {type(value).__name__}")


def _from_wire(kind: type[Any], value: object) -> object:
    if kind == IPAddress:
        return ipaddress.ip_address(str(value))
    raise NotImplementedError(f"no wire form for {kind.__name__}")


def pack(value: object) -> bytes:
    """The value as MessagePack: what the bus and the files under the run directory carry."""
    return msgspec.msgpack.encode(value, enc_hook=_to_wire)


def unpack(data: bytes, kind: type[T]) -> T:
    """The value of type `kind` in MessagePack `data`. Raises msgspec.DecodeError or ValidationError."""
    try:
        return msgspec.msgpack.decode(data, type=kind, dec_hook=_from_wire)
    except UnicodeDecodeError as error:  # msgspec lets it through where a key is no UTF-8.
        raise msgspec.DecodeError(f"text that is no UTF-8: {error}") from error


def to_json(value: object) -> bytes:
    """The value as compact JSON; addresses as text."""
    return msgspec.json.encode(value, enc_hook=_to_wire)


def from_json(data: bytes, kind: type[T]) -> T:
    """The value of type `kind` in JSON `data`. Raises msgspec.DecodeError or ValidationError."""
    return msgspec.json.decode(data, type=kind, dec_hook=_from_wire)
