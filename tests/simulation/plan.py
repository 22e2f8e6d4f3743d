# SPDX-License-Identifier: Apache-2.0
"""What happens in a schedule, as data: the routers, and the faults with their times. Nothing here runs.

Times are seconds of the true clock, which no router has: each has its own, with an offset and a rate.
"""

from __future__ import annotations

import dataclasses
import enum

from bascule.model.base import Priority, Seconds


class Kind(enum.Enum):
    """Faults, and what operators do; the values are words for the summary."""

    LOSS = "packets lost"
    DELAY = "packets delayed"
    DUPLICATION = "packets duplicated"
    REORDERING = "packets overtaken"
    ONE_WAY = "one-way partition"
    PARTITION = "full partition"
    PAUSE = "process stopped for a while"
    SLOW = "slow process"
    SUSPENSION = "machine suspended, its clock goes on"
    FREEZE = "machine frozen with its clock"
    DRIFT = "clock drift"
    CRASH = "process killed, last will executed"
    CRASH_WHOLE = "all processes killed, no last will"
    REBOOT = "power lost"
    STOP = "ordered stop"
    RESTART = "restart with handover"
    PRIORITY = "reload with another priority"
    PREEMPTION = "reload with nopreempt switched"
    ADDRESSES = "reload with other virtual addresses, everywhere"
    LINK = "interface down"
    READINESS = "not ready for a while"
    WEIGHT = "tracked: another priority"
    FAULT = "tracked: a fault, the interface stays usable"
    HAND_OVER = "planned switch"
    RELEASE = "planned switch: released"
    LEFTOVERS = "addresses that outlive all processes"
    PREEMPT_DELAY = "preempt_delay"
    DOWN_ADVERTS = "down_timer_adverts"
    IPV6 = "over IPv6"
    UNICAST = "by unicast"
    COMPANY = "busy with other instances of the process"
    WITNESS = "a witness that has to answer"
    WITNESS_DEAD = "witness dead for a while"
    WITNESS_CUT = "witness out of one router's reach"


RESTING = 1.0
"""Advert intervals at the end of a schedule in which no state changes any more."""
_AT_ONCE = Seconds(0.0)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Fault:
    """One of them. What `seconds` and `amount` mean depends on the kind; see disturbances.py."""

    at: float
    kind: Kind
    router: int = 0
    seconds: float = 0.0
    amount: float = 0.0
    others: tuple[int, ...] = ()
    """The other side of a partition; the ends of a one-way path."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class RouterPlan:
    """How a router begins."""

    priority: Priority
    preempt: bool = True
    starts_at: float = 0.0
    ready_after: float = 0.0
    """Seconds after the start; at once when 0."""
    rate: float = 1.0
    """Seconds of its clock in a true second."""
    offset: float = 1000.0
    pace: float = 1.0
    """Its advert interval as a multiple of the schedule's; version 3 allows others."""
    preempt_delay: Seconds = _AT_ONCE
    down_adverts: int = 3
    company: Seconds = _AT_ONCE
    """For so long at the most other instances of the process may keep it from a timer that is due."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Schedule:
    """Everything that decides a run."""

    seed: int
    """Also of the chances of the packets."""
    version: int = 2
    family: int = 4
    unicast: bool = False
    interval: Seconds
    routers: tuple[RouterPlan, ...]
    faults: tuple[Fault, ...]
    witness: Seconds | None = None
    """How old an answer of the witness may be; None = no router has one."""
    quiet_from: float
    """From here on nothing disturbs any more, but for partitions that stay and the dead."""
    ends_at: float
    """Late enough for the longest hold after a crash, readiness, and two elections, the second with a preempt_delay."""
