# SPDX-License-Identifier: Apache-2.0
"""Alarms at work: what instances and sockets see is turned into alarms, log lines, events and the status.

What counts as an alarm and for how long is vrrp/alarms.py's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_addresses import Placed
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.errors import KernelRefusedError
from bascule.linux.requesters import Requester
from bascule.linux.tap import Tap
from bascule.model.base import IPAddress
from bascule.model.configuration import VrrpState
from bascule.model.messages import AlarmChanged
from bascule.model.status import AlarmKind, AlarmStatus
from bascule.vrrp.alarms import Alarms, Standing, why_deaf, why_refused
from bascule.vrrp.events import AdvertReceived
from bascule.vrrp.packet import Advert, Datagram, RefusedPacketError

LOOK = 3.0
"""Seconds between two looks at what has left, or three advert intervals if these are longer."""

SETTLING = 0.1
"""Seconds after a promotion in which the one before may still be heard."""

HEALED = 3.0
"""Seconds without a sign of a second active, or three advert intervals if these are longer, after which an active
announces its addresses: the other one did so too, and one whose adverts are refused leaves without a word that is
understood. After as long a host whose adverts were refused and are accepted now is a stranger no more."""

TOLERANCE = 2
"""Adverts that may be on their way when they are counted."""


class Bell:
    """The alarms of this director."""

    def __init__(self, log: Log, tell: Callable[[AlarmChanged], None]) -> None:
        """None stands; `tell` gets each change."""
        self._log = log
        self._tell = tell
        self._alarms = Alarms()
        self._answered: dict[str, int] = {}
        """Adverts of a lower priority in a row that an active has heard, by instance."""
        self._taps: dict[str, Tap] = {}
        self._sent: dict[str, int] = {}
        self._look_at = math.inf
        self._strangers: dict[str, tuple[IPAddress, float]] = {}
        """By instance: whose adverts were refused last, and when."""
        self._announce_at: dict[str, float] = {}
        """By instance that was not the only active: when that is over, as it seems."""
        self._unwitnessed: set[str] = set()
        """Instances that wait for the witness."""

    # What is seen.

    def vanished(self, instance: Instance, detail: str) -> None:
        """The active fell silent without saying that it stops."""
        self._sight(instance, AlarmKind.ACTIVE_VANISHED, detail)

    def heard(self, instance: Instance, event: AdvertReceived, *, second: bool) -> None:
        """An advert was accepted. `second`: while active, from one that stands behind."""
        self._understood(instance, event.source)
        if not second or time.time() - instance.since < SETTLING:
            self._answered.pop(instance.name, None)
            return
        count = self._answered[instance.name] = self._answered.get(instance.name, 0) + 1
        self._sight(instance, AlarmKind.SECOND_ACTIVE, why_deaf(event.source, event.priority, count))

    def refused(self, instance: Instance, datagram: Datagram, error: RefusedPacketError) -> None:
        """An advert with the VRID of an instance was refused."""
        why = why_refused(datagram.source, error.reason, error.detail)
        if why is None:
            return
        if instance.state is VrrpState.MASTER:
            self._sight(instance, AlarmKind.SECOND_ACTIVE, f"two actives: {why}")
        else:
            whose = f"VRID {instance.config.vrid} is used by a host whose adverts are refused"
            self._sight(instance, AlarmKind.VRID_IN_USE, f"{whose}: {why}")
            self._strangers[instance.name] = (datagram.source, boottime())

    def _understood(self, instance: Instance, source: IPAddress) -> None:
        stranger, seen = self._strangers.get(instance.name, (None, 0.0))
        if stranger == source and boottime() - seen >= max(HEALED, 3 * instance.config.advert_interval):
            del self._strangers[instance.name]
            self._over(instance, AlarmKind.VRID_IN_USE)

    def _over(self, instance: Instance, kind: AlarmKind) -> None:
        found = self._alarms.end(instance.name, kind)
        if found is not None:
            self._say(found)

    def stranger(self, instances: Iterable[Instance], advert: Advert, datagram: Datagram) -> None:
        """An advert with a VRID that no instance has: with an address of ours it is a second active."""
        for instance in instances:
            ours = {entry.address for entry in instance.addresses} & set(advert.addresses)
            if ours and instance.state is VrrpState.MASTER and datagram.source.version == instance.config.family:
                shared = ", ".join(sorted(map(str, ours)))
                why = f"two actives: {datagram.source} has {shared} with VRID {advert.vrid}"
                hint = f"ours is {instance.config.vrid}: set the same `virtual_router_id` on both"
                self._sight(instance, AlarmKind.SECOND_ACTIVE, f"{why}, {hint}")

    def taken(self, instance: Instance, placed: Placed, by: Requester) -> None:
        """Somebody took a virtual address off, and it was put back."""
        hint = f"; {by.hint.replace('INTERFACE', placed.interface)}" if by.hint else ""
        why = f"{placed.address} was taken off {placed.interface} by {by.words}, and put back{hint}"
        self._sight(instance, AlarmKind.ADDRESS_TAKEN, why)

    def witness(self, instance: Instance, unwitnessed: str | None, words: str) -> None:
        """What came of an event: why it would be active but for the witness, or that it waits for none any more."""
        if unwitnessed is not None:
            why = (
                f"{unwitnessed}, and the witness ({words}) does not answer: stays backup until it does. "
                "This director is cut off, or the witness is down"
            )
            self._unwitnessed.add(instance.name)
            self._sight(instance, AlarmKind.WITNESS_SILENT, why)
        elif instance.name in self._unwitnessed and not instance.machine.awaits_witness:
            self._unwitnessed.discard(instance.name)
            self._over(instance, AlarmKind.WITNESS_SILENT)

    # Whether our adverts leave.

    def look(self, instances: Mapping[str, Instance]) -> None:
        """Compare what was sent with what left, from time to time."""
        now = boottime()
        if now < self._look_at:
            return
        self._look_at = now + max([LOOK, *(3 * instance.config.advert_interval for instance in instances.values())])
        by_interface: dict[str, list[Instance]] = {}
        for instance in instances.values():
            # What goes to a single host that is not there does not leave either. The interface beneath is where
            # everything leaves in the end, and one socket is enough for hundreds of macvlans on it.
            if not instance.config.unicast_peers:
                by_interface.setdefault(instance.seat.base, []).append(instance)
        for interface in set(self._taps) - set(by_interface):
            self._drop(interface)
        for interface, members in by_interface.items():
            self._compare(interface, members)

    def _compare(self, interface: str, members: list[Instance]) -> None:
        tried = sum(instance.tried for instance in members)
        before, self._sent[interface] = self._sent.get(interface), tried
        left = self._left(interface)
        if left is None or before is None or tried - before < TOLERANCE:
            return
        missing = tried - before - left
        if missing > TOLERANCE + (tried - before) // 10:
            why = (
                f"{missing} of {tried - before} adverts did not leave by {interface}: a filter on this host drops "
                "protocol 112 (look at `nft list ruleset` and `tc filter show`), so that others become active too"
            )
            for instance in members:
                if instance.state is VrrpState.MASTER:
                    self._sight(instance, AlarmKind.ADVERTS_BLOCKED, why)

    def _left(self, interface: str) -> int | None:
        """None: not known, as at the first look."""
        tap = self._taps.get(interface)
        try:
            if tap is not None and not tap.stale():
                return tap.count()
            self._drop(interface)
            self._taps[interface] = Tap(interface)
        except KernelRefusedError as error:
            self._log.warning("adverts_not_watched", interface=interface, error=error)
            self._drop(interface)
        return None

    def close(self) -> None:
        """Watch nothing any more."""
        for interface in tuple(self._taps):
            self._drop(interface)

    def _drop(self, interface: str) -> None:
        tap = self._taps.pop(interface, None)
        if tap is not None:
            tap.close()

    # What is said.

    def _sight(self, instance: Instance, kind: AlarmKind, why: str) -> None:
        now, interval = boottime(), instance.config.advert_interval
        if kind is AlarmKind.SECOND_ACTIVE:
            self._announce_at[instance.name] = now + max(HEALED, 3 * interval)
        found = self._alarms.sight(instance.name, kind, why, interval, now)
        if found is not None:
            self._say(found)

    def _say(self, found: Standing) -> None:
        stands = not found.over
        line = self._log.error if stands else self._log.notice
        line("alarm", instance=found.instance, kind=found.kind.value, stands=stands, why=found.why)
        self._tell(
            AlarmChanged(instance=found.instance, kind=found.kind.value, stands=stands, why=found.why, at=time.time())
        )

    def deadline(self) -> float:
        """When `timers` is to be called next."""
        return min(self._alarms.deadline(), self._look_at, *self._announce_at.values())

    def timers(self, instances: Mapping[str, Instance]) -> None:
        """End alarms whose time is over, announce what another one may have announced, and look at what has left."""
        now = boottime()
        for found in self._alarms.expire(now):
            self._say(found)
        for name in [name for name, at in self._announce_at.items() if now >= at]:
            del self._announce_at[name]
            self._announce_again(instances.get(name), now)
        self.look(instances)

    def _announce_again(self, instance: Instance | None, now: float) -> None:
        if instance is not None and instance.state is VrrpState.MASTER:
            self._log.notice("announced_again", instance=instance.name, why="the second active is silent")
            instance.announce(max(1, instance.settings.answer_announcements), now)

    def keep(self, instances: Mapping[str, Instance]) -> None:
        """Follow a configuration."""
        self._alarms.keep(frozenset(instances))
        if self._look_at == math.inf:
            self._look_at = boottime()
            self.look(instances)  # which only begins to count
        self._look_at = min(self._look_at, boottime() + LOOK)

    def status(self, instance: str) -> tuple[AlarmStatus, ...]:
        """The alarms of an instance."""
        offset = time.time() - boottime()
        return tuple(
            AlarmStatus(
                kind=found.kind, why=found.why, since=found.since + offset, last=found.last + offset, count=found.count
            )
            for found in self._alarms.standing(instance)
        )
