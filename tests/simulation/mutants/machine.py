# SPDX-License-Identifier: Apache-2.0
"""Defects in the machine's decisions and times."""

from __future__ import annotations

from tests.simulation.mutants.loading import Mutant

MUTANTS = (
    Mutant(
        name="equal_priority_ignored",
        what="`>` for `>=`: a backup preempts an active of its own priority",
        edits=(("event.priority >= own or not", "event.priority > own or not"),),
    ),
    Mutant(
        name="nopreempt_ignored",
        what="preempts in spite of nopreempt",
        edits=((" or not self._settings.preempt", ""),),
    ),
    Mutant(
        name="lower_priority_accepted",
        what="an active stands back for whoever is heard",
        edits=(("return event.priority > own or (", "return event.priority > 0 or ("),),
    ),
    Mutant(
        name="higher_priority_ignored",
        what="an active never stands back",
        edits=(("return event.priority > own or (", "return False and ("),),
    ),
    Mutant(
        name="address_order_reversed",
        what="of two equal actives the one with the lower address stays",
        edits=(("int(event.source) > int(self._settings.address)", "int(event.source) < int(self._settings.address)"),),
    ),
    Mutant(
        name="no_order_of_addresses",
        what="of two equal actives neither stands back",
        edits=(("int(event.source) > int(self._settings.address)", "False"),),
    ),
    Mutant(
        name="no_skew_after_farewell",
        what="becomes active at once on priority 0",
        edits=(("max(self._from + self.skew, self._not_freed_before)", "max(self._from, self._not_freed_before)"),),
    ),
    Mutant(
        name="skew_reversed",
        what="the higher priority waits longer",
        edits=(("share = (256 - priority) / 256", "share = priority / 256"),),
    ),
    Mutant(
        name="skew_of_version_2",
        what="version 3 with the skew time of version 2",
        edits=(("share if version == 2 else share * interval", "share"),),
        version=3,
    ),
    Mutant(
        name="two_adverts",
        what="the down interval is two adverts",
        edits=(("return Seconds(adverts * interval", "return Seconds((adverts - 1) * interval"),),
    ),
    Mutant(
        name="four_adverts",
        what="the down interval is four adverts",
        edits=(("return Seconds(adverts * interval", "return Seconds((adverts + 1) * interval"),),
    ),
    Mutant(
        name="hold_ignored",
        what="preempts right after a crash",
        edits=(("self._now + event.hold", "self._now"),),
    ),
    Mutant(
        name="readiness_ignored",
        what="preempts before it is ready",
        edits=(("max(self._preempt_at, ready_at, ", "max(self._preempt_at, "),),
    ),
    Mutant(
        name="readiness_without_bound",
        what="never preempts when readiness does not come",
        edits=(("min(self._ready_at, self._preempt_at + self._settings.ready_timeout)", "self._ready_at"),),
    ),
    Mutant(
        name="oversleep_not_noticed",
        what="an active that was stopped for long goes on as active",
        edits=(("if silence > max(self.down_interval, ", "if silence > max(NEVER, "),),
    ),
    Mutant(
        name="lateness_believed",
        what="a backup believes its down timer however late it comes",
        edits=(("if late > (self._believed if", "if late > (NEVER if"),),
    ),
    Mutant(
        name="clock_not_watched",
        what="a backup looks at the clock only when the down timer is due",
        edits=(("WATCH = 1.25", "WATCH = 1e9"),),
    ),
    Mutant(
        name="short_stops_not_noticed",
        what="looks at the clock no more often when an advert is missed, so that short stops add up to a silence",
        edits=(
            (
                "self._watch(close=now < self._not_before or not isinstance(event, AdvertReceived))",
                "self._watch(close=False)",
            ),
        ),
    ),
    Mutant(
        name="listens_for_one_advert",
        what="listens for one advert when it was late, and sleeps over that one",
        version=3,
        edits=(("return self._late_at + self.down_interval", "return self._not_freed_before"),),
    ),
    Mutant(
        name="impatient",
        what="believes a late timer after another",
        edits=(("PATIENCE = 8", "PATIENCE = 1"),),
    ),
    Mutant(
        name="farewell_believed_though_late",
        what="a farewell that it slept over makes it active at once",
        edits=(("max(self._from + self.skew, self._not_freed_before)", "self._from + self.skew"),),
    ),
    Mutant(
        name="advert_timer_not_restarted",
        what="an active sends one advert and no more",
        edits=(("else self._now) + interval", "else self._now) + NEVER"),),
    ),
    Mutant(
        name="adverts_too_seldom",
        what="an active sends every other advert",
        edits=(("else self._now) + interval", "else self._now) + 2 * interval"),),
    ),
    Mutant(
        name="timer_for_ever",
        what="the second announcement's timer is not cleared",
        edits=(("            self._announce_at = NEVER\n", ""),),
    ),
    Mutant(
        name="one_announcement",
        what="announces only once",
        edits=(("self._announce_at = self._now + self._settings.announce_delay", "self._announce_at = NEVER"),),
    ),
    Mutant(
        name="answer_dropped",
        what="does not answer a second active at all when it has just answered another",
        edits=(("            self._answer_at = self._answered_at + pause\n", ""),),
    ),
    Mutant(
        name="reload_ignored",
        what="goes on with the old priority after a reload",
        edits=(("        self._priority = self._effective(settings.priority)\n", ""),),
    ),
    Mutant(
        name="interface_ignored",
        what="does not notice that its interface went down",
        edits=(("elif event.faults and self._state in", "elif not event.faults and self._state in"),),
    ),
    Mutant(
        name="active_not_remembered",
        what="does not remember who is active",
        edits=(
            (
                "self._active, self._active_priority, self._stopped = event.source, ",
                "_, self._active_priority, self._stopped = event.source, ",
            ),
        ),
    ),
    Mutant(
        name="change_not_reported",
        what="enters a state without saying so when an interface goes down",
        edits=(
            ("        self._ask(StateChanged(", "        if cause is not Cause.LINK_LOST: self._ask(StateChanged("),
        ),
    ),
    Mutant(
        name="preempt_delay_ignored",
        what="preempts before its preempt_delay is over",
        edits=(("delay = self._settings.preempt_delay", "delay = 0.0"),),
    ),
    Mutant(
        name="down_adverts_ignored",
        what="the down interval is three adverts whatever down_timer_adverts says",
        edits=(("self._priority, self._pace, settings.down_adverts)", "self._priority, self._pace)"),),
    ),
    Mutant(
        name="weights_ignored",
        what="does not change its priority with what is tracked",
        edits=(("event.faults, event.change\n        self._set_priority()\n", "event.faults, event.change\n"),),
    ),
    Mutant(
        name="preempts_what_leads_now",
        what="has lost priority, and preempts one that it heard when it was ahead",
        edits=(("if self._active is not None and self._active_priority >= self._priority:", "if False:"),),
    ),
    Mutant(
        name="shifts_into_the_past",
        what="takes a wait that has become shorter for a timer that it missed",
        edits=(
            (
                "at if at <= self._now else max(at + self._shift_by, self._not_freed_before, self._now)",
                "at + self._shift_by",
            ),
        ),
    ),
    Mutant(
        name="announces_while_it_hands_over",
        what="announces its addresses after a reload, though its successor may have done so",
        edits=(
            (
                "        if self.awaits is not None:\n            self._announcement_waits",
                "        if False:\n            self._announcement_waits",
            ),
        ),
    ),
    Mutant(
        name="waits_long_for_a_successor",
        what="says nothing for half a second when the successor does not answer",
        edits=(("self._succession_at = self._now + SUCCESSION", "self._succession_at = self._now + 0.5"),),
    ),
    Mutant(
        name="hears_its_predecessor",
        what="stands back for an advert that its predecessor had sent before",
        edits=(("self._now + DEAF", "self._now"),),
    ),
)
