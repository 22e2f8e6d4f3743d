# SPDX-License-Identifier: Apache-2.0
"""The machine of an instance that has a witness: an address that must answer before silence makes it active.

No part of any RFC. Who hears nobody cannot tell a dead active from a cut cable of its own: an answer from somebody else
on that side tells. Without `Settings.witness` it is the machine beneath.

Only silence needs an answer. None is needed to preempt a peer that is heard, by an owner (priority 255), after a
restart that adopts what is active, in a planned switch, or in the wait after a peer's priority 0 (a sync group's wait
for the others included, up to a down interval): all these know more than silence. An active stays active whatever the
witness does.

An answer counts when the question was put since this wait began (after the last advert, the start, a timer that came
late), and not longer ago than `Settings.witness`. The first question is put when an advert is missed, then at each look
at the clock, a quarter of an advert interval apart, so that the answer is there when the down timer ends. If it is not,
the instance stays backup, goes on asking, and is active at the first answer if still nobody is heard.

In a sync group an answer belongs to a member's own wish (machine_grouped.py): one that is too old suspends the wish,
and who follows a member that became active needs none, so that a group is never parted by it.
"""

from __future__ import annotations

from bascule.model.configuration import VrrpState
from bascule.vrrp.events import AskWitness, Event, Notice, Noticed, Settings, WitnessAnswered
from bascule.vrrp.machine import CLOSE, NEVER
from bascule.vrrp.machine_grouped import GroupedMachine
from bascule.vrrp.packet import PRIORITY_OWNER
from bascule.vrrp.transitions import Cause

GRACE = 0.25
"""Seconds that an answer may come late before that is said."""


class WitnessedMachine(GroupedMachine):
    """One instance, which asks before it believes in silence."""

    def __init__(self, settings: Settings) -> None:
        """An instance in INIT; `Start` is its first event."""
        super().__init__(settings)
        self._waits_since = 0.0
        """When the present wait began: what was asked before says nothing about it."""
        self._asked_at = -NEVER
        """When the latest question was put that was answered."""
        self._freed_until = -NEVER
        """A peer said that it stops: until then silence is what it promised."""
        self._unwitnessed: tuple[str, float] | None = None
        """Why it would be active now, but for the witness, and since when."""

    @property
    def awaits_witness(self) -> bool:
        """A backup whose time has come, and whose witness does not answer."""
        return self._unwitnessed is not None

    @property
    def wants(self) -> bool:
        """As of a machine without a witness, but as long as silence is witnessed."""
        by_silence = self._wants is not None and self._wants[0] is Cause.NOBODY_HEARD
        return super().wants and not (by_silence and self._is_bound and not self._is_answered)

    @property
    def _is_bound(self) -> bool:
        owner = self._settings.priority == PRIORITY_OWNER
        return self._settings.witness is not None and not owner and self._now > self._freed_until

    @property
    def _is_answered(self) -> bool:
        oldest = self._now - (self._settings.witness or 0.0)
        return self._asked_at >= max(self._waits_since, oldest)

    def _told(self, event: Event) -> None:
        if isinstance(event, WitnessAnswered):
            self._answered(event)
        else:
            super()._told(event)

    def _answered(self, event: WitnessAnswered) -> None:
        self._asked_at = max(self._asked_at, event.asked_at)
        if self._unwitnessed is not None and self._is_answered:
            reason, since = self._unwitnessed
            self._unwitnessed = None
            self._lead(Cause.NOBODY_HEARD, f"{reason}; the witness answers after {self._now - since:.3f} s")

    def _timeout(self) -> None:
        super()._timeout()
        if self._state is not VrrpState.BACKUP or not self._is_bound:
            return
        self._ask(AskWitness())
        if self._unwitnessed is not None:
            reason, since = self._unwitnessed
            if self._now - since >= max(GRACE, CLOSE * self._pace):
                self._ask(Noticed(Notice.WITNESS_SILENT, reason))

    def _lead(self, cause: Cause, reason: str) -> None:
        """Silence makes active, or wish to be, when it is witnessed. Waiting on is no new wait."""
        began, freed_until = self._waits_since, self._freed_until
        if cause is Cause.NOBODY_HEARD and self._is_bound and not self._is_answered:
            unwitnessed = self._unwitnessed or (reason, self._now)
            self._move(Cause.WITNESS_AWAITED, "")
            self._unwitnessed = unwitnessed
        else:
            super()._lead(cause, reason)
        self._waits_since, self._freed_until = began, freed_until

    def _wait_anew(self, since: float) -> None:
        self._waits_since, self._freed_until, self._unwitnessed = since, -NEVER, None

    def _start_down_timer(self) -> None:
        self._wait_anew(self._from)
        super()._start_down_timer()

    def _shorten(self) -> None:
        self._wait_anew(self._from)
        self._freed_until = self._from + self.down_interval
        super()._shorten()

    def _hear(self) -> None:
        self._wait_anew(self._from)
        super()._hear()

    def _put_off(self) -> None:
        self._wait_anew(self._now)
        super()._put_off()

    def _give_way(self) -> None:
        self._wait_anew(self._now)
        super()._give_way()

    def _clear(self) -> None:
        self._wait_anew(self._now)
        super()._clear()
