# SPDX-License-Identifier: Apache-2.0
"""What `bascule status` shows: one struct a role, merged by the supervisor; `--json` prints `DirectorStatus`."""

from __future__ import annotations

import enum

import msgspec

from bascule.model.base import IPAddress, Model, Priority, Seconds, Vrid
from bascule.model.configuration import VrrpState
from bascule.model.messages import CheckTarget, Role
from bascule.model.service import ServiceView
from bascule.model.tracking import TrackerKind


class RoleStatus(Model, frozen=True, kw_only=True):
    """A process of the director as the supervisor sees it."""

    role: Role
    pid: int | None
    running: bool
    since: float
    """Unix time of its start, or of its end."""
    restarts: int = 0
    responsive: bool = True
    """False: it did not answer within the deadline; what is shown of it is missing, not old."""
    silent_since: float | None = None
    """Unix time of the first request that it left unanswered."""
    note: str | None = None


class AlarmKind(enum.Enum):
    """What is wrong around a VRRP instance although it does what it should."""

    SECOND_ACTIVE = "second_active"
    """Another host is active for the same virtual router."""
    VRID_IN_USE = "vrid_in_use"
    """Hosts that are no peers use the VRID."""
    ADVERTS_BLOCKED = "adverts_blocked"
    """Adverts of ours do not leave this host."""
    ACTIVE_VANISHED = "active_vanished"
    """The active fell silent without saying that it stops."""
    ADDRESS_TAKEN = "address_taken"
    """Somebody took a virtual address off; it was put back."""
    WITNESS_SILENT = "witness_silent"
    """It would be active, since nobody is heard, and stays backup because its witness does not answer."""


class AlarmStatus(Model, frozen=True, kw_only=True):
    """An alarm that stands."""

    kind: AlarmKind
    why: str
    """With the likely cause and what to do."""
    since: float
    """Unix time of the first sighting."""
    last: float
    count: int


class InstanceStatus(Model, frozen=True, kw_only=True):
    """A VRRP instance."""

    name: str
    interface: str
    vrid: Vrid
    state: VrrpState
    priority: Priority
    """The effective one: the configured one, changed by what is tracked."""
    since: float
    reason: str
    master: IPAddress | None
    """Who is active, as far as this director knows; None = nobody heard."""
    virtual_addresses: tuple[IPAddress, ...]
    adverts_sent: int = 0
    adverts_received: int = 0
    packets_refused: dict[str, int] = msgspec.field(default_factory=dict)
    """Packets counted and dropped, by reason."""
    version: int = 2
    """Of the protocol."""
    configured_priority: Priority | None = None
    active_interval: Seconds = Seconds(1.0)
    """Between two adverts of whoever is active: in version 3 learned from these."""
    checksum_forms: dict[str, int] = msgspec.field(default_factory=dict)
    """Adverts received, by what their checksum covers: `pseudo_header`, `message` or `old_unicast`."""
    routes: tuple[str, ...] = ()
    """The routes and rules that it has on now, in words; empty while it is not active."""
    virtual_mac: str | None = None
    """`00:00:5e:00:01:33 on vrrp.51`: what the virtual addresses are at, and on which interface."""
    held: bool = False
    """It gave its addresses up in a planned switch and keeps back with priority 1."""
    handed_to: IPAddress | None = None
    """To whom; None = to whoever was next."""
    alarms: tuple[AlarmStatus, ...] = ()
    """What an operator has to look at."""


class BfdStatus(Model, frozen=True, kw_only=True):
    """A BFD session."""

    name: str
    neighbour: IPAddress
    state: str
    """`DOWN`, `INIT`, `UP` or `ADMIN_DOWN` (RFC 5880 4.1)."""
    why: str
    detection_time: Seconds | None
    """How long the neighbour may be silent; None = it was not heard yet."""
    packets_sent: int = 0
    packets_received: int = 0
    packets_refused: dict[str, int] = msgspec.field(default_factory=dict)
    """Packets counted and dropped, by reason."""
    late_timers: int = 0
    """Detection timers that came late and were not believed."""


class TrackerStatus(Model, frozen=True, kw_only=True):
    """What instances track."""

    kind: TrackerKind
    name: str
    value: int | None
    """1 up, 0 down; of a file, the number in it. None = not known yet."""
    since: float | None
    """Unix time of the last change of the value."""
    why: str
    instances: dict[str, int]
    """The weight of it by each instance that follows it; 0 = a fault when down."""


class GroupStatus(Model, frozen=True, kw_only=True):
    """A sync group."""

    name: str
    members: tuple[str, ...]
    """Those that run."""
    state: VrrpState
    since: float
    reason: str
    awaited: tuple[str, ...] = ()
    """Members that keep the others, whose time has come, from being active."""


class WitnessStatus(Model, frozen=True, kw_only=True):
    """A host that must answer before silence makes this director active."""

    address: IPAddress
    answers: bool
    """It answered one of the last few regular questions."""
    asked: int
    answered: int
    last: float | None
    """Unix time of the last answer."""
    round_trip: Seconds | None
    """Of that."""
    trouble: str | None
    """Why it cannot be asked."""


