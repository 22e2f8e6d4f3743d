# SPDX-License-Identifier: Apache-2.0
"""What in the connection table is over, found by numpy over the mapped table; freeing is the housekeeping program's.

A connection is over when its state's timeout has passed since its last packet (in the mapped table the loader's
`expired` finds it; here for those that found no room there).
A persistence template is over when its service's persistence has passed since the last new connection of its client
and none of that client's connections to the service is left (ipvsadm(8), --persistent).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bascule.dataplane.xdp.allocation import Records
from bascule.dataplane.xdp.layout import (
    ACTIVE_STATES,
    MAX_SERVERS,
    MAX_SERVICES,
    META_SERVER_MASK,
    META_STATE_MASK,
    META_STATE_SHIFT,
    META_TEMPLATE,
    META_VALID,
    State,
)

Positions: TypeAlias = npt.NDArray[np.intp]
Counts: TypeAlias = npt.NDArray[np.int64]


def live(slots: Records) -> Positions:
    """The positions of all published connections and templates among `slots` (SLOT records)."""
    return np.flatnonzero(slots["meta"] & np.uint32(META_VALID))


def over_connections(slots: Records, timeouts: Records, now: int, grace: int) -> Positions:
    """The positions of connections that are over at `now` (jiffies, low 32 bits), `grace` ticks late."""
    positions = live(slots)
    held = slots[positions]
    state = (held["meta"] & np.uint32(META_STATE_MASK)) >> np.uint32(META_STATE_SHIFT)
    age = (np.uint32(now) - held["stamp"]).view(np.int32)
    is_template = (held["meta"] & np.uint32(META_TEMPLATE)) != 0
    over: Positions = positions[~is_template & (age > timeouts[state].astype(np.int64) + grace)]
    return over


def half_open(slots: Records, server: int) -> Positions:
    """The positions of a real server's connections whose handshake is not complete."""
    meta = slots["meta"]
    wanted = np.uint32(META_VALID | (State.SYN_RECV << META_STATE_SHIFT) | server)
    mask = np.uint32(META_VALID | META_TEMPLATE | META_STATE_MASK | META_SERVER_MASK)
    return np.flatnonzero((meta & mask) == wanted)


def over_templates(slots: Records, services: Records, now: int, grace: int) -> Positions:
    """The positions of templates that are over at `now` (jiffies, low 32 bits), `grace` ticks late.

    `slots` must hold every connection that can keep a template alive: pass table and overflow together.
    """
    positions = live(slots)
    held = slots[positions]
    is_template = (held["meta"] & np.uint32(META_TEMPLATE)) != 0
    age = (np.uint32(now) - held["stamp"]).view(np.int32)
    span = services["persistence"][held["service"]].astype(np.int64) + grace
    over = is_template & (age > span)
    if not over.any():
        return positions[:0]
    candidates = _clients(held[over])
    known = np.unique(candidates)
    connections = _clients(held[~is_template])
    place = np.minimum(np.searchsorted(known, connections), len(known) - 1)
    kept = np.zeros(len(known), dtype=np.bool_)
    kept[place[known[place] == connections]] = True
    found: Positions = positions[over][~kept[np.searchsorted(known, candidates)]]
    return found


def _clients(slots: Records) -> npt.NDArray[np.uint64]:
    """Client address and service of each slot as one number."""
    clients: npt.NDArray[np.uint64] = (slots["address"].astype(np.uint64) << np.uint64(16)) | slots["service"]
    return clients


def recount(slots: Records) -> tuple[Counts, Counts, Counts]:
    """Active, inactive and persistent by server index, counted anew from what the table holds."""
    meta = slots["meta"][live(slots)]
    server = meta & np.uint32(META_SERVER_MASK)
    template = (meta & np.uint32(META_TEMPLATE)) != 0
    state = (meta & np.uint32(META_STATE_MASK)) >> np.uint32(META_STATE_SHIFT)
    active = np.isin(state, [int(each) for each in ACTIVE_STATES]) & ~template
    return tuple(  # type: ignore[return-value]
        np.bincount(server[which], minlength=MAX_SERVERS).astype(np.int64)
        for which in (active, ~active & ~template, template)
    )


def pointed(slots: Records) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """For each service index and each server index: whether a slot names it."""
    held = slots[live(slots)]
    services, servers = np.zeros(MAX_SERVICES, dtype=np.bool_), np.zeros(MAX_SERVERS, dtype=np.bool_)
    services[held["service"]] = True
    servers[held["meta"] & np.uint32(META_SERVER_MASK)] = True
    return services, servers


class Drift:
    """Finds counts that went astray: the same difference in two recounts that follow each other."""

    FIELDS = ("active", "inactive", "persistent")

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._before: tuple[Counts, ...] | None = None

    def look(self, slots: Records, servers: Records) -> dict[tuple[int, str], int]:
        """Compare once more; returns (server, field): how many the record counts too many."""
        counted = recount(slots)
        off = tuple(
            servers[field].astype(np.int64) - counts for field, counts in zip(self.FIELDS, counted, strict=True)
        )
        before, self._before = self._before, off
        if before is None:
            return {}
        return {
            (int(index), field): int(now[index])
            for field, then, now in zip(self.FIELDS, before, off, strict=True)
            for index in np.flatnonzero((now != 0) & (now == then))
        }
