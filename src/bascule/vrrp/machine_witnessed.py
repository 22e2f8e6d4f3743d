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
the instance stays backup and goes on asking.

Where the witness was out of reach, so may have been an active that is alive: silence says something only while somebody
answers. So when answers come after questions that were not answered, for longer than an advert interval, the instance
listens for one more interval and the skew time, which keeps backups apart that get the same answer; then it is active.

In a sync group an answer belongs to a member's own wish (machine_grouped.py): one that is too old suspends the wish,
and who follows a member that became active needs none, so that a group is never parted by it.
"""

from __future__ import annotations

import dataclasses
import math

from bascule.model.configuration import VrrpState
from bascule.vrrp.events import AskWitness, Event, Notice, Noticed, Settings, WitnessAnswered
from bascule.vrrp.machine import CLOSE, JITTER, NEVER
from bascule.vrrp.machine_grouped import GroupedMachine
from bascule.vrrp.packet import PRIORITY_OWNER
from bascule.vrrp.transitions import Cause

GRACE = 0.25
"""Seconds that an answer may come late before that is said."""

GAP = 0.05
"""Seconds between two questions that were answered, or an advert interval if that is longer: so long the witness may be
out of reach and be believed to be there all the time."""


@dataclasses.dataclass(slots=True)
class _Wait:
    """A silence, from its beginning on."""

    since: float
    """What was asked before says nothing about it."""
    freed_until: float = -NEVER
    """A peer said that it stops: until then silence is what it promised."""
    first_asked: float = NEVER
    asked_at: float = -NEVER
    """When the latest question was put that was answered."""
    whole_since: float = NEVER
    """From when on questions have been answered without a gap."""


class WitnessedMachine(GroupedMachine):
    """One instance, which asks before it believes in silence."""

    def __init__(self, settings: Settings) -> None:
        """An instance in INIT; `Start` is its first event."""
        super().__init__(settings)
        self._wait = _Wait(0.0)
        self._ask_at = -NEVER
        """When it wants to ask again."""
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
        return self._settings.witness is not None and not owner and self._now > self._wait.freed_until

    @property
    def _is_answered(self) -> bool:
        fresh = self._now - self._wait.asked_at <= (self._settings.witness or 0.0)
        return fresh and self._now >= self._believed_from

    @property
    def _believed_from(self) -> float:
        """When the witness has been there for long enough: at once, if it answered from the first question on."""
        wait = self._wait
        if wait.whole_since - wait.first_asked <= max(CLOSE / 2 * self._pace, JITTER):
            return wait.since
        return wait.whole_since + self._pace + self.skew

    def _told(self, event: Event) -> None:
        if isinstance(event, WitnessAnswered):
            self._answered(event.asked_at)
        else:
            super()._told(event)

    def _answered(self, asked_at: float) -> None:
        wait = self._wait
        if asked_at < max(wait.since, wait.asked_at):
            return
        if asked_at - wait.asked_at > max(self._pace, GAP):
            wait.whole_since = asked_at
        wait.asked_at = asked_at
        self._lead_witnessed()

    def _lead_witnessed(self) -> None:
        if self._unwitnessed is not None and self._is_answered:
            reason, since = self._unwitnessed
            self._unwitnessed = None
            self._lead(Cause.NOBODY_HEARD, f"{reason}; witnessed after {self._now - since:.3f} s")

    def _timeout(self) -> None:
        super()._timeout()
        self._lead_witnessed()
        if self._state is not VrrpState.BACKUP or not self._is_bound:
            return
        if self._now >= self._ask_at or self._wait.first_asked == NEVER:
            self._ask(AskWitness())
            self._wait.first_asked = min(self._wait.first_asked, self._now)
            # Twice within the time that an answer counts, so that one is at hand when it is needed.
            self._ask_at = self._now + min(CLOSE * self._pace, (self._settings.witness or math.inf) / 2)
        if self._unwitnessed is not None:
            reason, since = self._unwitnessed
            if self._now - since >= max(GRACE, CLOSE * self._pace):
                self._ask(Noticed(Notice.WITNESS_SILENT, reason))

    def _watch(self, *, close: bool) -> None:
        """Whatever else happens does not put the next question off, nor the end of the wait for the witness."""
        super()._watch(close=close)
        if not close or self._settings.witness is None:
            return
        if self._ask_at > self._now:
            self._watch_at = min(self._watch_at, self._ask_at)
        if self._unwitnessed is not None and self._believed_from > self._now:
            self._watch_at = min(self._watch_at, self._believed_from)

    def _lead(self, cause: Cause, reason: str) -> None:
        """Silence makes active, or wish to be, when it is witnessed. Waiting on is no new wait."""
        wait = self._wait
        if cause is Cause.NOBODY_HEARD and self._is_bound and not self._is_answered:
            unwitnessed, delayed_until = self._unwitnessed or (reason, self._now), self._delayed_until
            self._move(Cause.WITNESS_AWAITED, "")
            self._unwitnessed, self._delayed_until = unwitnessed, delayed_until
        else:
            super()._lead(cause, reason)
        self._wait = wait

    def _wait_anew(self, since: float) -> None:
        self._unwitnessed = None
        if self._settings.witness is not None:
            self._wait = _Wait(since)

    def _start_down_timer(self) -> None:
        self._wait_anew(self._from)
        super()._start_down_timer()

    def _shorten(self) -> None:
        self._wait_anew(self._from)
        if self._settings.witness is not None:
            self._wait.freed_until = self._from + self.down_interval
        super()._shorten()

    def _hear(self) -> None:
        """One that waited for its witness has waited long enough to preempt who is there after all."""
        if self._unwitnessed is not None:
            self._preempt_at = self._now
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
