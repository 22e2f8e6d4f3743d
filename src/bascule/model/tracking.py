# SPDX-License-Identifier: Apache-2.0
"""What instances follow and how they are tied together: trackers and sync groups (keepalived.conf(5)).

Only what is tracked by an instance or a group is here, with the weights resolved: what a line of `track_...` leaves
out has been taken from the block that it names.
"""

from __future__ import annotations

import enum

from bascule.model.base import Model, Seconds
from bascule.model.scripts import Notifies, Script


class TrackerKind(enum.Enum):
    """What can be tracked."""

    INTERFACE = "interface"
    SCRIPT = "script"
    PROCESS = "process"
    FILE = "file"
    BFD = "bfd"


class Tracked(Model, frozen=True, kw_only=True):
    """A line of `track_interface`, `track_script`, `track_process`, `track_file` or `track_bfd`."""

    kind: TrackerKind
    name: str
    """Of the interface, or of the block."""
    weight: int = 0
    """0 = down is a fault. Else positive: added while it is up; negative: subtracted while it is down.
    A file's value times this is added."""
    reverse: bool = False
    """The other way round: with weight 0, up is the fault."""


class TrackScript(Model, frozen=True, kw_only=True):
    """`vrrp_script NAME`, if it is tracked. The notify role runs it, the vrrp role weighs it."""

    name: str
    run: Script
    """As whom: its `user`, else `script_user`."""
    interval: Seconds = Seconds(1.0)
    timeout: Seconds = Seconds(1.0)
    """The interval unless the block says otherwise."""
    rise: int = 1
    fall: int = 1
    init_fail: bool = False
    """Down until the first result."""


class ParameterMatch(enum.Enum):
    """`param_match`: how the parameters of a process are compared."""

    EXACT = "exact"
    """They are the same."""
    PARTIAL = "partial"
    """The first ones are the same; more may follow."""
    INITIAL = "initial"
    """As PARTIAL, and the last of those named may be longer."""


class TrackProcess(Model, frozen=True, kw_only=True):
    """`vrrp_track_process NAME`, if it is tracked."""

    name: str
    command: str
    """The process's name (or its path, compared with the command line) without parameters."""
    parameters: tuple[str, ...] = ()
    match: ParameterMatch | None = None
    """None = parameters do not matter."""
    full_command: bool = False
    """Compare the command line, not the process's name."""
    quorum: int = 1
    quorum_max: int | None = None
    """None = any number; 0 = none may run."""
    fork_delay: Seconds = Seconds(0.0)
    """How long enough must run before it is up."""
    terminate_delay: Seconds = Seconds(0.0)
    """How long too few may run before it is down."""


class TrackFile(Model, frozen=True, kw_only=True):
    """`track_file NAME` (`vrrp_track_file`), if it is tracked."""

    name: str
    path: str
    init_value: int | None = None
    """What to write at start; None = nothing."""
    overwrite: bool = False
    """Write it even if the file is there."""


class SyncGroup(Model, frozen=True, kw_only=True):
    """`vrrp_sync_group NAME`: instances that are active together or not at all."""

    name: str
    members: tuple[str, ...]
    """Names of instances that run, each in one group only."""
    tracked: tuple[Tracked, ...] = ()
    """What every member follows."""
    weighted: bool = False
    """`sync_group_tracking_weight`: members may follow things of their own with weights."""
    notify: Notifies = Notifies()
    smtp_alert: bool = False


class TrackGroup(Model, frozen=True, kw_only=True):
    """`track_group NAME`: instances that follow the interfaces of the static addresses, routes and rules naming it.

    What they follow by it is among what each of them has tracked.
    """

    name: str
    members: tuple[str, ...]
    """Names of instances that run."""
