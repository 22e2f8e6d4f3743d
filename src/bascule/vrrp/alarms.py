# SPDX-License-Identifier: Apache-2.0
"""What an operator must know of a virtual router and cannot see from its state: two actives and why, an active that
vanished, adverts that do not leave, a VRID that strangers use. Pure: sightings and times in, alarms and their ends out.

An alarm stands until it has not been sighted for a while. None changes what an instance does: two actives heal by the
rules (the better one answers with an advert and announces the addresses again), or they cannot hear each other's
adverts, and then only somebody who reads this can help.
"""

from __future__ import annotations

import dataclasses

from bascule.model.base import Seconds
from bascule.model.status import AlarmKind
from bascule.vrrp.packet import Refusal

QUIET: dict[AlarmKind, Seconds] = {
    AlarmKind.SECOND_ACTIVE: Seconds(10.0),
    AlarmKind.VRID_IN_USE: Seconds(30.0),
    AlarmKind.ADVERTS_BLOCKED: Seconds(10.0),
    AlarmKind.ACTIVE_VANISHED: Seconds(600.0),
    AlarmKind.ADDRESS_TAKEN: Seconds(600.0),
    AlarmKind.WITNESS_SILENT: Seconds(10.0),
}
"""How long an alarm stands after it was last sighted, or five advert intervals if these are longer."""

DEAF_AFTER = 3
"""Adverts of a lower priority that an active hears after its own answers before it thinks that these are not heard."""

CAUSES: dict[Refusal, str] = {
    Refusal.VERSION: "another version of VRRP: set the same `version` on both",
    Refusal.AUTH_TYPE: "another kind of authentication: make the `authentication` and `auth_hmac` blocks alike",
    Refusal.AUTH_DATA: "another password or key: make `auth_pass`, or the keys of `auth_hmac`, alike",
    Refusal.STALE: "another time: set both clocks (NTP), or write `anti_replay monotonic` on both",
    Refusal.TRAILING: "it signs its adverts: write `auth_hmac` on both or on neither",
    Refusal.INTERVAL: "another advert interval: set the same `advert_int` on both",
    Refusal.ADDRESS_COUNT: "another list of virtual addresses: make `virtual_ipaddress` alike",
    Refusal.ADDRESS_LIST: "another list of virtual addresses: make `virtual_ipaddress` alike",
    Refusal.TTL: "its adverts come through a router",
    Refusal.DESTINATION: "it sends by multicast, here `unicast_peer` is set: do the same on both",
    Refusal.SENDER: "it is no `unicast_peer` here",
}
"""What it means for two directors that one refuses the adverts of the other, and what to do."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Standing:
    """An alarm that stands, or that has ended (`over`)."""

    instance: str
    kind: AlarmKind
    why: str
    since: float
    last: float
    until: float
    count: int = 1
    over: bool = False


class Alarms:
    """The alarms of all instances. `now` is the caller's clock."""

    def __init__(self) -> None:
        """None stands."""
        self._standing: dict[tuple[str, AlarmKind], Standing] = {}

    def sight(self, instance: str, kind: AlarmKind, why: str, interval: Seconds, now: float) -> Standing | None:
        """Note a sighting. The alarm, if that is news: it did not stand, or had another reason."""
        before = self._standing.get((instance, kind))
        found = Standing(
            instance=instance,
            kind=kind,
            why=why,
            since=now if before is None else before.since,
            last=now,
            until=now + max(QUIET[kind], 5 * interval),
            count=1 if before is None else before.count + 1,
        )
        self._standing[instance, kind] = found
        return found if before is None or before.why != why else None

    def end(self, instance: str, kind: AlarmKind) -> Standing | None:
        """An alarm is over before its time; the one that stood."""
        found = self._standing.pop((instance, kind), None)
        return None if found is None else dataclasses.replace(found, over=True)

    def keep(self, instances: frozenset[str]) -> None:
        """Forget the alarms of all instances but these."""
        self._standing = {key: found for key, found in self._standing.items() if key[0] in instances}

    def deadline(self) -> float:
        """When the next one ends."""
        return min((found.until for found in self._standing.values()), default=float("inf"))

    def expire(self, now: float) -> list[Standing]:
        """Those that end now."""
        over = [found for found in self._standing.values() if now >= found.until]
        ended = [self.end(found.instance, found.kind) for found in over]
        return [found for found in ended if found is not None]

    def standing(self, instance: str) -> tuple[Standing, ...]:
        """The alarms of an instance, the oldest first."""
        found = (each for each in self._standing.values() if each.instance == instance)
        return tuple(sorted(found, key=lambda each: each.since))


def why_refused(source: object, reason: Refusal, detail: str) -> str | None:
    """Why a host that sends adverts with our VRID is not heard, in words; None for what says nothing of its mind."""
    cause = CAUSES.get(reason)
    return None if cause is None else f"{source}: {cause} ({detail})"


def why_deaf(source: object, priority: int, heard: int) -> str:
    """Why a host of lower priority is active beside us, after `heard` of its adverts in a row."""
    if heard < DEAF_AFTER:
        return f"{source} is active too, with priority {priority}: we could not hear each other until now"
    return (
        f"{source} is active too, with priority {priority}, and does not hear our adverts: they are lost on the way "
        "(a filter for protocol 112 or multicast there or between, one-way traffic), or it refuses them"
    )
