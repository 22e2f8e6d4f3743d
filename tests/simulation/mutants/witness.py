# SPDX-License-Identifier: Apache-2.0
"""Defects in what a machine makes of its witness."""

from __future__ import annotations

from bascule.model.configuration import VrrpState
from bascule.vrrp.transitions import Action, Cause
from tests.simulation.mutants.loading import Mutant, without

MUTANTS = (
    Mutant(
        name="silence_is_believed",
        what="becomes active by silence whatever its witness says",
        edits=(("if cause is Cause.NOBODY_HEARD and self._is_bound and not self._is_answered:", "if False:"),),
    ),
    Mutant(
        name="any_answer_counts",
        what="an answer of this silence counts for ever",
        edits=(("fresh = self._now - self._wait.asked_at <= (self._settings.witness or 0.0)", "fresh = True"),),
    ),
    Mutant(
        name="answer_of_before_the_silence",
        what="an answer to a question of before the last advert counts",
        edits=(
            ("if asked_at < max(wait.since, wait.asked_at):", "if False:"),
            ("            self._wait = _Wait(since)\n", "            self._wait.since = since\n"),
        ),
    ),
    Mutant(
        name="answer_not_taken",
        what="waits for one more down interval when the witness answers at last",
        edits=(("if self._unwitnessed is not None and self._is_answered:", "if False:"),),
    ),
    Mutant(
        name="first_answer_is_enough",
        what="is active at the first answer, before an active that was cut off with the witness can be heard",
        edits=(("return wait.whole_since + self._pace + self.skew", "return wait.since"),),
    ),
    Mutant(
        name="asks_once",
        what="does not go on asking a witness that is silent",
        edits=(
            ("            self._ask(AskWitness())\n", "            self._unwitnessed or self._ask(AskWitness())\n"),
        ),
    ),
    Mutant(
        name="farewell_needs_a_witness",
        what="does not follow one that says that it stops before the witness answers",
        edits=(("freed_until = self._from + self.down_interval", "freed_until = -NEVER"),),
    ),
    Mutant(
        name="preemption_needs_a_witness",
        what="does not preempt a peer that it hears before the witness answers",
        edits=(("cause is Cause.NOBODY_HEARD and self._is_bound and", "self._is_bound and"),),
    ),
    Mutant(
        name="witness_awaited_without_a_timer",
        what="does not start its down timer anew while it waits for its witness",
        rows=(without(VrrpState.BACKUP, Cause.WITNESS_AWAITED, Action.START_DOWN_TIMER),),
    ),
)
