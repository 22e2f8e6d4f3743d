# SPDX-License-Identifier: Apache-2.0
"""Announcements no faster than a segment bears them (`garp_group`, `vrrp_garp_interval`, `vrrp_gna_interval`).

The first leaves at once, each further one a gap after the one before. What waits is dropped when the address is given
up: the last announcement on a segment must be the active's.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Iterable

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_refusals import Seldom
from bascule.errors import BasculeError
from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import AnnouncementGap

WAITING_MAX = 65536
"""Announcements that may wait in one line: 255 addresses of 250 instances. The oldest gives way to one more."""

Send = Callable[[str, IPAddress], None]
"""Announces an address on an interface. Raises BasculeError."""


class _Line:
    """What waits to leave by the same interfaces with the same IP version."""

    def __init__(self, gap: Seconds) -> None:
        self.gap = gap
        self.free_at = -math.inf
        self.waiting: collections.deque[tuple[str, IPAddress]] = collections.deque(maxlen=WAITING_MAX)


class Pacer:
    """All announcements of this director."""

    def __init__(self, send: Send, log: Log) -> None:
        """Nothing is held back yet."""
        self._send = send
        self._log = log
        self._seldom = Seldom()
        self._gaps: dict[str, tuple[str, AnnouncementGap]] = {}
        """By interface: the first of those that it shares a gap with, and the gap."""
        self._default = AnnouncementGap()
        self._lines: dict[tuple[str, int], _Line] = {}

    def configure(self, gaps: Iterable[AnnouncementGap]) -> None:
        """Go by these gaps from now on; what waits keeps its place where its interfaces still have a gap."""
        self._gaps, self._default = {}, AnnouncementGap()
        for gap in gaps:
            if not gap.interfaces:
                self._default = gap
            for name in gap.interfaces:
                self._gaps.setdefault(name, (gap.interfaces[0], gap))
        waiting = [entry for line in self._lines.values() for entry in line.waiting]
        self._lines = {}
        for interface, address in waiting:
            self._line(interface, address).waiting.append((interface, address))

    def announce(self, interface: str, address: IPAddress, now: float) -> None:
        """Announce now, or when its turn has come. Raises BasculeError when now."""
        line = self._line(interface, address)
        if line.waiting or now < line.free_at:
            line.waiting.append((interface, address))
            return
        line.free_at = now + line.gap
        self._send(interface, address)

    def hush(self, addresses: Iterable[tuple[str, IPAddress]]) -> None:
        """Drop what waits of some interfaces' addresses."""
        unwanted = frozenset(addresses)
        for line in self._lines.values():
            kept = [entry for entry in line.waiting if entry not in unwanted]
            if len(kept) != len(line.waiting):
                line.waiting.clear()
                line.waiting.extend(kept)

    def deadline(self) -> float:
        """When `run` is to be called; infinite when nothing waits."""
        return min((line.free_at for line in self._lines.values() if line.waiting), default=math.inf)

    def run(self, now: float) -> None:
        """Send what is due, one of each line: between two, the sockets are looked at."""
        for line in self._lines.values():
            if line.waiting and now >= line.free_at:
                line.free_at = now + line.gap
                self._leave(*line.waiting.popleft(), now)

    def _leave(self, interface: str, address: IPAddress, now: float) -> None:
        try:
            self._send(interface, address)
        except BasculeError as error:
            count = self._seldom.due("announcement", now)
            if count:
                self._log.warning("announcement_not_sent", interface=interface, address=address, count=count, why=error)

    def _line(self, interface: str, address: IPAddress) -> _Line:
        shared, gap = self._gaps.get(interface, (interface, self._default))
        key = (shared, address.version)
        if key not in self._lines:
            self._lines[key] = _Line(gap.arp if address.version == 4 else gap.na)
        return self._lines[key]
