# SPDX-License-Identifier: Apache-2.0
"""What the oracle knows of a router, all of it seen from outside; and the protocol's times, from the RFC's formulas
and not from the machine that is under test. Times are the router's own clock's unless said otherwise."""

from __future__ import annotations

import dataclasses
import enum
import functools

from bascule.model.base import IPAddress, Priority, Seconds
from bascule.model.configuration import VrrpState

LONG_AGO = float("-inf")


class Rule(enum.Enum):
    """What may be broken; the values are for people."""

    UNREAD = "became active while packets waited in its socket"
    EARLY = "became active although it had heard one that leads, or had not waited for the down interval"
    TOO_SOON = "preempted before its preempt_delay was over"
    HANDING = "sent or announced while its successor was asked, or waited for it too long"
    UNASKED = "became active as a successor that nobody had asked"
    OUTDATED = "became active as a successor that had been asked too long ago"
    UNBELIEVED = "became active right after it had been stopped for long, without listening first"
    LATENESS = "became active by its own lateness alone"
    HELD = "preempted within the time that it holds back after a crash"
    NOT_READY = "preempted before it was ready"
    MISSED = "did not become active when it was its turn"
    SILENT = "is active and sends no adverts"
    UNANNOUNCED = "is active and has not announced the addresses a second time"
    OVERSLEPT = "sent as active although it had been silent for longer than a down interval"
    DEAF = "stayed active although it heard one that leads"
    RESIGNED = "stopped being active without a reason"
    UNANSWERED = "did not answer one that is behind it, or one that stops"
    LINKLESS = "does not follow its interface and what is tracked"
    FALSE_FAREWELL = "sent an advert of priority 0 although it was not active"
    NO_FAREWELL = "stopped as active without an advert of priority 0"
    TWO = "two are active that hear each other"
    ADDRESSES = "has addresses on that do not go with its state"
    ILLEGAL = "reported a change of state that the table does not have, or from another state than the last reported"
    UNTRUE = "reported another state than it is in"
    NONE_LEFT = "nobody is active after the quiet"
    MANY_LEFT = "several are active after the quiet"
    WRONG_ONE = "the wrong one is active after the quiet"
    RESTLESS = "states change although it has long been quiet"
    STALE = "the last announcement is not the active's"
    STATUS = "a backup names another active than there is"
    OWNER_WAITS = "owns the addresses (priority 255) and begins as backup"
    RELUCTANT = "did not take over in a planned switch although it could"
    FORSAKEN = "left in a planned switch, and its successor had not become active"
    BUSY = "wants to be called without end at one moment"
    UNWITNESSED = "became active by silence alone without a fresh answer of its witness"
    BLIND = "became active by silence although its witness had been out of reach until just now"
    RAISED = "the machine raised an exception"


class ViolationError(Exception):
    """A rule is broken."""

    def __init__(self, rule: Rule, router: int, at: float, detail: str = "") -> None:
        """`at` by the true clock."""
        super().__init__(f"{at:.4f} s: router {router} {rule.value}" + (f" ({detail})" if detail else ""))
        self.rule = rule
        self.router = router
        self.at = at


@functools.cache
def skew_time(version: int, priority: Priority, interval: Seconds) -> float:
    """RFC 3768 6.1: ((256 - Priority) / 256) seconds; RFC 9568 6.1: the same part of the advert interval."""
    return (256 - priority) / 256 * (1.0 if version == 2 else interval)


@functools.cache
def down_interval(version: int, priority: Priority, interval: Seconds, adverts: int = 3) -> float:
    """RFC 3768 6.1, RFC 9568 6.1: three adverts and the skew time; keepalived lets one say how many."""
    return adverts * interval + skew_time(version, priority, interval)


_UNKNOWN = Seconds(0.0)


@dataclasses.dataclass(slots=True)
class Facts:
    """One router, as it looks from outside. `LONG_AGO` stands for never."""

    reported: VrrpState = VrrpState.INIT
    base: float = LONG_AGO
    """When it last began to wait for the whole down interval, not counting adverts."""
    pace: Seconds = _UNKNOWN
    """The advert interval that it goes by: its own until it hears another's (version 3)."""
    lead_at: float = LONG_AGO
    """The last advert that leads came."""
    due: float = LONG_AGO
    """The down interval after that, or after `base`."""
    heard_due: float = LONG_AGO
    """The down interval after the last advert that does not lead."""
    heard_at: float = LONG_AGO
    """When that came."""
    heard_since: float = LONG_AGO
    """When the first of those came after nobody was heard."""
    heard_priority: int = 0
    """The priority in it."""
    delayed_until: float = LONG_AGO
    """The `preempt_delay` after the first of those, and the down interval."""
    stop_due: float = LONG_AGO
    """The skew time after priority 0, if nothing that leads came since then."""
    stop_at: float = LONG_AGO
    """When that came."""
    freed_until: float = LONG_AGO
    """The down interval after that."""
    asked_at: float = LONG_AGO
    """When the latest question to the witness was put whose answer it got."""
    asked_at_true: float = LONG_AGO
    unwitnessed_at: float = LONG_AGO
    """When a question or its answer was last lost or late."""
    ready_since: float = float("inf")
    held_until: float = LONG_AGO
    stalled_at: float = LONG_AGO
    woke_at: float = LONG_AGO
    stalled_at_true: float = LONG_AGO
    """Where the last row of stalls began that are close together; by the true clock."""
    woke_at_true: float = LONG_AGO
    stalled_as_backup: bool = False
    listens: float = 0.0
    """For how long at least it has to listen after it woke."""
    handing_at: float = LONG_AGO
    """When it was told to hand over, until that has ended."""
    handing_at_true: float = LONG_AGO
    successor: int | None = None
    """Who was asked then."""
    taken_at_true: float = LONG_AGO
    """When it last became active because it was asked."""
    appointed_at: float = LONG_AGO
    """When it was asked to take over."""
    requested_at: float = LONG_AGO
    """When the request for that had come."""
    predecessor: int = -1
    """By whom."""
    late: bool = False
    """Stopped or slow now."""
    missed: int = 0
    """Packets that came while it was suspended, this time."""
    unseen_at_true: tuple[float, ...] = ()
    """When stops ended that kept packets away and were too short to be noticed; by the true clock."""
    sent_at: float = LONG_AGO
    """The last own advert, not counting priority 0."""
    stopped_at: float = LONG_AGO
    """The last own advert with priority 0."""
    announced_at: float = LONG_AGO
    active_since: float = LONG_AGO
    active_since_true: float = LONG_AGO
    leading: bool = False
    """The advert that is being handled leads."""
    addresses: frozenset[IPAddress] = frozenset()
    """Those that it should have on when active."""
    changed_at_true: float = LONG_AGO
    left_at_true: float = LONG_AGO
    """When it was active last."""
    left_to: int | None = None
    """Its successor then, in a planned switch, whose adverts say so."""
    left_handing: bool = False
    """Whether that was a planned switch. Who became active of its own accord may not have heard that it was asked."""
    left_silently: bool = False
    """It could say nothing then: it died whole, lost its interface, or was asleep."""
