# SPDX-License-Identifier: Apache-2.0
"""Planned switches as the supervisor sees them: a request goes to the vrrp role, its outcome to who asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bascule.daemon.crew import Crew
from bascule.daemon.loop import Loop, Timer
from bascule.model.control import ControlReply, ControlRequest
from bascule.model.messages import Role, SwitchOrder, SwitchOutcome

DEADLINE = 3.0
"""Seconds that the role has to answer; the switch itself takes milliseconds."""


@dataclasses.dataclass(slots=True)
class _Open:
    reply: Callable[[ControlReply], None]
    timer: Timer


class FailoverDesk:
    """The requests that wait for their outcome."""

    def __init__(self, loop: Loop, crew: Crew) -> None:
        """None yet."""
        self._loop = loop
        self._crew = crew
        self._open: dict[int, _Open] = {}
        self._number = 0

    def ask(self, request: ControlRequest, reply: Callable[[ControlReply], None]) -> None:
        """Have the role do it; `reply` is called once, within DEADLINE."""
        self._number += 1
        number = self._number
        message = SwitchOrder(number=number, instance=request.instance, peer=request.peer, release=request.release)
        if not self._crew.send(Role.VRRP, message):
            reply(ControlReply(ok=False, text="no vrrp_instance runs here"))
            return
        self._open[number] = _Open(reply, self._loop.after(DEADLINE, lambda: self._late(number)))

    def answered(self, done: SwitchOutcome) -> None:
        """The role's word; one that comes too late is in the log alone."""
        found = self._open.pop(done.number, None)
        if found is not None:
            found.timer.cancel()
            found.reply(ControlReply(ok=done.ok, text=done.text))

    def _late(self, number: int) -> None:
        found = self._open.pop(number)
        found.reply(ControlReply(ok=False, text=f"the vrrp role did not say within {DEADLINE:g} s how it went"))
