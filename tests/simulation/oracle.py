# SPDX-License-Identifier: Apache-2.0
"""What must hold at every moment, judged from outside: packets, addresses, announcements and reported states.

Nothing here asks the machine why. It has a model of its own of when a backup may become active, and when it must:
after the down interval since the last advert that leads, or the skew time after a farewell, later when it was stopped
meanwhile, when it is not ready or holds back after a crash and hears somebody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bascule.model.base import Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import LINK_DOWN, StateChanged
from bascule.vrrp.packet import PRIORITY_OWNER, PRIORITY_STOP, Advert
from bascule.vrrp.transitions import ROWS, Cause
from tests.simulation.announced import SUCCESSION, check_side
from tests.simulation.facts import LONG_AGO, Facts, Rule, ViolationError, down_interval, skew_time
from tests.simulation.router import ANNOUNCE_ADVERTS, HANDED, READY_ADVERTS, Router
from tests.simulation.wire import LATE

if TYPE_CHECKING:
    from tests.simulation.world import World

BACKUP, MASTER = VrrpState.BACKUP, VrrpState.MASTER
DEAF = 0.02
"""Seconds for which a successor does not hear its predecessor."""
GAVE_UP = (Cause.SUCCESSOR_SILENT, Cause.YIELDED)
EPSILON = 1e-5
"""Seconds by which times may differ that are worked out in two ways."""
SLACK = 0.05
"""Advert intervals that something may come later than it should: clocks run at different rates."""
NOTICED = 1.76
"""A stop of more advert intervals than this is always noticed: a backup looks at the clock 1.25 after an advert, and
believes a timer that is half an interval late."""
NOTICED_STRICT = 1.376
"""The same where `down_timer_adverts` leaves no room for that half."""
NOTICED_CLOSE = 0.251
"""The same when an advert is missed already: it looks at the clock after a quarter, and believes an eighth."""
BELIEVED = (0.125, 0.02)
"""That eighth; but so many seconds any process may be late."""


FIRST_ASKED = 1.25
"""Advert intervals into a silence after which the witness has been asked."""
AWAY = 1.3
"""Advert intervals without a witness that are always noticed."""
ASKING = 0.26
"""Advert intervals between two questions to the witness, and the way there and back."""


class Oracle:
    """The rules for all routers of a world."""

    def __init__(self, world: World, size: int) -> None:
        """Nothing was seen yet."""
        self._world = world
        self._interval = world.schedule.interval
        paces = [plan.pace for plan in world.schedule.routers]
        self._shortest = Seconds(world.schedule.interval * min(paces))
        self._longest = Seconds(world.schedule.interval * max(paces))
        self._unseen = NOTICED_CLOSE * self._longest + max(BELIEVED[0] * self._longest, BELIEVED[1])
        self._version = world.schedule.version
        self.facts = [Facts() for _ in range(size)]

    def _fail(self, rule: Rule, router: Router, detail: str = "") -> None:
        raise ViolationError(rule, router.number, self._world.now, detail)

    def _down(self, router: Router) -> float:
        pace = self.facts[router.number].pace
        return down_interval(self._version, router.priority, pace, router.plan.down_adverts)

    def _listening(self, priority: Priority, interval: Seconds) -> float:
        """How long a backup listens after it was stopped: one advert and the skew time."""
        return interval + skew_time(self._version, priority, interval)

    # What happens to a router.

    def starting(self, router: Router, *, hold: float) -> None:
        """A process begins."""
        now = router.now
        before = self.facts[router.number]
        self.facts[router.number] = facts = Facts(
            base=now,
            pace=router.interval,
            held_until=now + hold,
            ready_since=now if router.ready else float("inf"),
            changed_at_true=before.changed_at_true,
            left_at_true=before.left_at_true,
            left_silently=before.left_silently,
            left_to=before.left_to,
            left_handing=before.left_handing,
            handing_at_true=before.handing_at_true,
            predecessor=before.predecessor,
            taken_at_true=before.taken_at_true,
            late=bool(router.slow),
            woke_at=now if router.slow else LONG_AGO,
        )
        facts.due = now + self._down(router)

    def ended(self, router: Router) -> None:
        """A process is gone."""
        facts = self.facts[router.number]
        if facts.reported is VrrpState.MASTER:
            facts.left_at_true, facts.left_silently, facts.left_to = self._world.now, True, None
            facts.left_handing = False
        facts.reported = VrrpState.INIT
        facts.changed_at_true = self._world.now

    def spoke(self, router: Router) -> None:
        """Its last will was executed: it was active."""
        facts = self.facts[router.number]
        facts.left_at_true, facts.left_silently, facts.left_to = self._world.now, False, None
        facts.left_handing = False

    def stopped(self, router: Router) -> None:
        """It has carried out an ordered stop."""
        facts = self.facts[router.number]
        if facts.reported is not VrrpState.INIT or router.held:
            self._fail(Rule.UNTRUE, router, "stopped")

    def stalling(self, router: Router) -> None:
        """It cannot run, or runs slowly, from now on."""
        facts = self.facts[router.number]
        if self._world.now - facts.woke_at_true > 6 * self._longest:
            facts.stalled_at_true = self._world.now
        facts.stalled_at = router.now
        facts.stalled_as_backup = facts.reported is VrrpState.BACKUP
        facts.late = True

    def woke(self, router: Router, *, stopped: bool) -> None:
        """It can run again; its clock shows the time that has passed, unless that was frozen."""
        facts = self.facts[router.number]
        looked_at = facts.lead_at + (NOTICED if router.plan.down_adverts > 2 else NOTICED_STRICT) * self._longest
        unseen = router.now < max(looked_at, facts.stalled_at + self._unseen)
        if facts.missed and stopped and unseen:
            facts.unseen_at_true = (*facts.unseen_at_true, self._world.now)
        facts.missed = 0
        facts.woke_at, facts.woke_at_true = router.now, self._world.now
        facts.listens = self._listening(router.priority, self._shortest)
        facts.late = router.slow > 0
        if not stopped or facts.late:
            facts.stalled_at = facts.woke_at

    def reconfiguring(self, router: Router) -> None:
        """It is about to be told of another configuration."""
        facts = self.facts[router.number]
        facts.base = max(facts.base, router.now)
        facts.listens = min(facts.listens, self._listening(router.priority, self._shortest))
        facts.due, facts.stop_due = facts.base + self._down(router), LONG_AGO
        facts.delayed_until = LONG_AGO
        if facts.heard_due > LONG_AGO:
            facts.heard_due = facts.heard_at + self._down(router)

    def handing(self, router: Router, to: int | None) -> None:
        """It is about to be told to hand over."""
        facts = self.facts[router.number]
        facts.successor = to
        if facts.reported is VrrpState.MASTER:
            facts.handing_at, facts.handing_at_true = router.now, self._world.now

    def appointing(self, router: Router, active: Router, requested_at: float) -> None:
        """It is about to be told that it was asked to take over."""
        facts = self.facts[router.number]
        facts.appointed_at, facts.predecessor, facts.requested_at = router.now, active.number, requested_at
        if facts.reported is MASTER:
            facts.base = router.now

    def reluctant(self, router: Router) -> None:
        """As backup it was asked to take over, and has not."""
        self._fail(Rule.RELUCTANT, router)

    def reweighing(self, router: Router, earlier: Priority) -> None:
        """Its priority has changed: a wait shifts with the skew time."""
        facts, now = self.facts[router.number], router.now
        shift = skew_time(self._version, router.priority, facts.pace) - skew_time(self._version, earlier, facts.pace)
        facts.listens = min(facts.listens, self._listening(router.priority, self._shortest))
        facts.due, facts.stop_due, facts.heard_due = (
            at if at <= now else max(at + shift, now) for at in (facts.due, facts.stop_due, facts.heard_due)
        )
        if facts.heard_due > LONG_AGO and facts.heard_priority >= router.priority:
            # The one that it has heard leads now.
            facts.due = max(facts.due, facts.heard_due)
            if facts.stop_due > LONG_AGO:
                facts.stop_due = max(facts.stop_due, facts.heard_due)

    def hearing(self, router: Router, advert: Advert, sender: int, stamp: float) -> VrrpState:
        """It is about to be told of an advert; returns its state."""
        facts, state, priority = self.facts[router.number], router.state, advert.priority
        facts.leading = False
        if state is VrrpState.MASTER:
            own = router.priority
            facts.leading = priority > own or (priority == own and sender > router.number)
            facts.leading = facts.leading and not self._deaf(facts, advert, sender, stamp)
            if facts.leading:
                self._led(router, facts, advert, stamp)
            elif priority == PRIORITY_STOP:
                facts.base = router.now
        elif state is VrrpState.BACKUP:
            self._heard_as_backup(router, facts, advert, stamp)
        return state

    def _led(self, router: Router, facts: Facts, advert: Advert, stamp: float) -> None:
        if stamp > facts.lead_at:
            facts.lead_at = stamp
        facts.pace = advert.interval
        facts.due, facts.stop_due = facts.lead_at + self._down(router), LONG_AGO
        facts.delayed_until = facts.heard_due = LONG_AGO
        if facts.base > facts.lead_at:
            facts.base = facts.lead_at

    def _heard_as_backup(self, router: Router, facts: Facts, advert: Advert, stamp: float) -> None:
        priority, configuration = advert.priority, router.configuration
        if priority == PRIORITY_STOP:
            since = max(stamp, facts.lead_at)
            facts.stop_due, facts.heard_due = (
                since + skew_time(self._version, router.priority, facts.pace),
                LONG_AGO,
            )
            facts.delayed_until = LONG_AGO
            facts.stop_at, facts.freed_until = since, since + self._down(router)
        elif priority >= router.priority or not configuration.preempt:
            self._led(router, facts, advert, stamp)
        else:
            facts.pace = advert.interval
            if facts.heard_due <= stamp:
                facts.heard_since = stamp
            facts.heard_due = max(facts.heard_due, stamp + self._down(router))
            facts.heard_at, facts.heard_priority = max(facts.heard_at, stamp), priority
            if facts.delayed_until == LONG_AGO and router.plan.preempt_delay > 0:
                facts.delayed_until = stamp + router.plan.preempt_delay + self._down(router)

    def heard(self, router: Router, advert: Advert, sender: int, stamp: float) -> None:
        """It was told of an advert when it was active."""
        facts, priority = self.facts[router.number], advert.priority
        leading, facts.leading = facts.leading, False
        if self._deaf(facts, advert, sender, stamp):
            return
        if leading and router.state is VrrpState.BACKUP:
            facts.due = facts.lead_at + self._down(router)
        if not leading and facts.handing_at > LONG_AGO:
            return
        if router.state is VrrpState.BACKUP and not leading:
            # It found out that it had slept, stood back, and then heard the advert as a backup.
            self._heard_as_backup(router, facts, advert, stamp)
        if leading:
            if router.state is VrrpState.MASTER:
                self._fail(Rule.DEAF, router, f"priority {priority} from router {sender}")
        elif router.state is VrrpState.MASTER and facts.sent_at < router.now - self._allowed_to_wait(router, priority):
            self._fail(Rule.UNANSWERED, router, f"priority {priority} from router {sender}")

    def _deaf(self, facts: Facts, advert: Advert, sender: int, stamp: float) -> bool:
        """A successor does not hear for a moment what its predecessor had sent."""
        recent = stamp < facts.appointed_at + DEAF + EPSILON and facts.active_since <= facts.appointed_at
        return recent and sender == facts.predecessor and advert.priority != PRIORITY_STOP

    def _allowed_to_wait(self, router: Router, priority: Priority) -> float:
        return EPSILON + (0.0 if priority == PRIORITY_STOP else router.interval / 2 + router.plan.company)

    def answering(self, router: Router, asked_at: float) -> None:
        """It is about to be told of an answer of the witness."""
        facts = self.facts[router.number]
        if asked_at > facts.asked_at:
            facts.asked_at, facts.asked_at_true = asked_at, self._world.now - (router.now - asked_at)
        if router.now - asked_at > min(LATE, self._world.schedule.witness or 0.0):
            facts.unwitnessed_at = max(facts.unwitnessed_at, router.now)

    def unwitnessed(self, router: Router, later: float = 0.0) -> None:
        """A question to the witness was lost, or its answer; or that will come so much later."""
        facts = self.facts[router.number]
        facts.unwitnessed_at = max(facts.unwitnessed_at, router.now + router.rate * later)

    # What a router does.

    def sending(self, router: Router, priority: Priority) -> None:
        """It sends an advert."""
        facts, now = self.facts[router.number], router.now
        if priority == PRIORITY_STOP:
            facts.stopped_at = now
            if facts.reported is not VrrpState.MASTER:
                self._fail(Rule.FALSE_FAREWELL, router, facts.reported.value)
            return
        self._not_handing(router, facts)
        longest = down_interval(self._version, Priority(1), router.interval, router.plan.down_adverts)
        if facts.reported is VrrpState.MASTER and now - facts.sent_at > longest:
            self._fail(Rule.OVERSLEPT, router, f"after {now - facts.sent_at:.3f} s")
        if facts.reported is VrrpState.MASTER and not facts.late and facts.handing_at == LONG_AGO:
            self._not_silent(router, facts, now)
        facts.sent_at = now

    def announcing(self, router: Router) -> None:
        """It announces its addresses."""
        self._not_handing(router, self.facts[router.number])
        self.facts[router.number].announced_at = router.now

    def _not_handing(self, router: Router, facts: Facts) -> None:
        """One announcer in a planned switch: the successor."""
        if facts.handing_at > LONG_AGO and router.machine is not None and router.machine.awaits is not None:
            self._fail(Rule.HANDING, router)

    def changed(self, router: Router, change: StateChanged) -> None:
        """It reports a change of state; whatever belongs to it was done before."""
        facts = self.facts[router.number]
        row = ROWS.get((change.previous, change.cause))
        if row is None or row.target is not change.state or change.previous is not facts.reported:
            self._fail(Rule.ILLEGAL, router, f"{change.previous.value} to {change.state.value}")
        before, facts.reported = facts.reported, change.state
        facts.changed_at_true = self._world.now
        if before is VrrpState.MASTER:
            self._left(router, facts, change)
            facts.handing_at = LONG_AGO
        if change.state is VrrpState.MASTER:
            if change.cause is Cause.APPOINTED:
                self._appointed(router, facts)
            elif before is VrrpState.BACKUP:
                self._promoted(router, facts)
            facts.active_since, facts.active_since_true, facts.left_to = router.now, self._world.now, None
            facts.pace = router.interval
        elif change.state is VrrpState.BACKUP:
            if before is not VrrpState.MASTER and router.configuration.priority == PRIORITY_OWNER:
                self._fail(Rule.OWNER_WAITS, router)
            if not facts.leading:
                facts.pace = router.interval
                facts.due = router.now + self._down(router)
            facts.base = facts.lead_at if facts.leading else router.now
            if change.cause in GAVE_UP:
                facts.due = router.now + self._listening(router.priority, facts.pace)
            facts.stop_due = facts.heard_due = facts.delayed_until = LONG_AGO

    def _appointed(self, router: Router, facts: Facts) -> None:
        if router.now > facts.appointed_at:
            self._fail(Rule.UNASKED, router)
        if router.now - facts.requested_at > SUCCESSION + EPSILON:
            self._fail(Rule.OUTDATED, router, f"{router.now - facts.requested_at:.3f} s")
        facts.taken_at_true = self._world.now

    def _handed(self, router: Router, facts: Facts, cause: Cause) -> None:
        """It has given the addresses up in a planned switch."""
        waited = router.now - facts.handing_at
        if facts.handing_at == LONG_AGO:
            self._fail(Rule.RESIGNED, router, "nobody asked it to hand over")
        if cause in GAVE_UP and facts.stopped_at < router.now:
            self._fail(Rule.NO_FAREWELL, router)
        late = facts.late or facts.woke_at >= facts.handing_at
        if cause is Cause.SUCCEEDED and not late and not self._taken_from(router, facts):
            self._fail(Rule.FORSAKEN, router)
        if waited > SUCCESSION + EPSILON + router.plan.company and not late:
            self._fail(Rule.HANDING, router, f"for {waited * 1000:.1f} ms")

    def _taken_from(self, router: Router, facts: Facts) -> bool:
        """Whether who was asked is active, or somebody since then, of its own accord.

        One that was a second active and stood back just before leaves a last word on its way, which looks the same.
        """
        since, earlier = facts.handing_at_true, facts.handing_at_true - router.interval
        if facts.successor is not None and self.facts[facts.successor].reported is MASTER:
            return True
        others = (each for each in self.facts if each is not facts)
        return any(each.active_since_true >= since or each.left_at_true > earlier for each in others)

    def _successor_of(self, router: Router) -> int | None:
        asked = (number for number, facts in enumerate(self.facts) if facts.predecessor == router.number)
        return next((number for number in asked if self._world.routers[number].state is MASTER), None)

    def _left(self, router: Router, facts: Facts, change: StateChanged) -> None:
        to = change.state
        mute = LINK_DOWN in router.standing[0]
        facts.left_at_true, facts.left_silently = self._world.now, to is VrrpState.FAULT and mute
        facts.left_handing = change.cause is Cause.SUCCEEDED
        facts.left_to = self._successor_of(router) if facts.left_handing else None
        now = router.now
        if (to is VrrpState.INIT or (to is VrrpState.FAULT and not mute)) and facts.stopped_at < now:
            self._fail(Rule.NO_FAREWELL, router)
        if to is VrrpState.FAULT and not router.standing[0]:
            self._fail(Rule.RESIGNED, router, "there is no fault")
        if to is VrrpState.BACKUP and now - facts.sent_at > router.plan.down_adverts * router.interval:
            facts.left_silently = True
        elif change.cause in HANDED:
            self._handed(router, facts, change.cause)
        elif to is VrrpState.BACKUP and not facts.leading:
            self._fail(Rule.RESIGNED, router, "nobody leads, and it was not silent")

    def _promoted(self, router: Router, facts: Facts) -> None:
        """A backup has become active: it must have had the right to."""
        now, configuration = router.now, router.configuration
        if router.waiting:
            self._fail(Rule.UNREAD, router)
        if not facts.late:
            self._not_missed(router, facts)
        freed = facts.stop_due if facts.stop_due > LONG_AGO else float("inf")
        allowed = min(facts.due, freed)
        if now < allowed - EPSILON:
            self._fail(Rule.EARLY, router, f"{allowed - now:.4f} s too early")
        long = facts.woke_at - facts.stalled_at > NOTICED * self._longest
        listened = now - facts.woke_at > facts.listens - EPSILON
        if long and facts.stalled_as_backup and facts.base < facts.woke_at and not listened:
            self._fail(Rule.UNBELIEVED, router, f"{now - facts.woke_at:.4f} s after it woke")
        if configuration.preempt and facts.heard_due > now + EPSILON:
            if facts.heard_priority >= router.priority:
                self._fail(Rule.EARLY, router, f"heard priority {facts.heard_priority}")
            self._preempted(router, facts, allowed)
        else:
            self._witnessed(router, facts, slept=long and facts.stalled_as_backup)
            if freed > now + EPSILON:
                self._not_by_lateness(router, facts)

    def _witnessed(self, router: Router, facts: Facts, *, slept: bool) -> None:
        """Silence made it active: somebody else must have answered in that silence, and not long ago."""
        now, fresh = router.now, self._world.schedule.witness
        if fresh is None or router.configuration.priority == PRIORITY_OWNER or now <= facts.freed_until + EPSILON:
            return
        since = max(facts.base, facts.lead_at, facts.heard_at, facts.stop_at)
        since = max(since, facts.woke_at) if slept else since
        if facts.asked_at < since - EPSILON or now - facts.asked_at > fresh + EPSILON:
            self._fail(Rule.UNWITNESSED, router, f"asked {now - facts.asked_at:.3f} s ago, silent {now - since:.3f} s")
        wire, began = self._world.wire, self._world.now - (now - since) + FIRST_ASKED * self._longest
        began = max(began, facts.woke_at_true)  # Who was frozen with its clock has missed nothing by it.
        lost, back = wire.witness_lost[router.number], wire.witness_back[router.number]
        if facts.asked_at_true < lost:
            return  # It went by an answer of before, which still counted: `witness_timeout` is long.
        if back - max(lost, began) > AWAY * self._longest and self._world.now - back < 0.9 * self._shortest:
            self._fail(Rule.BLIND, router, f"for {back - lost:.3f} s, {self._world.now - back:.3f} s ago")

    def _preempted(self, router: Router, facts: Facts, since: float) -> None:
        now = router.now
        if now < facts.held_until - EPSILON:
            self._fail(Rule.HELD, router, f"{facts.held_until - now:.3f} s left")
        if facts.ready_since > now and now < since + READY_ADVERTS * router.interval - EPSILON:
            self._fail(Rule.NOT_READY, router)
        if now < facts.delayed_until - EPSILON:
            self._fail(Rule.TOO_SOON, router, f"{facts.delayed_until - now:.3f} s left")

    def _not_by_lateness(self, router: Router, facts: Facts) -> None:
        """It has heard nobody: then somebody was silent, or something lost between them, and not it asleep.

        Unless there were stops over its adverts that are too short for anybody to notice: like packets lost.
        """
        within = self._world.now - self._down(router) - self._longest
        if sum(at > within for at in facts.unseen_at_true) >= router.plan.down_adverts - 1:
            self._world.tally.unseen += 1
            return
        if self._shortest < self._longest and facts.lead_at < facts.base:
            return  # It has not heard yet how seldom the active sends.
        longest = self._down(router) + 2 * self._longest
        since = self._world.now - longest
        if facts.late or facts.woke_at_true > since:
            since = facts.stalled_at_true - longest
        for other in self._world.routers:
            if other is router or other.state is not VrrpState.MASTER or other.interval > facts.pace:
                continue  # Of two actives at different paces it goes by the one that it heard last.
            leads = other.priority >= router.priority or not router.configuration.preempt
            disturbed = max(
                self.facts[other.number].active_since_true,
                self.facts[other.number].woke_at_true,
                self._world.wire.bad_at[other.number][router.number],
            )
            if leads and disturbed < since and not self.facts[other.number].late and other.stalled is None:
                self._fail(Rule.LATENESS, router, f"router {other.number} was active and heard all the time")

    # What must be so, whatever has happened.

    def after(self, router: Router) -> None:
        """After each round of a router."""
        facts, state = self.facts[router.number], router.state
        if facts.handing_at > LONG_AGO and router.machine is not None and router.machine.awaits is None:
            facts.handing_at = LONG_AGO
            if state is VrrpState.MASTER:  # Refused; it announces anew if it has heard of somebody meanwhile.
                facts.base = router.now
        if facts.reported is not state:
            self._fail(Rule.UNTRUE, router, f"reported {facts.reported.value}, is {state.value}")
        if state is VrrpState.MASTER:
            if router.held is not router.wanted and router.held != router.wanted and facts.handing_at == LONG_AGO:
                self._fail(Rule.ADDRESSES, router, f"{len(router.held)} while active")
            self._alone(router)
        elif router.held:
            self._fail(Rule.ADDRESSES, router, f"{len(router.held)} while {state.value}")
        faults = router.standing[0]
        if bool(faults) is not (state is VrrpState.FAULT):
            self._fail(Rule.LINKLESS, router, f"{state.value} with {len(faults)} faults")
        if router.ready and facts.ready_since == float("inf"):
            facts.ready_since = router.now
        elif not router.ready:
            facts.ready_since = float("inf")

    def look(self) -> None:
        """Now and then: what should have happened by now."""
        for router in self._world.routers:
            if router.machine is None or router.stalled is not None:
                continue
            facts = self.facts[router.number]
            if facts.late:
                facts.stalled_at = facts.woke_at = router.now
                facts.woke_at_true = self._world.now
                continue
            if router.state is BACKUP:
                self._not_missed(router, facts)
            elif router.state is MASTER:
                self._heard_of(router, facts)

    def _not_missed(self, router: Router, facts: Facts) -> None:
        """A backup whose turn it was some time ago is active by now."""
        freed = facts.stop_due if facts.stop_due > LONG_AGO else facts.due
        now = router.now
        if now <= freed + SLACK * self._interval:
            return
        # With which priority it woke, and how late it was when it was slow, does not matter here.
        awake = facts.woke_at + router.plan.company  # It may have been others' turn when it woke, too.
        awake += down_interval(self._version, Priority(1), self._longest, router.plan.down_adverts)
        silence = max(freed, facts.heard_due)
        witnessed = self._witnessed_from(router, facts)
        preempt = max(freed, awake, witnessed)
        preempt = max(preempt, facts.delayed_until)
        preempt = max(preempt, min(facts.ready_since, preempt + READY_ADVERTS * router.interval), facts.held_until)
        may = router.configuration.preempt and facts.heard_priority < router.priority
        due = max(awake, witnessed, min(silence, preempt) if may else silence)
        if now > due + SLACK * self._interval + router.plan.company:
            self._fail(Rule.MISSED, router, f"due {now - due:.3f} s ago")

    def _witnessed_from(self, router: Router, facts: Facts) -> float:
        """Until when it may have waited for its witness; it does as long as it hears nobody."""
        # Whoever is heard after a farewell has not said that it stops.
        freed = facts.stop_due > LONG_AGO and max(facts.woke_at, facts.heard_at) < facts.stop_at
        owner = router.configuration.priority == PRIORITY_OWNER
        if self._world.schedule.witness is None or freed or owner:
            return LONG_AGO
        listens = self._listening(Priority(1), self._longest)  # It may have kept back until it became active.
        witnessed = facts.unwitnessed_at + ASKING * self._longest + router.plan.company + listens
        return witnessed if facts.heard_due <= router.now else min(witnessed, facts.heard_since)

    def _heard_of(self, router: Router, facts: Facts) -> None:
        now, slack = router.now, SLACK * router.interval + router.plan.company
        if facts.handing_at == LONG_AGO:
            self._not_silent(router, facts, now)
        delay = ANNOUNCE_ADVERTS * router.interval
        second = facts.active_since + delay
        due = max(second, facts.base + delay, facts.woke_at)
        if now > due + slack and facts.announced_at < second:
            self._fail(Rule.UNANNOUNCED, router)
        self._alone(router)
        self._heard_last(router, facts)

    def _not_silent(self, router: Router, facts: Facts, now: float) -> None:
        longest = router.interval * (1 + SLACK) + router.plan.company
        if now - facts.sent_at > longest and now - facts.woke_at > longest:
            self._fail(Rule.SILENT, router, f"for {now - facts.sent_at:.3f} s")

    def _heard_last(self, router: Router, facts: Facts) -> None:
        """Wherever its announcements get to, the last one is its own; a moment is allowed for an answer put off."""
        wire, number = self._world.wire, router.number
        for side, last in enumerate(wire.last):
            if last != number and wire.open(number, side) and facts.handing_at == LONG_AGO:
                moment = (0.5 + 2 * SLACK) * self._longest + LATE + router.plan.company
                if self._world.now - moment > max(facts.active_since_true, facts.woke_at_true):
                    check_side(self._world, router, side, self._world.now - moment)

    def _alone(self, router: Router) -> None:
        for other in self._world.routers:
            if other is not router and other.state is MASTER and other.stalled is None:
                self._not_two(router, other)

    def _not_beside_successor(self, one: Router, other: Router) -> None:
        """A successor and who has asked it are active together for as long as the one waits, and no longer.

        Nobody can notice that the network kept the request back for longer than that.
        """
        first, second = self.facts[one.number], self.facts[other.number]
        came = (second.requested_at - other.offset) / other.rate
        in_time = came <= first.handing_at_true + SUCCESSION
        asked = in_time and second.predecessor == one.number and second.active_since == second.appointed_at
        since = max(second.active_since_true, first.woke_at_true)
        longest = SUCCESSION + 2 * EPSILON + one.plan.company
        if asked and first.active_since_true < second.active_since_true and self._world.now - since > longest:
            self._fail(Rule.TWO, one, f"with its successor {other.number}")

    def _not_two(self, one: Router, other: Router) -> None:
        wire, facts = self._world.wire, self.facts
        if not (wire.open(one.number, other.number) and wire.open(other.number, one.number)):
            return
        first, second = facts[one.number], facts[other.number]
        if first.late or second.late:
            return
        self._not_beside_successor(one, other)
        self._not_beside_successor(other, one)
        since = max(
            first.active_since_true,
            second.active_since_true,
            first.woke_at_true,
            second.woke_at_true,
            wire.bad_at[one.number][other.number],
            wire.bad_at[other.number][one.number],
        )
        company = one.plan.company + other.plan.company
        if self._world.now - since > (1 + 2 * SLACK) * self._longest + LATE + company:
            self._fail(Rule.TWO, one, f"with router {other.number}, for {self._world.now - since:.3f} s")
