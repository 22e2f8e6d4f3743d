# SPDX-License-Identifier: Apache-2.0
"""Users' programs in a configuration: what runs, as whom, and at which events (keepalived.conf(5), SCRIPTS)."""

from __future__ import annotations

from bascule.model.base import Model, Seconds


class Script(Model, frozen=True, kw_only=True):
    """A program to run."""

    command: tuple[str, ...]
    """The program and its arguments, never empty. No shell reads them."""
    user: str | None = None
    """None = that of `script_user`."""
    group: str | None = None
    """None = the user's."""


class Notifies(Model, frozen=True, kw_only=True):
    """What an instance or a sync group runs at its changes; None = nothing."""

    any: Script | None = None
    """`notify`: at every change, with four words after its own arguments, after the script of the one state."""
    master: Script | None = None
    backup: Script | None = None
    fault: Script | None = None
    stop: Script | None = None
    deleted: Script | None = None
    master_lower: Script | None = None
    """`notify_master_rx_lower_pri`: while active, at an advert of lower priority."""
    says_deleted: bool = False
    """`notify_deleted` stands in the block, with or without a script: a deleted one says DELETED, else FAULT."""
    priority_changes: bool = False
    """`notify_priority_changes`: FIFOs hear of them, too."""


class UpDown(Model, frozen=True, kw_only=True):
    """What a real server or a service runs; None = nothing."""

    up: Script | None = None
    """`notify_up`, `quorum_up`."""
    down: Script | None = None
    """`notify_down`, `quorum_down`."""


class Fifo(Model, frozen=True, kw_only=True):
    """A named pipe that gets a line an event."""

    path: str
    user: str | None = None
    """Whose it is; None = that of `script_user`."""
    group: str | None = None
    reader: Script | None = None
    """The program that is started to read it; the path comes after its arguments."""


class ScriptSettings(Model, frozen=True, kw_only=True):
    """What `global_defs` says of scripts."""

    user: str | None = None
    """`script_user`; None = keepalived_script where there is such a user, else nobody."""
    group: str | None = None
    security: bool = False
    """`enable_script_security`: nothing runs as root that somebody else could change."""
    notify_timeout: Seconds = Seconds(60.0)
    """How long a script that is run at an event may take (the bascule block)."""
    fifo: Fifo | None = None
    """`notify_fifo`: of all events."""
    vrrp_fifo: Fifo | None = None
    lvs_fifo: Fifo | None = None
