# SPDX-License-Identifier: Apache-2.0
"""What the control socket carries: one JSON object a line each way. One request, one reply."""

from __future__ import annotations

import enum

from bascule.model.base import Model
from bascule.model.diagnostic import Diagnostic
from bascule.model.status import DirectorStatus


class Verb(enum.Enum):
    """What a running director can be asked."""

    STATUS = "status"
    RELOAD = "reload"
    RESTART = "restart"
    STOP = "stop"
    FAILOVER = "failover"
    EVENTS = "events"
    """One reply, then a line for each event until either end closes (`EVENTS` in bascule.model.messages)."""


class ControlRequest(Model, frozen=True, kw_only=True):
    """A request."""

    verb: Verb
    instance: str | None = None
    """failover: which; None = all that are active here."""
    peer: str | None = None
    """failover: to whom, by name or address; None = the best that answers."""
    release: bool = False
    """failover: end the hold instead."""


class Dropped(Model, frozen=True, kw_only=True, tag="dropped"):
    """The last line of a stream of events whose reader did not keep up."""

    why: str


class ControlReply(Model, frozen=True, kw_only=True):
    """The answer, when what was asked for is done or has failed."""

    ok: bool
    text: str = ""
    """What was done, or why not, in words."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """What the files' reader found (reload, restart)."""
    status: DirectorStatus | None = None
