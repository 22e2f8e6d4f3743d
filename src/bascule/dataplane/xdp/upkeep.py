# SPDX-License-Identifier: Apache-2.0
"""The connection table's upkeep: frees what is over, and puts counts right that went astray."""

from __future__ import annotations

import time

import numpy as np

from bascule.dataplane.xdp.allocation import Records
from bascule.dataplane.xdp.expiry import Drift, Positions, half_open, over, pointed
from bascule.dataplane.xdp.layout import SLOT
from bascule.dataplane.xdp.loader import Director

EXPIRY_INTERVAL = 1.0
"""Seconds between two rounds, unless a round takes long."""

BUSY_SHARE = 0.02
"""Of a processor's time that rounds may take."""

DRIFT_INTERVAL = 30.0
"""Seconds between two recounts."""


class Upkeep:
    """Rounds over the table of one director. Times are monotonic seconds."""

    def __init__(self, director: Director) -> None:
        """Both kinds of round are due at once."""
        self._director = director
        self._drift = Drift()
        self._expiry_due = 0.0
        self._drift_due = 0.0
        self.corrected = 0
        """Counts put right since the start; other than 0 is a defect worth knowing of."""

    def run(self, now: float) -> float:
        """Do what is due; returns when to come again."""
        if now >= self._expiry_due:
            began = time.thread_time()
            self.expire()
            self._expiry_due = now + max(EXPIRY_INTERVAL, (time.thread_time() - began) / BUSY_SHARE)
        if now >= self._drift_due:
            self.correct()
            self._drift_due = now + DRIFT_INTERVAL
        return min(self._expiry_due, self._drift_due)

    def expire(self) -> int:
        """Free the connections and templates that are over; returns how many."""
        director, aside = self._director, self._director.overflow()
        slots = _together(director.slots, aside)
        found = over(slots, director.services, director.settings["timeouts"], director.now(), director.hz)
        return sum(self._free(positions, aside) for positions in found)

    def _free(self, positions: Positions, aside: Records) -> int:
        """Free these positions of table and overflow together; what changed since it was seen stays."""
        director, inside = self._director, positions < len(self._director.slots)
        table, outside = positions[inside], positions[~inside] - len(self._director.slots)
        freed = director.free(table, *_words(director.table, table)) if len(table) else 0
        return freed + (director.free_overflow(*_words(aside, outside)) if len(outside) else 0)

    def drop_half_open(self, server: int) -> int:
        """Free a removed real server's connections whose handshake is not complete; returns how many.

        They are worth nothing, and a client that uses the same port again would be sent after the old one: direct
        routing never sees the refusal that ended it.
        """
        aside = self._director.overflow()
        return self._free(half_open(_together(self._director.slots, aside), server), aside)

    def correct(self) -> None:
        """Take off what a server's record counts too many for two rounds in a row."""
        for (index, field), surplus in self._drift.look(self._everything(), self._director.servers).items():
            record = self._director.servers[field]
            record[index] = max(0, int(record[index]) - surplus)
            self.corrected += 1

    def pointed(self) -> tuple[Records, Records]:
        """For each service and each server index: whether a connection or template names it."""
        return pointed(self._everything())

    def _everything(self) -> Records:
        return _together(self._director.slots, self._director.overflow())


def _together(slots: Records, aside: Records) -> Records:
    """Table and overflow in one; copies the table only when there is an overflow."""
    return np.concatenate((slots, aside.view(SLOT).reshape(-1))) if len(aside) else slots


def _words(table: Records, positions: Positions) -> tuple[Records, Records]:
    """Key and value words as they were seen: what changed since is not freed."""
    keys: Records = table["key"][positions]
    values: Records = table["value"][positions]
    return keys, values
