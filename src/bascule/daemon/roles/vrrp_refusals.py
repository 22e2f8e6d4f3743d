# SPDX-License-Identifier: Apache-2.0
"""What is counted always and said seldom: refused packets by reason, and remarks that could flood a log."""

from __future__ import annotations

from bascule.vrrp.packet import RefusedPacketError

QUIET = 60.0
"""Seconds between two lines about the same thing."""


class Seldom:
    """Says whether a line about a subject is due: the first one is, then one in `QUIET` seconds."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self._last: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def due(self, subject: str, now: float) -> int:
        """How many occurrences a line about `subject` speaks for, this one included; 0 = say nothing now.

        Subjects are few and fixed: never made of what a stranger sends.
        """
        count = self._unsaid.get(subject, 0) + 1
        if now - self._last.get(subject, -QUIET) < QUIET:
            self._unsaid[subject] = count
            return 0
        self._last[subject] = now
        self._unsaid[subject] = 0
        return count


class Refusals:
    """Packets that were dropped, by reason."""

    def __init__(self) -> None:
        """None yet."""
        self.counts: dict[str, int] = {}
        self._seldom = Seldom()

    def count(self, error: RefusedPacketError, now: float) -> int:
        """Count one; returns how many a log line speaks for now, 0 for no line."""
        reason = error.reason.value
        self.counts[reason] = self.counts.get(reason, 0) + 1
        return self._seldom.due(reason, now)


def merged(*counts: dict[str, int]) -> dict[str, int]:
    """The sum of counters, by reason."""
    total: dict[str, int] = {}
    for part in counts:
        for reason, number in part.items():
            total[reason] = total.get(reason, 0) + number
    return total
