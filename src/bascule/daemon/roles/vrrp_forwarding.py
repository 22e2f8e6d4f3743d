# SPDX-License-Identifier: Apache-2.0
"""Frames to a virtual MAC that a switch floods are routed by its active alone (RFC 9568 6.4.2).

The interface with that MAC is up on a backup, too, because adverts are heard on it. Over IPv4 the kernel decides by the
interface that a packet comes in by whether it is forwarded; over IPv6 it decides for the whole namespace, and a backup
that routes IPv6 cannot be kept from it here.
"""

from __future__ import annotations

from collections.abc import Collection

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_seats import Seat
from bascule.errors import KernelRefusedError
from bascule.linux import sysctl

_SETTING = "net/ipv4/conf/{}/forwarding"


class Forwarding:
    """Which interfaces with a virtual MAC forward: as the one beneath while an instance on them is active, else not."""

    def __init__(self, log: Log) -> None:
        """No instance yet."""
        self._log = log
        self._seats: dict[str, tuple[Seat, bool]] = {}

    def keep(self, owner: str, seat: Seat, active: bool) -> None:
        """Have an instance's interfaces forward or not; several may share one."""
        self._seats[owner] = (seat, active)
        for base, holds in seat.holders:
            self._settle(base, holds, owner)

    def forget(self, owner: str) -> None:
        """An instance is gone."""
        self._seats.pop(owner, None)

    def again(self, made: Collection[str]) -> None:
        """Interfaces that were made anew have the namespace's setting."""
        for owner, (seat, _) in tuple(self._seats.items()):
            for base, holds in seat.holders:
                if holds in made:
                    self._settle(base, holds, owner)

    def _settle(self, base: str, holds: str, owner: str) -> None:
        active = any(leads for other, leads in self._seats.values() if (base, holds) in other.holders)
        try:
            wanted = sysctl.read(_SETTING.format(base)) if active else "0"
            if sysctl.read(_SETTING.format(holds)) != wanted:
                sysctl.write(_SETTING.format(holds), wanted)
        except KernelRefusedError as error:
            self._log.warning("forwarding_not_set", instance=owner, error=error)
