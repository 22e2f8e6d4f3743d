# SPDX-License-Identifier: Apache-2.0
"""What comes of an event of one instance: its next time, reports, alarms, the witness's answer, its group's moves.

One event leads to others, of the same instance and of those in its sync group; each is followed to its end before the
group's state is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bascule.daemon.roles.vrrp_agenda import Agenda
from bascule.daemon.roles.vrrp_alarm import Bell
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_rim import Outcome
from bascule.daemon.roles.vrrp_sync import Sync
from bascule.daemon.roles.vrrp_witness import Witnesses
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import AdvertReceived, Event, StandingChanged, StateChanged, WitnessAnswered

MANY = 20
SLACK = 0.01
"""From so many instances on, an active's adverts may leave so many seconds late, or a hundredth of their interval."""


class Following:
    """Of all instances."""

    def __init__(
        self,
        instances: Mapping[str, Instance],
        sync: Sync,
        bell: Bell,
        witnesses: Witnesses,
        standing: Callable[[str], StandingChanged],
        report: Callable[[Instance, list[StateChanged]], None],
        heard_lower: Callable[[Instance, AdvertReceived], None],
        drain: Callable[[Instance], None],
    ) -> None:
        """`standing` knows what holds of an instance now; `drain` hands in what waits for one."""
        self._instances = instances
        self._sync = sync
        self._bell = bell
        self._witnesses = witnesses
        self._standing = standing
        self._report = report
        self._heard_lower = heard_lower
        self._drain = drain
        self.agenda = Agenda()
        """When each instance is to be called."""
        self._moving = 0
        """How many events are being handled, one because of the other."""

    def handle(self, instance: Instance, event: Event, now: float) -> None:
        """Hand an event to an instance, and follow it to its end."""
        self.follow(instance, instance.handle(event, now))

    def follow(self, instance: Instance, outcome: Outcome) -> None:
        """Do what an event led to."""
        self._schedule(instance)
        asked_at = self._witnesses.ask(instance.name, boottime()) if outcome.asks else None
        if asked_at is not None:
            self.handle(instance, WitnessAnswered(asked_at), boottime())
        self._alarm(instance, outcome)
        if outcome.changes:
            self._report(instance, outcome.changes)
        if outcome.lower is not None:
            self._heard_lower(instance, outcome.lower)
        self._move_mates(instance, outcome)
        if outcome.drain:
            self._drain(instance)

    def _alarm(self, instance: Instance, outcome: Outcome) -> None:
        self._bell.witness(instance, outcome.unwitnessed, self._witnesses.words)
        if outcome.vanished is not None:
            self._bell.vanished(instance, outcome.vanished)
        if outcome.heard is not None:
            self._bell.heard(instance, outcome.heard, second=outcome.second)

    def _move_mates(self, instance: Instance, outcome: Outcome) -> None:
        self._moving += 1
        for name, move in self._sync.moves(instance.name, outcome.changes, self._instances, boottime()):
            mate = self._instances[name]
            done = mate.handle(move, boottime())
            self._schedule(mate)
            if done.changes or done.drain:
                self.follow(mate, done)
        self._moving -= 1
        self._settle_group(instance.name)

    def weigh(self, name: str) -> None:
        """Tell an instance and its group what holds of them now, where that is news."""
        self._moving += 1
        for mate in self._sync.mates(name):
            instance = self._instances.get(mate)
            if instance is None:
                continue
            standing = self._standing(mate)
            if standing != instance.standing:
                instance.standing = standing
                before = instance.machine.priority
                self.handle(instance, standing, boottime())
                if instance.machine.priority != before:
                    self._report(instance, [])
        self._moving -= 1
        self._settle_group(name)

    def _settle_group(self, name: str) -> None:
        if not self._moving:
            self._sync.settle(name, self._instances)

    def _schedule(self, instance: Instance) -> None:
        self.agenda.put(instance.name, instance.deadline + self.slack(instance))

    def slack(self, instance: Instance) -> float:
        """Many actives wait for each other, so that one waking-up serves several of them."""
        if instance.state is not VrrpState.MASTER or len(self._instances) < MANY:
            return 0.0
        return min(SLACK, instance.settings.interval / 100)

    def due(self, now: float) -> list[str]:
        """Whose time has come. Who could wait a little longer, and need not any more, goes with those who cannot."""
        return self.agenda.due(now + (SLACK if len(self._instances) >= MANY else 0.0))
