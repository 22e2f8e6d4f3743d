# SPDX-License-Identifier: Apache-2.0
"""What in the connection table is over, found by numpy over the mapped table; freeing is the housekeeping program's.

A connection is over when its state's timeout has passed since its last packet.
A persistence template is over when its service's persistence has passed since the last new connection of its client
and none of that client's connections to the service is left (ipvsadm(8), --persistent).
"""

from __future__ import annotations

from collections.abc import Iterator
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
    STATES,
    State,
)

Positions: TypeAlias = npt.NDArray[np.intp]
Counts: TypeAlias = npt.NDArray[np.int64]

STRETCH = 1 << 15
"""Slots looked at together: half a mebibyte, so that what a pass makes of them stays in the processor's cache."""

AGE_MAX = 1 << 30
"""Ticks; ages are differences of 32 bits with a sign."""


def stretches(slots: Records) -> Iterator[tuple[int, Records]]:
    """The table in pieces, each with the position of its first slot."""
    for first in range(0, len(slots), STRETCH):
        yield first, slots[first : first + STRETCH]


def live(slots: Records) -> Positions:
    """The positions of all published connections and templates among `slots` (SLOT records)."""
    return np.flatnonzero(slots["meta"] >= np.uint32(META_VALID))  # its top bit; words take numpy four times longer


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
    limits = timeouts.astype(np.int64) + grace
    least = min(_least(timeouts), _least(services["persistence"])) + grace
    positions, ages = _aged(slots, least, now)
    meta = slots["meta"][positions]
    is_template = (meta & np.uint32(META_TEMPLATE)) != 0
    late = ages > limits[(meta & np.uint32(META_STATE_MASK)) >> np.uint32(META_STATE_SHIFT)]
    connections: Positions = positions[late & ~is_template]
    return connections, _over_templates(slots, services, positions[is_template], ages[is_template] - grace)


def _least(limits: Records) -> int:
    """The smallest that is set."""
    return int(limits[limits > 0].min(initial=AGE_MAX))


def _aged(slots: Records, least: int, now: int) -> tuple[Positions, npt.NDArray[np.int32]]:
    """The positions of what is live and has seen no packet for more than `least` ticks, and for how many it has not.

    Most of a busy table is younger than every limit: this pass, over contiguous copies, leaves the rest of the work to
    few slots.
    """
    found: list[Positions] = [np.zeros(0, dtype=np.intp)]
    ages: list[npt.NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    for first, stretch in stretches(slots):
        age = (np.uint32(now) - np.ascontiguousarray(stretch["stamp"])).view(np.int32)
        aged = np.flatnonzero((age > least) & (stretch["meta"] >= np.uint32(META_VALID)))
        found.append(aged + first)
        ages.append(age[aged])
    return np.concatenate(found), np.concatenate(ages)


def _over_templates(slots: Records, services: Records, templates: Positions, ages: npt.NDArray[np.int32]) -> Positions:
    """Those of `templates` whose service's persistence has passed and whose client has no connection to it."""
    over_time = ages > services["persistence"][slots["service"][templates]].astype(np.int64)
    templates = templates[over_time]
    if not len(templates):
        return templates
    candidates = _clients(slots[templates])
    known = np.unique(candidates)
    holders = _clients(slots[_connections(slots)])
    place = np.minimum(np.searchsorted(known, holders), len(known) - 1)
    kept = np.zeros(len(known), dtype=np.bool_)
    kept[place[known[place] == holders]] = True
    found: Positions = templates[~kept[np.searchsorted(known, candidates)]]
    return found


def _connections(slots: Records) -> Positions:
    """The positions of all published connections."""
    kinds = np.uint32(META_VALID | META_TEMPLATE)
    return np.flatnonzero((slots["meta"] & kinds) == np.uint32(META_VALID))


def _clients(slots: Records) -> npt.NDArray[np.uint64]:
    """Client address and service of each slot as one number."""
    clients: npt.NDArray[np.uint64] = (slots["address"].astype(np.uint64) << np.uint64(16)) | slots["service"]
    return clients


def recount(slots: Records) -> tuple[Counts, Counts, Counts]:
    """Active, inactive and persistent by server index, counted anew from what the table holds."""
    meta = slots["meta"][live(slots)]
    template = (meta & np.uint32(META_TEMPLATE)) != 0
    by_state = _by_state(meta[~template])
    active = by_state[sorted(ACTIVE_STATES)].sum(axis=0)
    return active, by_state.sum(axis=0) - active, _by_state(meta[template]).sum(axis=0)


def _by_state(meta: npt.NDArray[np.uint32]) -> Counts:
    """How many there are, by state and server index: the two stand side by side in a meta word's low bits."""
    both = (meta & np.uint32(META_STATE_MASK | META_SERVER_MASK)).astype(np.intp)
    return np.bincount(both, minlength=STATES * MAX_SERVERS).reshape(STATES, MAX_SERVERS)


def pointed(slots: Records) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """For each service index and each server index: whether a slot names it."""
    held = live(slots)
    services, servers = np.zeros(MAX_SERVICES, dtype=np.bool_), np.zeros(MAX_SERVERS, dtype=np.bool_)
    services[slots["service"][held]] = True
    servers[slots["meta"][held] & np.uint32(META_SERVER_MASK)] = True
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
