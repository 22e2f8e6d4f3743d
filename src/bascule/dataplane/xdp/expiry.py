# SPDX-License-Identifier: Apache-2.0
"""What in the connection table is over, found by numpy over the mapped table; freeing is the housekeeping program's.

A connection is over when its state's timeout has passed since its last packet.
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


def half_open(slots: Records, server: int) -> Positions:
    """The positions of a real server's connections whose handshake is not complete."""
    meta = slots["meta"]
    wanted = np.uint32(META_VALID | (State.SYN_RECV << META_STATE_SHIFT) | server)
    mask = np.uint32(META_VALID | META_TEMPLATE | META_STATE_MASK | META_SERVER_MASK)
    return np.flatnonzero((meta & mask) == wanted)


def over(slots: Records, services: Records, timeouts: Records, now: int, grace: int) -> tuple[Positions, Positions]:
    """The positions of connections and of templates that are over at `now` (jiffies, low 32 bits), `grace` ticks late.

    `slots` must hold every connection that can keep a template alive: pass table and overflow together. A template goes
    a round after its last connection, whose end may yet be prevented by a packet. `timeouts` are ticks by state.
    """
    positions = live(slots)
    meta, stamp = slots["meta"][positions], slots["stamp"][positions]
    is_template = (meta & np.uint32(META_TEMPLATE)) != 0
    age = (np.uint32(now) - stamp).view(np.int32)
    limits = timeouts.astype(np.int64) + grace
    late = age > limits[(meta & np.uint32(META_STATE_MASK)) >> np.uint32(META_STATE_SHIFT)]
    connections: Positions = positions[late & ~is_template]
    return connections, _over_templates(
        slots, services, positions[is_template], age[is_template] - grace, positions[~is_template]
    )


def _over_templates(
    slots: Records, services: Records, templates: Positions, ages: Counts, connections: Positions
) -> Positions:
    """Those of `templates` whose service's persistence has passed and whose client has no connection to it."""
    over_time = ages > services["persistence"][slots["service"][templates]].astype(np.int64)
    templates = templates[over_time]
    if not len(templates):
        return templates
    candidates = _clients(slots[templates])
    known = np.unique(candidates)
    holders = _clients(slots[connections])
    place = np.minimum(np.searchsorted(known, holders), len(known) - 1)
    kept = np.zeros(len(known), dtype=np.bool_)
    kept[place[known[place] == holders]] = True
    found: Positions = templates[~kept[np.searchsorted(known, candidates)]]
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
