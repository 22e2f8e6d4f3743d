# SPDX-License-Identifier: Apache-2.0
"""The order of the end, as data: addresses first, then what forwards, and the messenger last."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bascule.daemon.crew import Crew
from bascule.daemon.loop import Loop
from bascule.model.messages import Role, StopMode


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class StopStep:
    """One role's turn."""

    role: Role
    patience: float
    """Seconds to end by itself; then it is killed."""
    grace_after: float = 0.0
    """Seconds to let pass before the next turn."""


STOP_ORDER: tuple[StopStep, ...] = (
    # Peers and routers that have not yet seen the new owner's gratuitous ARP still send here for a moment.
    StopStep(role=Role.VRRP, patience=2.0, grace_after=1.0),
    StopStep(role=Role.PLANE, patience=5.0),
    StopStep(role=Role.CHECKS, patience=2.0),
    StopStep(role=Role.NOTIFY, patience=6.0),
)

PATIENCE: dict[Role, float] = {step.role: step.patience for step in STOP_ORDER}


def stop_all(loop: Loop, crew: Crew, then: Callable[[], None], order: tuple[StopStep, ...] = STOP_ORDER) -> None:
    """End every role in order, then call `then`."""
    if not order:
        then()
        return
    step, rest = order[0], order[1:]
    running = step.role in crew.members

    def next_step() -> None:
        if running and step.grace_after and rest:
            loop.after(step.grace_after, lambda: stop_all(loop, crew, then, rest))
        else:
            stop_all(loop, crew, then, rest)

    crew.stop(step.role, StopMode.STOP, step.patience, next_step)
