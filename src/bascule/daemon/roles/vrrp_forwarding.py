# SPDX-License-Identifier: Apache-2.0
"""Frames to a virtual MAC that a switch floods are routed by its active alone (RFC 9568 6.4.2).

The interface with that MAC is up on a backup, too, because adverts are heard on it. Over IPv4 the kernel decides by the
interface that a packet comes in by whether it is forwarded. Over IPv6 it decides for the whole namespace: there the
packet filter drops what a backup would forward. It is told of all that changed in a round at once (`timers`).
"""

from __future__ import annotations

import math
from collections.abc import Collection

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_seats import Seat
from bascule.errors import KernelRefusedError
from bascule.linux import nftables, sysctl

_SETTING = "net/ipv4/conf/{}/forwarding"


class Forwarding:
    """Which interfaces with a virtual MAC forward: as the one beneath while an instance on them is active, else not."""

    def __init__(self, log: Log) -> None:
        """No instance yet."""
        self._log = log
        self._seats: dict[str, tuple[Seat, bool]] = {}
        self._speaks_ipv6: dict[str, frozenset[str]] = {}
        """By instance: its interfaces that are for IPv6."""
        self._dropped: frozenset[str] | None = frozenset()
        """Interfaces whose IPv6 the packet filter does not let pass on; None = what a predecessor left."""
        self._stale = False

    def clear(self) -> None:
        """Have the next round end what a predecessor left; until then it holds, as the instances are backups."""
        self._dropped, self._stale = None, True

    def keep(self, owner: str, seat: Seat, active: bool, family: int = 4) -> None:
        """Have an instance's interfaces forward or not; several may share one. `family`: its IP version."""
        self._seats[owner] = (seat, active)
        own = {seat.holds} if family == 6 and seat.holds != seat.base else set()
        self._tell(owner, frozenset(own | {each.holds for each in seat.aparts if each.family == 6}))
        for base, holds in seat.holders:
            self._settle(base, holds, owner)

    def forget(self, owner: str) -> None:
        """An instance is gone."""
        self._seats.pop(owner, None)
        self._tell(owner, frozenset())

    def _tell(self, owner: str, names: frozenset[str]) -> None:
        before = self._speaks_ipv6.pop(owner, None)
        if names:
            self._speaks_ipv6[owner] = names
        self._stale = self._stale or bool(names or before)

    def deadline(self) -> float:
        """When `timers` is to be called next: now, or never. It is no timer that could be late."""
        return boottime() if self._stale else math.inf

    def timers(self) -> None:
        """Tell the packet filter what has changed."""
        if not self._stale:
            return
        self._stale = False
        leading = (names for owner, names in self._speaks_ipv6.items() if self._seats[owner][1])
        unwanted = frozenset[str]().union(*self._speaks_ipv6.values()).difference(*leading)
        if unwanted == self._dropped:
            return
        self._dropped = unwanted  # What the kernel refuses now it will refuse again.
        try:
            nftables.drop_forwarded(unwanted)
        except KernelRefusedError as error:
            (self._log.warning if unwanted else self._log.debug)("ipv6_forwarding_not_dropped", why=error)

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
