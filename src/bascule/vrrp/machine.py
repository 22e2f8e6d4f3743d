# SPDX-License-Identifier: Apache-2.0
"""One VRRP instance (RFC 3768 6.4; names as in RFC 9568) without clock and socket: events in, commands out.

Two things differ from the RFC, and both only make it slower to promote itself:
- Lateness never promotes: only time in which this process was demonstrably awake counts. A backup that misses an
  advert asks to be called again and again, a few times in an interval; a call that comes late shows that the process
  was stopped or the machine suspended, and that adverts may wait in the socket or be lost. Then it listens for one
  more whole down interval (whose skew time keeps backups that wake together apart). So it takes as many stops as
  there are adverts in a down interval, each too short to be noticed and each over one of them, to miss an active.
  An active that overslept its own down interval (and `FORGIVEN`) is backup before it sends anything.
- A peer of lower priority that is heard is not preempted before this director is ready, nor, after a crash, before
  a stable time has passed. A peer that is not heard is succeeded at once.

For the second, a backup waits for two moments: `_down_at`, put off by every advert, and `_preempt_at`, put off only by
those that lead. When nobody is heard they are the same moment, the RFC's Active_Down_Timer.

In version 3 a backup lives at the pace of the active that it hears: `_pace` is the RFC's Active_Adver_Interval.

A planned switch is no part of the RFC: the active says nothing from when it asks its successor until that has
announced itself, and the successor does not hear for a moment what its predecessor sent before. Afterwards the old one
keeps back: it has priority 1 until it is released, or nobody is heard.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from bascule.model.base import IPAddress, Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import (
    DEAF,
    SUCCESSION,
    AdvertReceived,
    Announce,
    Command,
    Declined,
    Drain,
    Event,
    Fault,
    HandOver,
    LeaveAddresses,
    Notice,
    Noticed,
    PlannedSwitch,
    PutAddresses,
    Read,
    ReadyChanged,
    Reconfigured,
    Release,
    SendAdvert,
    Settings,
    Snapshot,
    StandingChanged,
    Start,
    StateChanged,
    Stop,
    Succeeded,
    TakeAddresses,
    TakeOver,
    Timeout,
)
from bascule.vrrp.intervals import down_interval, skew_time
from bascule.vrrp.packet import PRIORITY_OWNER, PRIORITY_STOP
from bascule.vrrp.priority import PRIORITY_HELD, effective
from bascule.vrrp.transitions import ROWS, Action, Cause

NEVER = math.inf
_RUNNING = (VrrpState.BACKUP, VrrpState.MASTER)

WATCH = 1.25
"""A backup looks at the clock this many advert intervals after an advert: later than the next one, so that it costs
nothing while there is an active."""

LATE = 0.5
"""Advert intervals that a backup may then come late and be believed: with `WATCH` less than two, so that a stop that is
not noticed has kept one advert away at the most; two of an active that is late itself, so not where two are enough."""

CLOSE = 0.25
"""Instead of `WATCH`, when an advert is missed or a timer was late."""

CLOSE_LATE = 0.125
"""Instead of `LATE` then; with `CLOSE` less than one."""

JITTER = Seconds(0.02)
"""But so late may any process come, though never later than `LATE`: only fast adverts are concerned."""

FORGIVEN = Seconds(0.1)
"""But an active goes on after such a silence, if nobody else was heard: only fast adverts are concerned here, too."""

PATIENCE = 8
"""Late timers in a row, with nothing heard between, until a call may come a whole interval late: a machine that is
always a little late must take over some time, too."""


class Machine:
    """One instance. Not thread-safe; `now` never goes back."""

    def __init__(self, settings: Settings) -> None:
        """An instance in INIT; `Start` is its first event."""
        self._settings = settings
        self._faults: tuple[Fault, ...] = ()
        self._change = 0
        self._priority = settings.priority
        self._pace = settings.interval
        """The advert interval of whoever is active: our own until another's is learned."""
        self._learned = False
        self._state = VrrpState.INIT
        self._now = self._since = 0.0
        self._reason = ""
        self._commands: list[Command] = []
        self._from = 0.0
        """From when the timers of this event run: the kernel's stamp of an advert, else now."""
        self._heard_at = self._sent_at = 0.0
        self._down_at = self._preempt_at = NEVER
        self._late_at = -NEVER
        """When this process had slept, since which it listens."""
        self._watch_at = NEVER
        self._believed = 0.0
        """How late the next call may come."""
        self._late_timers = self._disbelieved = 0
        """Late timers: all, and those since something was heard."""
        self._advert_at = self._announce_at = self._refresh_at = NEVER
        self._shift_by = 0.0
        """Seconds by which the skew time has just changed."""
        self._answered_again_at = NEVER
        """When the announcements of an answer are due once more."""
        self._answered_at = -NEVER
        self._answer_at = NEVER
        """When an answer that was put off is due."""
        self._ready_at = NEVER
        self._held_until = 0.0
        self._delayed_until = NEVER
        """While a peer of lower priority is active and heard: when `preempt_delay` is over."""
        self._hold_noticed = False
        self._active: IPAddress | None = None
        self._active_priority = Priority(0)
        self._stopped: IPAddress | None = None
        """The active that has just said that it stops."""
        self._successor: IPAddress | None = None
        """Who was asked, or has the addresses since we keep back."""
        self._succession_at = NEVER
        """When the successor must have announced itself."""
        self._announcement_waits = False
        """New settings came while the successor was asked, or word of somebody else who may have announced."""
        self._predecessor: tuple[IPAddress, float] | None = None
        """Who asked us, and until when it is not heard."""
        self._held = False
        self._actions: dict[Action, Callable[[], None]] = {
            Action.SEND_ADVERT: self._send_advert,
            Action.SEND_STOP: lambda: self._ask(SendAdvert(PRIORITY_STOP)),
            Action.LAST_WORD: self._last_word,
            Action.PUT_ADDRESSES: lambda: self._ask(PutAddresses()),
            Action.TAKE_ADDRESSES: lambda: self._ask(TakeAddresses()),
            Action.ANNOUNCE: self._announce,
            Action.ANSWER: self._answer,
            Action.DRAIN: lambda: self._ask(Drain()),
            Action.START_DOWN_TIMER: self._start_down_timer,
            Action.PUT_OFF: self._put_off,
            Action.SHORTEN: self._shorten,
            Action.SHIFT: self._shift,
            Action.HEAR: self._hear,
            Action.CLEAR: self._clear,
            Action.FORGET: self._forget,
            Action.AWAIT: self._await,
            Action.LEAVE_ADDRESSES: lambda: self._ask(LeaveAddresses()),
            Action.HOLD: self._hold,
            Action.GIVE_WAY: self._give_way,
        }

    @property
    def state(self) -> VrrpState:
        """The state now."""
        return self._state

    @property
    def priority(self) -> Priority:
        """The effective priority: the configured one, changed by what is tracked; while it keeps back, 1."""
        return self._priority

    @property
    def settings(self) -> Settings:
        """The settings in effect."""
        return self._settings

    @property
    def awaits(self) -> IPAddress | None:
        """The successor that was asked and has not answered yet."""
        return self._successor if self._succession_at < NEVER else None

    @property
    def skew(self) -> Seconds:
        """The skew time of this instance."""
        return skew_time(self._settings.version, self._priority, self._pace)

    @property
    def down_interval(self) -> Seconds:
        """How long this instance, as backup, waits for an advert."""
        settings = self._settings
        return down_interval(settings.version, self._priority, self._pace, settings.down_adverts)

    @property
    def _not_before(self) -> float:
        """When it has listened for long enough after a timer that was late."""
        return self._late_at + self.down_interval

    @property
    def _not_freed_before(self) -> float:
        """The same when the active says that it stops: that may have waited, while another became active."""
        return self._late_at + self._pace + self.skew

    @property
    def pace(self) -> Seconds:
        """The advert interval of whoever is active, as far as known."""
        return self._pace

    def deadline(self) -> float:
        """When to hand in `Timeout`; infinite when nothing is waited for."""
        if self._succession_at < NEVER:
            return self._succession_at
        if self._state is VrrpState.MASTER:
            return min(self._advert_at, self._announce_at, self._answered_again_at, self._refresh_at, self._answer_at)
        if self._state is VrrpState.BACKUP:
            first = min(self._down_at, self._watch_at)
            return first if self._preempt_at >= first else min(first, self._may_preempt_at())
        return NEVER

    def snapshot(self) -> Snapshot:
        """How it stands."""
        return Snapshot(
            state=self._state,
            since=self._since,
            reason=self._reason,
            priority=self._priority,
            configured=self._settings.priority,
            faults=self._faults,
            active=self._settings.address if self._state is VrrpState.MASTER else self._active,
            late_timers=self._late_timers,
            held=self._held,
            handed_to=self._successor if self._held else None,
        )

    def handle(self, event: Event, now: float) -> list[Command]:
        """What to do about `event`, in this order."""
        self._commands = []
        self._now = self._from = now
        self._check_lateness(event)
        match event:
            case AdvertReceived():
                self._advert(event)
            case Timeout():
                self._timeout()
            case Start():
                self._start(event)
            case Stop():
                self._stop()
            case StandingChanged():
                self._stand(event)
            case ReadyChanged(ready=ready):
                self._ready(ready)
            case Reconfigured(settings=settings):
                self._reconfigure(settings)
            case HandOver() | Succeeded() | Declined() | TakeOver() | Release():
                self._switch(event)
            case _:
                self._told(event)
        if self._state is VrrpState.BACKUP:
            self._watch(close=now < self._not_before or not isinstance(event, AdvertReceived))
        return self._commands

    def _watch(self, *, close: bool) -> None:
        """When to look at the clock again, and how much later that may be."""
        late, soon, adverts = LATE * self._pace, self._now + CLOSE * self._pace, self._settings.down_adverts
        self._watch_at = soon if close else max(self._from + WATCH * self._pace, soon)
        self._believed = min(late, max(CLOSE_LATE * self._pace, JITTER)) if close or adverts < 3 else late

    def _check_lateness(self, event: Event) -> None:
        """Before anything else is made of an event, see whether this process slept before it."""
        if self._state is VrrpState.MASTER:
            silence = self._now - self._sent_at
            # At its own timer it has heard of nobody who is active instead: what waited was handed in before.
            if silence > max(self.down_interval, FORGIVEN if isinstance(event, Timeout) else 0.0):
                self._late_timers += 1
                self._move(Cause.OVERSLEPT, f"woke after {silence:.1f} s without an own advert")
        elif self._state is VrrpState.BACKUP:
            late = self._awake_since(event) - self.deadline()
            if late > (self._believed if self._disbelieved < PATIENCE else self._pace):
                self._late_timers += 1
                self._disbelieved += 1
                self._ask(Noticed(Notice.TIMER_LATE, f"woke {late:.3f} s late: listens for one more down interval"))
                self._move(Cause.TIMER_LATE, "")

    def _awake_since(self, event: Event) -> float:
        """A process that has hundreds of timers at one time comes late to the last of them without having slept."""
        if isinstance(event, Read) and self._now - event.awake_since <= LATE * self._pace:
            return min(event.awake_since, self._now)
        return self._now

    def _start(self, event: Start) -> None:
        self._held_until = self._now + event.hold
        self._faults, self._change = event.faults, event.change
        self._priority = self._effective(self._settings.priority)
        if event.faults:
            self._move(Cause.STARTED_WITH_FAULT, self._why_faulty())
        elif event.adopt:
            self._move(Cause.ADOPTED, "goes on as active after a restart")
        elif self._settings.priority == PRIORITY_OWNER:
            self._move(Cause.OWNER_STARTED, "owns the addresses (priority 255)")
        else:
            self._move(Cause.STARTED, "started")

    def _stop(self) -> None:
        if self._state is not VrrpState.INIT:
            self._move(Cause.STOPPED, "stopped")

    def _stand(self, event: StandingChanged) -> None:
        gone = self._faults and not event.faults
        self._faults, self._change = event.faults, event.change
        self._set_priority()
        if self._state is VrrpState.FAULT and gone:
            owner = self._settings.priority == PRIORITY_OWNER
            reason = "the fault is gone"
            self._move(Cause.OWNER_FAULTS_GONE if owner else Cause.FAULTS_GONE, reason)
        elif self._state is VrrpState.FAULT:
            self._reason = self._why_faulty()
        elif event.faults and self._state in _RUNNING:
            mute = any(fault.mute for fault in event.faults)
            self._move(Cause.LINK_LOST if mute else Cause.FAULT_FOUND, self._why_faulty())

    def _why_faulty(self) -> str:
        return "; ".join(fault.words for fault in self._faults)

    def _effective(self, configured: Priority) -> Priority:
        return PRIORITY_HELD if self._held else effective(configured, self._change)

    def _set_priority(self) -> None:
        """As in keepalived, the next advert carries it; a backup's wait shifts with its skew time."""
        before, self._priority = self._priority, self._effective(self._settings.priority)
        if before != self._priority and self._state is VrrpState.BACKUP:
            self._shift_by = self.skew - skew_time(self._settings.version, before, self._pace)
            self._move(Cause.PRIORITY_CHANGED, "")

    def _advert(self, event: AdvertReceived) -> None:
        if self._state not in _RUNNING or self._in_switch(event):
            return
        self._disbelieved = 0
        # An advert that overtook another on its way here must not make the silence look longer.
        self._from = self._heard_at = min(max(event.received_at, self._heard_at), self._now)
        if event.priority == PRIORITY_STOP:
            self._active, self._stopped = None, event.source
            self._move(Cause.PEER_STOPPED, f"{event.source} stops")
            return
        leads = self._leads(event)
        if self._state is VrrpState.BACKUP or leads:
            self._active, self._active_priority, self._stopped = event.source, event.priority, None
            self._learn(event.interval)
        # One that we have just preempted has its last word.
        if self._state is VrrpState.MASTER and not leads and self._now - self._since > self._settings.interval / 4:
            detail = f"{event.source} is active too, with priority {event.priority}; ours is {self._priority}"
            self._ask(Noticed(Notice.SECOND_ACTIVE, detail))
        why = f"{event.source} has priority {event.priority}" if self._state is VrrpState.MASTER else ""
        self._move(Cause.PEER_LEADS if leads else Cause.PEER_YIELDS, why)

    def _switch(self, event: PlannedSwitch) -> None:
        """A planned switch; what does not fit the state comes too late and changes nothing."""
        match event:
            case HandOver(to=None) if self._state is VrrpState.MASTER:
                self._successor = None
                self._move(Cause.YIELDED, "gave up in a planned switch")
            case HandOver(to=successor) if self._state is VrrpState.MASTER:
                self._successor = successor
                self._move(Cause.HANDING_OVER, "")
            case Succeeded(source=source) if source == self.awaits:
                self._succeeded(source)
            case Declined(source=source, why=why) if source == self.awaits:
                self._succession_at = NEVER
                self._move(Cause.SUCCESSOR_REFUSED, f"{source}: {why}")
                if self._announcement_waits:
                    self._move(Cause.RECONFIGURED, "")
            case TakeOver(source=source) if self._state in _RUNNING and self.awaits is None:
                # Also if it is active already, of its own accord: who asks may have announced since.
                self._move(Cause.APPOINTED, f"{source} handed over in a planned switch")
                self._predecessor = (source, self._now + DEAF)
            case Release() if self._held:
                self._held, self._successor = False, None
                self._set_priority()

    def _succeeded(self, source: IPAddress) -> None:
        self._active = source
        self._move(Cause.SUCCEEDED, f"handed over to {source} in a planned switch")

    def _in_switch(self, event: AdvertReceived) -> bool:
        """Whether an advert is heard as part of a planned switch, or not heard at all because of one."""
        if self._predecessor is not None and self._state is VrrpState.MASTER:
            source, until = self._predecessor
            if event.source == source and event.received_at < until and event.priority != PRIORITY_STOP:
                return True
        if self.awaits is None:
            return False
        if event.source == self.awaits and event.priority != PRIORITY_STOP:
            self._succeeded(event.source)
        self._announcement_waits |= not (leads := self._leads(event))
        return not leads

    def _learn(self, interval: Seconds) -> None:
        """RFC 9568 6.4.2: the skew time and the down interval follow the active's interval; version 2 has but one."""
        if self._settings.version != 2:
            self._pace, self._learned = interval, True

    def _leads(self, event: AdvertReceived) -> bool:
        """Whether we stand behind the sender: as active by priority, then address; as backup unless we may preempt."""
        own = self._priority
        if self._state is VrrpState.BACKUP:
            return event.priority >= own or not self._settings.preempt
        return event.priority > own or (event.priority == own and int(event.source) > int(self._settings.address))

    def _timeout(self) -> None:
        if self._state is VrrpState.MASTER:
            self._active_timeout()
        elif self._now >= self._down_at:
            if self._active is not None and self._stopped is None:
                self._ask(Noticed(Notice.ACTIVE_VANISHED, f"{self._silence()}, and no word that it stops"))
            self._lead(Cause.NOBODY_HEARD, self._silence())
        elif self._now >= self._may_preempt_at():
            reason = f"preempts {self._active}, which has priority {self._active_priority}"
            self._lead(Cause.PREEMPTED, reason)

    def _lead(self, cause: Cause, reason: str) -> None:
        """Its time has come."""
        self._move(cause, reason)

    def _told(self, event: Event) -> None:
        """What a sync group or a witness says; of no meaning here (machine_grouped.py, machine_witnessed.py)."""

    def _silence(self) -> str:
        if self._stopped is not None:
            return f"{self._stopped} stopped"
        if self._active is None:
            return "no advert heard"
        silence = self._now - self._down_at + self.down_interval
        return f"no advert from {self._active} for {silence:.{1 if silence >= 1 else 3}f} s"

    def _active_timeout(self) -> None:
        if self._succession_at < NEVER:
            if self._now >= self._succession_at:
                reason = f"{self._successor} did not answer in a planned switch"
                self._successor = None
                self._move(Cause.SUCCESSOR_SILENT, reason)
            return
        if self._now >= self._advert_at:
            self._move(Cause.ADVERT_DUE, "")
        if self._now >= self._answer_at:
            self._answer_now()
        if self._now >= self._announce_at:
            self._announce_at = NEVER
            self._ask(Announce(self._settings.announcements))
        if self._now >= self._answered_again_at:
            self._answered_again_at = NEVER
            self._ask(Announce(self._settings.answer_announcements))
        if self._now >= self._refresh_at:
            self._refresh_at = self._now + self._settings.refresh
            self._ask(Announce(self._settings.refresh_announcements))

    def _ready(self, ready: bool) -> None:
        if not ready:
            self._ready_at = NEVER
        elif self._ready_at == NEVER:
            self._ready_at = self._now

    def _reconfigure(self, settings: Settings) -> None:
        self._settings = settings
        self._priority = self._effective(settings.priority)
        if not self._learned:
            self._pace = settings.interval
        if self.awaits is not None:
            self._announcement_waits = True  # Only the successor announces now.
        elif self._state in _RUNNING:
            self._move(Cause.RECONFIGURED, "")

    def _may_preempt_at(self) -> float:
        ready_at = min(self._ready_at, self._preempt_at + self._settings.ready_timeout)
        delayed_until = 0.0 if self._delayed_until == NEVER else self._delayed_until
        return max(self._preempt_at, ready_at, self._held_until, delayed_until)

    def _move(self, cause: Cause, reason: str) -> None:
        row = ROWS[self._state, cause]
        if row.target is VrrpState.MASTER and self._state is not VrrpState.MASTER:
            self._held, self._predecessor = False, None
            self._priority = self._effective(self._settings.priority)
        for action in row.actions:
            self._actions[action]()
        if row.target is self._state:
            return
        previous, self._state = self._state, row.target
        self._since, self._reason = self._now, reason
        self._ask(StateChanged(previous=previous, state=row.target, cause=cause, reason=reason))

    def _ask(self, command: Command) -> None:
        self._commands.append(command)

    def _clear(self) -> None:
        self._down_at = self._preempt_at = self._advert_at = self._answer_at = NEVER
        self._announce_at = self._answered_again_at = self._refresh_at = NEVER
        self._late_at = -NEVER
        self._succession_at = self._delayed_until = NEVER
        self._hold_noticed = False

    def _forget(self) -> None:
        self._pace, self._learned = self._settings.interval, False

    def _start_down_timer(self) -> None:
        self._delayed_until = NEVER
        self._down_at = self._preempt_at = max(self._from + self.down_interval, self._not_before)

    def _shorten(self) -> None:
        self._delayed_until = NEVER
        self._down_at = self._preempt_at = max(self._from + self.skew, self._not_freed_before)

    def _shift(self) -> None:
        """Never into the past: that would look like a timer handled late. A wait that is over stays so."""
        self._down_at = self._shifted(self._down_at)
        self._preempt_at = self._shifted(self._preempt_at)
        if self._active is not None and self._active_priority >= self._priority:
            self._preempt_at = max(self._preempt_at, self._down_at)

    def _shifted(self, at: float) -> float:
        return at if at <= self._now else max(at + self._shift_by, self._not_freed_before, self._now)

    def _hear(self) -> None:
        if self._delayed_until == NEVER:
            delay = self._settings.preempt_delay
            self._delayed_until = self._from + delay + self.down_interval if delay > 0 else 0.0
        self._down_at = max(self._from + self.down_interval, self._not_before, self._down_at)
        self._preempt_at = max(self._preempt_at, self._not_before)
        may = self._may_preempt_at()
        if self._now > self._preempt_at and may > self._now and not self._hold_noticed:
            self._hold_noticed = True
            why = self._why_held()
            self._ask(Noticed(Notice.PREEMPTION_HELD, f"does not preempt {self._active}: {why}"))

    def _why_held(self) -> str:
        if self._held_until > self._now:
            return "a crash not long ago"
        return "preempt_delay" if self._now < self._delayed_until < NEVER else "not ready yet"

    def _await(self) -> None:
        self._announcement_waits = False
        self._succession_at = self._now + SUCCESSION

    def _hold(self) -> None:
        self._held = True
        self._priority = self._effective(self._settings.priority)

    def _give_way(self) -> None:
        """Whoever else is there needs the skew time; if there is nobody, the addresses must not be long without us."""
        self._down_at = self._preempt_at = self._now + self._pace + self.skew

    def _put_off(self) -> None:
        self._late_at = self._now
        self._down_at = max(self._down_at, self._not_before)
        self._preempt_at = max(self._preempt_at, self._not_before)

    def _send_advert(self) -> None:
        """The next one keeps step with this one's time, unless this one was out of turn or far behind."""
        interval = self._settings.interval
        in_turn = self._advert_at <= self._now < self._advert_at + interval / 2
        self._advert_at = (self._advert_at if in_turn else self._now) + interval
        self._sent_at = self._now
        self._ask(SendAdvert(self._priority))

    def _last_word(self) -> None:
        if self._settings.last_word:
            self._send_advert()

    def _announce(self) -> None:
        self._ask(Announce(self._settings.announcements))
        if self._settings.announce_delay > 0:
            self._announce_at = self._now + self._settings.announce_delay
        self._refresh_at = self._now + self._settings.refresh if self._settings.refresh > 0 else NEVER

    def _answer(self) -> None:
        """As keepalived, and RFC 9568 6.4.3: heals bridges and hosts that learned the other one's address."""
        pause = self._settings.interval / 2
        if self._now - self._answered_at < pause:
            # Put off and not dropped: another may have announced the addresses since the last answer.
            self._answer_at = self._answered_at + pause
            return
        self._answer_now()

    def _answer_now(self) -> None:
        settings = self._settings
        self._answered_at, self._answer_at = self._now, NEVER
        if settings.answer:
            self._send_advert()
        if settings.answer_announcements > 0:
            self._ask(Announce(settings.answer_announcements))
            if settings.answer_delay > 0:
                self._answered_again_at = self._now + settings.answer_delay
