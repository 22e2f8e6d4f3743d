# SPDX-License-Identifier: Apache-2.0
"""What travels on the bus between the supervisor and its roles. Every message is one MessagePack datagram.

State messages (`STATE_MESSAGES`) say how something is now: a queue keeps only the latest of each `topic`.
All others are events: a queue keeps each, up to its bound.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from bascule.model.base import IPAddress, Model, Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.model.service import ServerId, ServiceId
from bascule.model.tracking import TrackerKind


class Role(enum.Enum):
    """The processes of a director."""

    SUPERVISOR = "supervisor"
    VRRP = "vrrp"
    PLANE = "plane"
    CHECKS = "checks"
    NOTIFY = "notify"


class StopMode(enum.Enum):
    """How a role is to end."""

    STOP = "stop"
    """SIGTERM: priority 0, virtual addresses off, after one second of grace services and pins gone."""
    RESTART = "restart"
    """Virtual addresses, table and link stay for the processes that follow."""


class Started(Model, frozen=True, kw_only=True, tag="started"):
    """A role to the supervisor: set-up is done, the configuration is in effect."""

    role: Role
    generation: int
    """Which configuration: the number that came with it."""


class OnStandby(Model, frozen=True, kw_only=True, tag="on_standby"):
    """A role to the supervisor: everything is loaded; I begin with the next message, as a successor."""

    role: Role


class Refused(Model, frozen=True, kw_only=True, tag="refused"):
    """A role to the supervisor: this configuration or this machine cannot be served; do not restart me for it."""

    role: Role
    reason: str


class Configure(Model, frozen=True, kw_only=True, tag="configure"):
    """The supervisor to a role: a new configuration; its text comes as a memfd beside this message."""

    generation: int


class Stop(Model, frozen=True, kw_only=True, tag="stop"):
    """The supervisor to a role: end in order, then exit 0."""

    mode: StopMode = StopMode.STOP


class SwitchOrder(Model, frozen=True, kw_only=True, tag="switch_order"):
    """The supervisor to vrrp: hand over to a peer, or end the hold after that; answered by `SwitchOutcome`."""

    number: int
    instance: str | None = None
    """None = every one that is active, or kept back."""
    peer: str | None = None
    """Its name or its address; None = the best one that answers."""
    release: bool = False


class SwitchOutcome(Model, frozen=True, kw_only=True, tag="switch_outcome"):
    """vrrp to the supervisor: how the planned switch of the same number went."""

    number: int
    ok: bool
    text: str


class StatusRequest(Model, frozen=True, kw_only=True, tag="status_request"):
    """The supervisor to a role: answer with a `StatusReply` of the same number."""

    number: int


class StatusReply(Model, frozen=True, kw_only=True, tag="status_reply"):
    """A role's snapshot; `body` is the JSON of one of the structs in bascule.model.status."""

    number: int
    role: Role
    body: bytes


class InstanceState(Model, frozen=True, kw_only=True, tag="instance_state"):
    """vrrp to plane, notify and supervisor: the state of one instance, sent at start and at each change."""

    instance: str
    state: VrrpState
    priority: Priority
    since: float
    """Unix time."""
    reason: str
    """Why, in words: `no advert for 15.6 s`, `192.168.2.210 has priority 100`."""


class WillFrame(Model, frozen=True, kw_only=True):
    """One IP packet of a last will: the VRRP message alone (the kernel makes the IP header), or all of it."""

    interface: str
    source: IPAddress
    destination: IPAddress
    ttl: int
    packet: bytes
    whole: bool = False
    """`packet` has its IP header."""


class WillAddress(Model, frozen=True, kw_only=True):
    """One address that a last will takes off."""

    interface: str
    address: IPAddress
    prefix_length: int
    peer: IPAddress | None = None
    """The other end of a point-to-point link."""


class WillRequest(Model, frozen=True, kw_only=True):
    """A request to the kernel (rtnetlink(7)) that a last will makes: a route or rule to take off."""

    kind: int
    body: bytes
    what: str
    """In words, for the log."""


class PredecessorAsks(Model, frozen=True, kw_only=True, tag="predecessor_asks"):
    """vrrp to plane: the active of an instance may hand over in a moment; it has the connections of its addresses."""

    instance: str
    mac: bytes
    """Its own, on the instance's interface."""


