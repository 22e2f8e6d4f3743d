# SPDX-License-Identifier: Apache-2.0
"""Defects in the table of transitions: a row that forgets something, or does what it should not."""

from __future__ import annotations

from bascule.model.configuration import VrrpState
from bascule.vrrp.transitions import ROWS, Action, Cause
from tests.simulation.mutants.loading import Mutant, instead, without

_INIT, _BACKUP, _MASTER = VrrpState.INIT, VrrpState.BACKUP, VrrpState.MASTER

MUTANTS = (
    Mutant(
        name="lost_announcement",
        what="takes over without announcing the addresses",
        rows=tuple(without(_BACKUP, cause, Action.ANNOUNCE) for cause in (Cause.NOBODY_HEARD, Cause.PREEMPTED)),
    ),
    Mutant(
        name="no_addresses",
        what="takes over without putting the addresses on",
        rows=(without(_BACKUP, Cause.NOBODY_HEARD, Action.PUT_ADDRESSES),),
    ),
    Mutant(
        name="addresses_stay",
        what="keeps the addresses when it stands back",
        rows=(without(_MASTER, Cause.PEER_LEADS, Action.TAKE_ADDRESSES),),
    ),
    Mutant(
        name="old_addresses_after_reload",
        what="does not put new addresses on after a reload",
        rows=(without(_MASTER, Cause.RECONFIGURED, Action.PUT_ADDRESSES),),
    ),
    Mutant(
        name="down_timer_not_reset",
        what="an advert of the active does not restart the down timer",
        rows=(without(_BACKUP, Cause.PEER_LEADS, Action.START_DOWN_TIMER),),
    ),
    Mutant(
        name="farewell_ignored",
        what="waits for the whole down interval after priority 0",
        rows=(without(_BACKUP, Cause.PEER_STOPPED, Action.SHORTEN),),
    ),
    Mutant(
        name="no_farewell",
        what="sends no priority 0 when it stops",
        rows=(without(_MASTER, Cause.STOPPED, Action.SEND_STOP),),
    ),
    Mutant(
        name="farewell_of_a_backup",
        what="sends priority 0 when it stops as backup",
        rows=(instead(_BACKUP, Cause.STOPPED, *ROWS[_BACKUP, Cause.STOPPED].actions, Action.SEND_STOP),),
    ),
    Mutant(
        name="late_timer_not_put_off",
        what="notices that a timer is late and believes the next one",
        rows=(without(_BACKUP, Cause.TIMER_LATE, Action.PUT_OFF),),
    ),
    Mutant(
        name="any_advert_puts_off",
        what="adverts of lower priority put off the preemption, too",
        rows=(instead(_BACKUP, Cause.PEER_YIELDS, Action.START_DOWN_TIMER),),
    ),
    Mutant(
        name="second_active_unanswered",
        what="does not answer a second active that is behind it",
        rows=(instead(_MASTER, Cause.PEER_YIELDS),),
    ),
    Mutant(
        name="no_last_word",
        what="stands back without telling the one that leads that it was active",
        rows=(without(_MASTER, Cause.PEER_LEADS, Action.LAST_WORD),),
    ),
    Mutant(
        name="farewell_unannounced",
        what="does not announce the addresses when a second active stops",
        rows=(without(_MASTER, Cause.PEER_STOPPED, Action.ANNOUNCE),),
    ),
    Mutant(
        name="silent_adoption",
        what="goes on after a restart without an advert",
        rows=(without(_INIT, Cause.ADOPTED, Action.SEND_ADVERT),),
    ),
    Mutant(
        name="unannounced_adoption",
        what="goes on after a restart without announcing what addresses it has",
        rows=(without(_INIT, Cause.ADOPTED, Action.ANNOUNCE),),
    ),
    Mutant(
        name="stands_back_for_ever",
        what="does not start the down timer when it stands back",
        rows=(without(_MASTER, Cause.PEER_LEADS, Action.START_DOWN_TIMER),),
    ),
    Mutant(
        name="fault_without_farewell",
        what="a fault of a tracker ends an active without a word",
        rows=(without(_MASTER, Cause.FAULT_FOUND, Action.SEND_STOP),),
    ),
    Mutant(
        name="wait_not_shifted",
        what="waits as its old priority had it",
        rows=(without(_BACKUP, Cause.PRIORITY_CHANGED, Action.SHIFT),),
    ),
    Mutant(
        name="leftovers_stay",
        what="starts as backup and leaves on what a predecessor had on",
        rows=(without(_INIT, Cause.STARTED, Action.TAKE_ADDRESSES),),
    ),
    Mutant(
        name="unannounced_successor",
        what="takes over in a planned switch without announcing the addresses",
        rows=(without(_BACKUP, Cause.APPOINTED, Action.ANNOUNCE),),
    ),
    Mutant(
        name="gives_up_without_a_word",
        what="its successor does not answer, and it leaves without priority 0",
        rows=(without(_MASTER, Cause.SUCCESSOR_SILENT, Action.SEND_STOP),),
    ),
    Mutant(
        name="takes_back_at_once",
        what="does not keep back after it has handed over",
        rows=(without(_MASTER, Cause.SUCCEEDED, Action.HOLD),),
    ),
)
