# SPDX-License-Identifier: Apache-2.0
"""The order of the end as a table."""

from __future__ import annotations

from collections.abc import Callable

from bascule.daemon.loop import Loop
from bascule.daemon.stopping import PATIENCE, STOP_ORDER, StopStep, stop_all
from bascule.model.messages import Role, StopMode


class Members:
    """A crew that ends roles at once and notes it."""

    def __init__(self, *roles: Role) -> None:
        self.members = dict.fromkeys(roles)
        self.ended: list[tuple[Role, StopMode, float]] = []

    def stop(self, role: Role, mode: StopMode, patience: float, then: Callable[[], None]) -> None:
        if role in self.members:
            self.ended.append((role, mode, patience))
        then()


def test_addresses_go_first_and_the_messenger_last() -> None:
    assert [step.role for step in STOP_ORDER] == [Role.VRRP, Role.PLANE, Role.CHECKS, Role.NOTIFY]
    assert STOP_ORDER[0].grace_after == 1.0
    assert set(PATIENCE) == set(Role) - {Role.SUPERVISOR}


def test_every_role_that_runs_is_told_and_the_grace_is_kept() -> None:
    loop, crew = Loop(), Members(Role.VRRP, Role.NOTIFY)
    order = (
        StopStep(role=Role.VRRP, patience=2.0, grace_after=0.05),
        StopStep(role=Role.PLANE, patience=5.0, grace_after=50.0),
        StopStep(role=Role.NOTIFY, patience=6.0, grace_after=50.0),
    )
    begun = loop.now()
    stop_all(loop, crew, loop.stop, order)  # type: ignore[arg-type]
    loop.run()
    assert 0.05 <= loop.now() - begun < 1.0
    assert crew.ended == [(Role.VRRP, StopMode.STOP, 2.0), (Role.NOTIFY, StopMode.STOP, 6.0)]


def test_nothing_that_runs_is_no_delay() -> None:
    loop, crew = Loop(), Members()
    stop_all(loop, crew, loop.stop)  # type: ignore[arg-type]
    assert loop.stopped