class PredecessorKnown(Model, frozen=True, kw_only=True, tag="predecessor_known"):
    """plane to vrrp: what `PredecessorAsks` said of this instance is in effect, or cannot be."""

    instance: str


class LastWill(Model, frozen=True, kw_only=True, tag="last_will"):
    """vrrp to supervisor: what to send and what to remove if this role dies now; replaces the one before."""

    frames: tuple[WillFrame, ...] = ()
    addresses: tuple[WillAddress, ...] = ()
    requests: tuple[WillRequest, ...] = ()


class Ready(Model, frozen=True, kw_only=True, tag="ready"):
    """plane to vrrp: whether this director may preempt a peer that it hears, and why."""

    ready: bool
    reason: str


class SuspendChecks(Model, frozen=True, kw_only=True, tag="suspend_checks"):
    """plane to checks: the services whose checks pause (`ha_suspend` without the virtual address); all others run."""

    services: tuple[ServiceId, ...]


class CheckTarget(Model, frozen=True, kw_only=True):
    """What one check speaks of: a real server of a service, and the check's place in that server's list."""

    service: ServiceId
    server: ServerId
    check: int = 0


class Verdict(Model, frozen=True, kw_only=True, tag="verdict"):
    """checks to plane: a verdict, sent with a check's first completed attempt, at each change, and on request."""

    target: CheckTarget
    up: bool
    why: str
    """`TCP connection to [192.168.2.212]:tcp:80 success`, or how it failed."""
    at: float
    """Unix time."""
    attempts: int
    """Completed attempts so far; the first one makes the target count for readiness."""


class VerdictsWanted(Model, frozen=True, kw_only=True, tag="verdicts_wanted"):
    """plane to checks: send every verdict again (the plane was restarted)."""


class ServerChanged(Model, frozen=True, kw_only=True, tag="server_changed"):
    """plane to notify: a real server left or came back."""

    service: ServiceId
    server: ServerId
    up: bool
    why: str
    """The mail's body line: `TCP CHECK failed on service`."""
    at: float


class QuorumChanged(Model, frozen=True, kw_only=True, tag="quorum_changed"):
    """plane to notify: a virtual service gained or lost its quorum."""

    service: ServiceId
    up: bool
    why: str
    at: float


class InstanceChanged(Model, frozen=True, kw_only=True, tag="instance_changed"):
    """vrrp to notify: an instance entered a state."""

    instance: str
    state: VrrpState
    priority: Priority
    why: str
    at: float


class GroupChanged(Model, frozen=True, kw_only=True, tag="group_changed"):
    """vrrp to notify: a sync group entered a state, after all its instances did."""

    group: str
    state: VrrpState
    priority: Priority
    """0: a group has none, and keepalived's notify scripts are given that."""
    why: str
    at: float


class LowerPriorityHeard(Model, frozen=True, kw_only=True, tag="lower_priority_heard"):
    """vrrp to notify: an active instance heard an advert of lower priority; at most one a second for an instance."""

    instance: str
    priority: Priority
    """The instance's own."""
    heard: Priority
    source: IPAddress
    at: float


class TrackerChanged(Model, frozen=True, kw_only=True, tag="tracker_changed"):
    """vrrp to the supervisor: something that instances track has another reading."""

    kind: TrackerKind
    name: str
    value: int | None
    """1 up, 0 down, or the number in a file; None = not known."""
    why: str
    at: float


class AlarmChanged(Model, frozen=True, kw_only=True, tag="alarm_changed"):
    """vrrp to the supervisor: an alarm of an instance stands now, or has ended."""

    instance: str
    kind: str
    """`second_active`, `vrid_in_use`, `adverts_blocked` or `active_vanished`."""
    stands: bool
    why: str
    at: float


class ScriptVerdict(Model, frozen=True, kw_only=True, tag="script_verdict"):
    """notify to vrrp: how a `vrrp_script` ended; sent after each run until `rise` or `fall` alike are counted, then at
    each change of its exit status. `weight` is the receiver's.
    """

    script: str
    """The name of its block."""
    up: bool
    """It exited with 0."""
    status: int
    """Its exit status; negative where a signal ended it, a deadline passed or it could not be started."""
    runs: int = 1
    """Runs in a row that were up, or down; this is the last of them."""
    why: str
    """In words: `exited with status 1`, `timed out after 5 s`."""
    at: float
    """Unix time."""


