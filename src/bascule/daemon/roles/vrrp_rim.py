# SPDX-License-Identifier: Apache-2.0
"""What stands between an instance and the world: what it needs done, and what an event led to."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from bascule.daemon.roles.vrrp_addresses import Placed
from bascule.model.base import IPAddress, Seconds
from bascule.vrrp.events import AdvertReceived, StateChanged
from bascule.vrrp.packet import RefusedPacketError


class Rim(Protocol):
    """What an instance needs of the world."""

    def send(self, interface: str, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        """Send a VRRP message. Raises KernelRefusedError."""

    def send_whole(self, interface: str, packet: bytes, source: IPAddress, destination: IPAddress) -> None:
        """Send an IPv4 packet with an authentication header. Raises KernelRefusedError."""

    def announce(self, interface: str, address: IPAddress) -> None:
        """Send one gratuitous ARP or neighbour advertisement. Raises KernelRefusedError."""

    def put(self, owner: str, wanted: tuple[Placed, ...], lifetime: Seconds | None, now: float) -> None:
        """Have addresses on."""

    def take(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        """Have addresses off."""

    def leave(self, owner: str, unwanted: tuple[Placed, ...], now: float) -> None:
        """Have addresses off, but serve late frames."""


@dataclasses.dataclass(slots=True)
class Outcome:
    """What an event led to, for the runner."""

    changes: list[StateChanged]
    drain: bool = False
    lower: AdvertReceived | None = None
    """Of lower priority, heard while active: at most one a second."""
    heard: AdvertReceived | None = None
    """The advert that was accepted."""
    second: bool = False
    """It came from one that stands behind while we are active, and not just became so."""
    refused: RefusedPacketError | None = None
    vanished: str | None = None
    """The active fell silent without a word."""
    asks: bool = False
    """The witness is to be asked."""
    unwitnessed: str | None = None
    """It would be active, but for the witness."""