class LatenessSpan(Model, frozen=True, kw_only=True):
    """How late the timers of a span of time were handled, in seconds."""

    count: int = 0
    p50: Seconds = Seconds(0.0)
    """Half of them were not later than this, and `p99` 99 in 100: upper bounds, as fine as `buckets` are."""
    p99: Seconds = Seconds(0.0)
    max: Seconds = Seconds(0.0)
    """The worst, as measured."""


class LatenessBucket(Model, frozen=True, kw_only=True):
    """Timers that were later than the bucket before says."""

    up_to: Seconds | None
    """And not later than this; None = however late."""
    count: int


class LatenessStatus(Model, frozen=True, kw_only=True):
    """How late the `vrrp` role comes to its timers: those that it woke for, and those that then waited for others."""

    last_minute: LatenessSpan = LatenessSpan()
    """Of the last 60 to 70 seconds."""
    since_start: LatenessSpan = LatenessSpan()
    buckets: tuple[LatenessBucket, ...] = ()
    """Since the start, with the same bounds for ever."""


class VrrpStatus(Model, frozen=True, kw_only=True):
    """The `vrrp` role's part."""

    instances: tuple[InstanceStatus, ...] = ()
    groups: tuple[GroupStatus, ...] = ()
    trackers: tuple[TrackerStatus, ...] = ()
    lateness_max: Seconds = Seconds(0.0)
    """The worst lateness of a timer since the start."""
    lateness: LatenessStatus = LatenessStatus()
    orders_refused: dict[str, int] = msgspec.field(default_factory=dict)
    """Datagrams of planned switches that were counted and dropped, by reason."""
    bfd: tuple[BfdStatus, ...] = ()
    witnesses: tuple[WitnessStatus, ...] = ()
    notes: tuple[str, ...] = ()


class CheckStatus(Model, frozen=True, kw_only=True):
    """The last result of one check."""

    target: CheckTarget
    kind: str
    up: bool | None
    """None = no completed attempt yet."""
    why: str
    at: float | None
    attempts: int
    suspended: bool = False


class ChecksStatus(Model, frozen=True, kw_only=True):
    """The `checks` role's part."""

    checks: tuple[CheckStatus, ...] = ()
    notes: tuple[str, ...] = ()
    """What an operator should know, in words."""


class AttachmentStatus(Model, frozen=True, kw_only=True):
    """One interface that the XDP director sits on."""

    interface: str
    mode: str
    """`native` or `generic`."""
    note: str | None = None


class PlaneStatus(Model, frozen=True, kw_only=True):
    """The `plane` role's part."""

    kind: str
    """`xdp`, `ipvs` or `memory`."""
    ready: bool
    ready_reason: str
    services: tuple[ServiceView, ...] = ()
    attachments: tuple[AttachmentStatus, ...] = ()
    counters: dict[str, int] = msgspec.field(default_factory=dict)
    """Packets by verdict, summed over processors: `forwarded`, `no_server`, `fragments_passed` ..."""
    notes: tuple[str, ...] = ()
    """What an operator should know, in words."""


class ScriptStatus(Model, frozen=True, kw_only=True):
    """A track script (`vrrp_script`)."""

    name: str
    up: bool | None
    """Of the last run, whatever `rise` and `fall` say; None = it has not run yet."""
    status: int | None
    runs: int
    """Runs in a row that were up, or down."""
    why: str
    at: float | None
    """Unix time of the last run's end."""
    running_since: float | None = None


class FifoStatus(Model, frozen=True, kw_only=True):
    """A FIFO that gets a line an event."""

    path: str
    written: int
    lost: int
    """Lines that it had no room for."""


class NotifyStatus(Model, frozen=True, kw_only=True):
    """The `notify` role's part."""

    mails_sent: int = 0
    mails_lost: int = 0
    mails_waiting: int = 0
    last_error: str | None = None
    scripts: tuple[ScriptStatus, ...] = ()
    """Track scripts."""
    scripts_running: tuple[str, ...] = ()
    """The changes whose scripts run now: `INSTANCE VI_1 MASTER`."""
    scripts_failed: int = 0
    """Scripts of changes that did not exit with 0, took too long, or could not be run."""
    scripts_skipped: int = 0
    """Changes whose scripts were not run because a newer one waited."""
    fifos: tuple[FifoStatus, ...] = ()
    notes: tuple[str, ...] = ()
    """What an operator should know, in words."""


class DirectorStatus(Model, frozen=True, kw_only=True):
    """Everything, as `bascule status --json` prints it. A part is None when its role is not needed or silent."""

    version: str
    files: tuple[str, ...]
    generation: int
    started: float
    roles: tuple[RoleStatus, ...]
    notes: tuple[str, ...] = ()
    """What the supervisor has to say: a machine that refused realtime, a reload that changed nothing."""
    vrrp: VrrpStatus | None = None
    plane: PlaneStatus | None = None
    checks: ChecksStatus | None = None
    notify: NotifyStatus | None = None