class BfdHandover(Model, frozen=True, kw_only=True):
    """A BFD session that is up, for who goes on with it."""

    session: str
    discriminator: int
    port: int
    """The UDP port that it sends from."""
    heard: bytes
    """The neighbour's last packet."""


class Handover(Model, frozen=True, kw_only=True, tag="handover"):
    """vrrp to supervisor and back, at a restart: the instances that the old process held as active."""

    active: tuple[str, ...]
    at: float = 0.0
    """When it was sent, CLOCK_BOOTTIME: who starts more than a down interval later does not take it up."""
    crash_hold: Seconds = Seconds(0.0)
    """After a crash: how long to stay backup before preempting again."""
    owned: tuple[IPAddress, ...] = ()
    """Virtual addresses that are the host's own: no instance has put them on."""
    sequences: dict[str, int] = msgspec.field(default_factory=dict)
    """By instance that has such: the last sequence number sent or heard."""
    bfd: tuple[BfdHandover, ...] = ()
    """The sessions that were up."""


Message: TypeAlias = (
    Started
    | OnStandby
    | Refused
    | Configure
    | Stop
    | SwitchOrder
    | SwitchOutcome
    | StatusRequest
    | StatusReply
    | InstanceState
    | PredecessorAsks
    | PredecessorKnown
    | LastWill
    | Ready
    | SuspendChecks
    | Verdict
    | VerdictsWanted
    | ServerChanged
    | QuorumChanged
    | InstanceChanged
    | GroupChanged
    | LowerPriorityHeard
    | TrackerChanged
    | AlarmChanged
    | ScriptVerdict
    | Handover
)

ROUTES: dict[type[msgspec.Struct], tuple[Role, ...]] = {
    Started: (Role.SUPERVISOR,),
    OnStandby: (Role.SUPERVISOR,),
    Refused: (Role.SUPERVISOR,),
    StatusReply: (Role.SUPERVISOR,),
    SwitchOutcome: (Role.SUPERVISOR,),
    InstanceState: (Role.PLANE, Role.NOTIFY, Role.SUPERVISOR),
    PredecessorAsks: (Role.PLANE,),
    PredecessorKnown: (Role.VRRP,),
    LastWill: (Role.SUPERVISOR,),
    Handover: (Role.SUPERVISOR,),
    Ready: (Role.VRRP, Role.SUPERVISOR),
    SuspendChecks: (Role.CHECKS,),
    Verdict: (Role.PLANE,),
    VerdictsWanted: (Role.CHECKS,),
    ServerChanged: (Role.NOTIFY,),
    QuorumChanged: (Role.NOTIFY,),
    InstanceChanged: (Role.NOTIFY,),
    GroupChanged: (Role.NOTIFY,),
    LowerPriorityHeard: (Role.NOTIFY,),
    TrackerChanged: (Role.SUPERVISOR,),
    AlarmChanged: (Role.SUPERVISOR,),
    ScriptVerdict: (Role.VRRP,),
}
"""Who receives what a role sends. Configure, Stop and StatusRequest come from the supervisor alone."""

STATE_MESSAGES: tuple[type[msgspec.Struct], ...] = (
    InstanceState,
    LastWill,
    Ready,
    SuspendChecks,
    Verdict,
    ScriptVerdict,
)


EVENTS: tuple[type[msgspec.Struct], ...] = (
    InstanceChanged,
    GroupChanged,
    LowerPriorityHeard,
    ServerChanged,
    QuorumChanged,
    TrackerChanged,
    AlarmChanged,
    ScriptVerdict,
)
"""What the control socket's `events` tells: each as JSON with its tag as `type`."""


def topic(message: Message) -> tuple[object, ...] | None:
    """What a state message is about: a later one of the same topic replaces it. None for events."""
    match message:
        case InstanceState(instance=name):
            return (InstanceState, name)
        case Verdict(target=target):
            return (Verdict, target)
        case ScriptVerdict(script=name):
            return (ScriptVerdict, name)
        case LastWill() | Ready() | SuspendChecks():
            return (type(message),)
        case _:
            return None
