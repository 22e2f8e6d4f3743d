# SPDX-License-Identifier: Apache-2.0
"""What a VRRP instance is told, what it asks for, and what it shows. All times are seconds of one steady clock
that goes on while the machine is suspended; who drives the machine chooses it."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import TypeAlias

from bascule.model.base import IPAddress, Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.transitions import Cause

SUCCESSION = 0.005
"""Seconds that a successor has to announce itself."""

DEAF = 0.02
"""Seconds for which a successor does not hear its predecessor: what that sent before it asked may come later."""

_AT_ONCE = Seconds(0.0)
_ANNOUNCE_AGAIN = Seconds(5.0)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Settings:
    """What the configuration says of an instance, as far as its state depends on it."""

    priority: Priority
    interval: Seconds
    """Between two adverts."""
    address: IPAddress
    """The source of our adverts: decides between equal priorities."""
    preempt: bool = True
    version: int = 2
    ready_timeout: Seconds = _AT_ONCE
    """How long a preemption waits for readiness."""
    announcements: int = 5
    """Gratuitous ARPs for each address at once, and as many again later."""
    announce_delay: Seconds = _ANNOUNCE_AGAIN
    """Until the second round; 0 = there is none."""
    preempt_delay: Seconds = _AT_ONCE
    """How much later than else an active of lower priority is preempted, from when it was first heard."""
    down_adverts: int = 3
    """Advert intervals in the down interval."""
    answer: bool = True
    """A peer of lower priority that is active too is answered with an advert at once."""
    answer_announcements: int = 5
    """Gratuitous ARPs for each address on hearing such a peer, and as many again later."""
    answer_delay: Seconds = _ANNOUNCE_AGAIN
    """Until that second round; 0 = there is none."""
    last_word: bool = True
    """An active that stands back sends one more advert, so that the peer announces the addresses after it."""
    refresh: Seconds = _AT_ONCE
    """Between announcements as active for as long as it is; 0 = there are none."""
    refresh_announcements: int = 1
    """Gratuitous ARPs for each address in each of those."""
    grouped: bool = False
    """In a sync group: it becomes active only by `GroupMoves`."""
    witness: Seconds | None = None
    """How old an answer of the witness may be when silence makes it active; None = there is no witness."""


@dataclasses.dataclass(slots=True, frozen=True)
class Fault:
    """Why an instance cannot be active, in words."""

    words: str
    mute: bool = False
    """Nothing can be sent either, so that a farewell is not tried."""


LINK_DOWN = Fault("the interface is down", mute=True)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Start:
    """The first event."""

    faults: tuple[Fault, ...] = ()
    change: int = 0
    """As in `StandingChanged`."""
    adopt: bool = False
    """Go on as the active of before a restart: the addresses are still here."""
    hold: Seconds = _AT_ONCE
    """After a crash: how long not to preempt a peer that is heard."""


@dataclasses.dataclass(slots=True, frozen=True)
class Stop:
    """The last event: give the addresses up in order."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class StandingChanged:
    """What holds now of all that is tracked: every fault, and how far the priority is from the configured one."""

    faults: tuple[Fault, ...] = ()
    change: int = 0
    """Added to the configured priority; the sum is kept within bounds (bascule.vrrp.priority)."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class AdvertReceived:
    """An advert that passed every check."""

    source: IPAddress
    priority: Priority
    interval: Seconds
    received_at: float
    """When the kernel got it."""
    awake_since: float = math.inf
    """As in `Timeout`: it was read in the course of a round of timers."""


@dataclasses.dataclass(slots=True, frozen=True)
class Timeout:
    """`deadline()` has come. Whatever waited in the socket was handed in before."""

    awake_since: float = math.inf
    """From when on the process has run without a pause, busy with other instances; not before `now` when not given."""


@dataclasses.dataclass(slots=True, frozen=True)
class ReadyChanged:
    """Whether this director may preempt a peer that it hears."""

    ready: bool


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class GroupMoves:
    """The sync group becomes active now, or stands back, with this instance."""

    active: bool
    reason: str


@dataclasses.dataclass(slots=True, frozen=True)
class WitnessAnswered:
    """The witness, or as many of them as have to, answered a question."""

    asked_at: float
    """When it was put: later than that nothing is known."""
    awake_since: float = math.inf
    """As in `Timeout`."""


@dataclasses.dataclass(slots=True, frozen=True)
class Reconfigured:
    """New settings for the same instance."""

    settings: Settings


@dataclasses.dataclass(slots=True, frozen=True)
class HandOver:
    """A planned switch: this successor is being asked now; None = give up to whoever is next."""

    to: IPAddress | None


@dataclasses.dataclass(slots=True, frozen=True)
class Succeeded:
    """The successor that was asked says that it has announced."""

    source: IPAddress


@dataclasses.dataclass(slots=True, frozen=True)
class Declined:
    """The successor that was asked says that it will not."""

    source: IPAddress
    why: str


@dataclasses.dataclass(slots=True, frozen=True)
class TakeOver:
    """The active asks us to be its successor now."""

    source: IPAddress


@dataclasses.dataclass(slots=True, frozen=True)
class Release:
    """An operator ends the hold after a planned switch."""


Read: TypeAlias = Timeout | AdvertReceived | WitnessAnswered
"""What a process may come to late because it was busy with others."""

PlannedSwitch: TypeAlias = HandOver | Succeeded | Declined | TakeOver | Release

Event: TypeAlias = (
    Start
    | Stop
    | StandingChanged
    | AdvertReceived
    | Timeout
    | ReadyChanged
    | GroupMoves
    | WitnessAnswered
    | Reconfigured
    | PlannedSwitch
)


@dataclasses.dataclass(slots=True, frozen=True)
class SendAdvert:
    """Send an advert of this priority now."""

    priority: Priority


@dataclasses.dataclass(slots=True, frozen=True)
class PutAddresses:
    """Have the virtual addresses on."""


@dataclasses.dataclass(slots=True, frozen=True)
class TakeAddresses:
    """Have the virtual addresses off."""


@dataclasses.dataclass(slots=True, frozen=True)
class LeaveAddresses:
    """Have the virtual addresses off, but serve late frames for a second: the successor has announced itself."""


@dataclasses.dataclass(slots=True, frozen=True)
class Announce:
    """Send gratuitous ARP or an unsolicited NA for each virtual address, this many times."""

    times: int


@dataclasses.dataclass(slots=True, frozen=True)
class Drain:
    """Read what waits in the socket and hand it in before the next timeout."""


@dataclasses.dataclass(slots=True, frozen=True)
class AskWitness:
    """Ask the witness now, unless that was just done; an answer is `WitnessAnswered`."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class StateChanged:
    """Another state was entered; all that had to be done for it was asked for before."""

    previous: VrrpState
    state: VrrpState
    cause: Cause
    reason: str
    """In words, with the addresses, priorities and times of this case."""


class Notice(enum.Enum):
    """What an operator should know although the state stays."""

    TIMER_LATE = "timer_late"
    SECOND_ACTIVE = "second_active"
    ACTIVE_VANISHED = "active_vanished"
    PREEMPTION_HELD = "preemption_held"
    WITNESS_SILENT = "witness_silent"


@dataclasses.dataclass(slots=True, frozen=True)
class Noticed:
    """Say this in the log, at a bounded rate."""

    notice: Notice
    detail: str


Command: TypeAlias = (
    SendAdvert | PutAddresses | TakeAddresses | LeaveAddresses | Announce | Drain | AskWitness | StateChanged | Noticed
)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Snapshot:
    """An instance as it is."""

    state: VrrpState
    since: float
    reason: str
    priority: Priority
    """The effective one, as it stands in adverts."""
    configured: Priority
    faults: tuple[Fault, ...]
    active: IPAddress | None
    """Who is active, as far as known."""
    late_timers: int
    """Timers that were not believed."""
    held: bool = False
    """It gave the addresses up in a planned switch, and keeps back until it is released or nobody is heard."""
    handed_to: IPAddress | None = None
    """To whom; None = to whoever was next."""
