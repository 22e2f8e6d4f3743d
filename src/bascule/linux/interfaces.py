# SPDX-License-Identifier: Apache-2.0
"""Network interfaces as the kernel sees them, over our own netlink core: light enough for the realtime role.

Read-only. For changing links see links.py.
"""

from __future__ import annotations

import dataclasses
import errno
import struct

from bascule.linux.netlink import Netlink, NetlinkError, NetlinkMessage, attribute, attributes

NEW_LINK, DELETE_LINK, GET_LINK = 16, 17, 18
_NAME, _HARDWARE_ADDRESS = 3, 1
_UP, _RUNNING = 0x1, 0x40
_INFO = struct.Struct("=BxHiII")


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Interface:
    """An interface."""

    index: int
    name: str
    hardware_address: bytes
    up: bool
    """Set up by its administrator."""
    running: bool
    """It has a carrier."""


def parse(message: NetlinkMessage) -> Interface | None:
    """The interface that a link message speaks of; None for other messages."""
    if message.kind not in (NEW_LINK, DELETE_LINK) or len(message.body) < _INFO.size:
        return None
    _, _, index, flags, _ = _INFO.unpack_from(message.body)
    found = attributes(message.body[_INFO.size :])
    gone = message.kind == DELETE_LINK
    return Interface(
        index=index,
        name=found.get(_NAME, b"").rstrip(b"\0").decode(errors="replace"),
        hardware_address=found.get(_HARDWARE_ADDRESS, b""),
        up=bool(flags & _UP) and not gone,
        running=bool(flags & _RUNNING) and not gone,
    )


def find(netlink: Netlink, name: str) -> Interface | None:
    """The interface of this name, or None. Raises NetlinkError for other trouble."""
    body = _INFO.pack(0, 0, 0, 0, 0) + attribute(_NAME, name.encode() + b"\0")
    try:
        answers = netlink.get(GET_LINK, body, f"look for the interface {name}")
    except NetlinkError as error:
        if error.errno in (errno.ENODEV, errno.ERANGE, errno.EINVAL):
            return None
        raise
    return next((found for found in map(parse, answers) if found is not None), None)
