# SPDX-License-Identifier: Apache-2.0
"""Defects that a careful colleague could make: a field that a transition forgets to reset, a wait that another ends,
what is learned from the wrong one, what comes in the middle of a planned switch.
"""

from __future__ import annotations

from bascule.model.configuration import VrrpState
from bascule.vrrp.transitions import Action, Cause
from tests.simulation.mutants.loading import Mutant, instead, without

_BACKUP, _MASTER = VrrpState.BACKUP, VrrpState.MASTER

MUTANTS = (
    Mutant(
        name="time_of_reading",
        what="waits from when it read an advert, not from when the kernel got it",
        edits=(("min(max(event.received_at, self._heard_at), self._now)", "self._now"),),
    ),
    Mutant(
        name="learns_from_lower",
        what="an active learns its pace from one that stands behind it",
        edits=(("if self._state is VrrpState.BACKUP or leads:\n", "if True:\n"),),
        version=3,
    ),
    Mutant(
        name="never_learns",
        what="goes by its own advert interval whatever the active's is",
        edits=(("self._pace, self._learned = interval, True", "pass"),),
        version=3,
    ),
    Mutant(
        name="pace_not_forgotten",
        what="becomes active and goes on at the pace of the one before it",
        rows=tuple(without(_BACKUP, cause, Action.FORGET) for cause in (Cause.NOBODY_HEARD, Cause.PREEMPTED)),
        version=3,
    ),
    Mutant(
        name="reload_unlearns",
        what="a reload makes it forget the active's pace",
        edits=(
            (
                "        if not self._learned:\n            self._pace = settings.interval\n",
                "        self._pace = settings.interval\n",
            ),
        ),
        version=3,
    ),
    Mutant(
        name="skew_of_own_interval",
        what="the skew time of its own interval after a farewell of one at another pace",
        edits=(
            (
                "return skew_time(self._settings.version, self._priority, self._pace)",
                "return skew_time(self._settings.version, self._priority, self._settings.interval)",
            ),
        ),
        version=3,
    ),
    Mutant(
        name="delay_restarts",
        what="preempt_delay begins anew with each advert, and never ends",
        edits=(("        if self._delayed_until == NEVER:\n            delay", "        if True:\n            delay"),),
    ),
    Mutant(
        name="delay_not_reset",
        what="preempt_delay counts from an earlier active, though another has led meanwhile",
        edits=(
            (
                "    def _start_down_timer(self) -> None:\n        self._delayed_until = NEVER\n",
                "    def _start_down_timer(self) -> None:\n",
            ),
        ),
    ),
    Mutant(
        name="hold_puts_off_takeover",
        what="after a crash it waits even for one that is not heard any more",
        edits=(
            (
                "max(self._from + self.down_interval, self._not_before, self._down_at)",
                "max(self._from + self.down_interval, self._not_before, self._down_at, self._held_until)",
            ),
        ),
    ),
    Mutant(
        name="readiness_once",
        what="once ready it stays so",
        edits=(("            self._ready_at = NEVER\n        elif", "            pass\n        elif"),),
    ),
    Mutant(
        name="one_wait_not_shifted",
        what="another priority shifts the wait for silence, but not the wait to preempt",
        edits=(("        self._preempt_at = self._shifted(self._preempt_at)\n", ""),),
    ),
    Mutant(
        name="listening_ended_by_lower",
        what="an advert of one behind it ends the listening after it woke late",
        edits=(
            (
                "max(self._from + self.down_interval, self._not_before, self._down_at)",
                "self._from + self.down_interval",
            ),
        ),
    ),
    Mutant(
        name="listening_ended_by_leader",
        what="so does an old advert of one that leads",
        edits=(("max(self._from + self.down_interval, self._not_before)", "self._from + self.down_interval"),),
    ),
    Mutant(
        name="preempts_while_listening",
        what="woke late, and puts off only what silence allows",
        edits=(
            (
                "_down_at = max(self._down_at, self._not_before)\n"
                "        self._preempt_at = max(self._preempt_at, self._not_before)\n",
                "_down_at = max(self._down_at, self._not_before)\n",
            ),
            ("        self._preempt_at = max(self._preempt_at, self._not_before)\n", ""),
        ),
    ),
    Mutant(
        name="always_awake_when_busy",
        what="takes any pause in a round of timers for work",
        edits=((" and self._now - event.awake_since <= LATE * self._pace", ""),),
    ),
    Mutant(
        name="oversleeps_too_soon",
        what="gives up after two intervals without an own advert",
        edits=(("silence > max(self.down_interval,", "silence > max(2 * self._pace,"),),
    ),
    Mutant(
        name="owner_begins_as_backup",
        what="owns the addresses, and waits for the down interval at its start",
        edits=(("elif self._settings.priority == PRIORITY_OWNER:\n", "elif False:\n"),),
    ),
    Mutant(
        name="owner_returns_as_backup",
        what="owns the addresses, and waits for the down interval after a fault",
        edits=(("self._move(Cause.OWNER_FAULTS_GONE if owner else", "self._move("),),
    ),
    Mutant(
        name="adopts_in_spite_of_a_fault",
        what="goes on as active after a restart, though a fault came meanwhile",
        edits=(
            (
                "        if event.faults:\n            self._move(Cause.STARTED_WITH",
                "        if event.faults and not event.adopt:\n            self._move(Cause.STARTED_WITH",
            ),
        ),
    ),
    Mutant(
        name="active_follows_no_weights",
        what="as active it keeps the priority that it became active with",
        edits=(
            (
                "        before, self._priority = self._priority, self._effective(self._settings.priority)\n",
                "        before = self._priority\n"
                "        if self._state is not VrrpState.MASTER:\n"
                "            self._priority = self._effective(self._settings.priority)\n",
            ),
        ),
    ),
    Mutant(
        name="reload_does_not_wait",
        what="a backup's reload does not start its wait anew",
        rows=(instead(_BACKUP, Cause.RECONFIGURED),),
    ),
    Mutant(
        name="released_at_the_old_priority",
        what="keeps priority 1 after it was released",
        edits=(
            (
                "                self._held, self._successor = False, None\n                self._set_priority()",
                "                self._held, self._successor = False, None",
            ),
        ),
    ),
    Mutant(
        name="held_as_active",
        what="becomes active again with the priority that it kept back with",
        edits=(("self._held, self._predecessor = False, None", "self._predecessor = None"),),
    ),
    Mutant(
        name="deaf_for_ever",
        what="never hears its predecessor again",
        edits=(("event.received_at < until and ", ""),),
    ),
    Mutant(
        name="deaf_to_farewells",
        what="does not hear either that its predecessor stops",
        edits=((" < until and event.priority != PRIORITY_STOP:", " < until:"),),
    ),
    Mutant(
        name="anybody_succeeds",
        what="takes any advert for its successor's",
        edits=(("if event.source == self.awaits and event", "if event"),),
    ),
    Mutant(
        name="anybody_refuses",
        what="takes anybody's refusal for its successor's, and one that comes late",
        edits=(
            ("case Declined(source=source, why=why) if source == self.awaits", "case Declined(source=source, why=why)"),
        ),
    ),
    Mutant(
        name="reload_lost_in_a_switch",
        what="forgets a reload that came while its successor was asked, and which refuses",
        edits=(
            (
                "                if self._announcement_waits:\n"
                '                    self._move(Cause.RECONFIGURED, "")\n',
                "",
            ),
        ),
    ),
    Mutant(
        name="never_gives_way",
        what="its successor is silent, and it does not wait to become active again",
        rows=(without(_MASTER, Cause.SUCCESSOR_SILENT, Action.GIVE_WAY),),
    ),
    Mutant(
        name="switch_outlives_a_fault",
        what="loses its interface while its successor is asked, and still waits for it",
        rows=(without(_MASTER, Cause.LINK_LOST, Action.CLEAR),),
    ),
    Mutant(
        name="reluctant_successor",
        what="does not take back what it has handed over",
        edits=(
            (
                "case TakeOver(source=source) if self._state in _RUNNING and self.awaits is None:",
                "case TakeOver(source=source) if self._state in _RUNNING and self.awaits is None and not self._held:",
            ),
        ),
    ),
)
