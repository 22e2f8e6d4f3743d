# SPDX-License-Identifier: Apache-2.0
"""The machine of an instance that may be in a sync group: it says when it could be active, and moves with the group.

Without `Settings.grouped` it is the plain machine. Who moves when is decided in sync_group.py.
"""

from __future__ import annotations

from bascule.model.configuration import VrrpState
from bascule.vrrp.events import SUCCESSION, Event, GroupMoves, Settings
from bascule.vrrp.machine import Machine
from bascule.vrrp.transitions import Cause


class GroupedMachine(Machine):
    """One instance. A wish to be active lasts until another leads, it was stopped, or its state is another."""

    def __init__(self, settings: Settings) -> None:
        """An instance in INIT; `Start` is its first event."""
        super().__init__(settings)
        self._wants: tuple[Cause, str] | None = None
        """Why it could be active now, if the others can."""

    @property
    def wants(self) -> bool:
        """A backup in a sync group whose time to be active has come."""
        return self._wants is not None

    def succeeds(self, now: float) -> bool:
        """Whether it has just taken over in a planned switch, so that the old active may still ask for others."""
        return self._predecessor is not None and now - self._since < SUCCESSION

    @property
    def led(self) -> bool:
        """A backup that hears an active that it stands behind, or listens because it woke late."""
        if self._state is not VrrpState.BACKUP or self.wants:
            return False
        behind = not self._settings.preempt or self._active_priority >= self._priority
        return self._now < self._not_before or (self._active is not None and behind)

    def _told(self, event: Event) -> None:
        if isinstance(event, GroupMoves):
            self._group_moves(event)
        else:
            super()._told(event)

    def _group_moves(self, event: GroupMoves) -> None:
        if not event.active and self._state is VrrpState.MASTER:
            self._move(Cause.GROUP_STANDS_BACK, event.reason)
        elif event.active and self._state is VrrpState.BACKUP and (self.wants or self._now >= self._not_before):
            self._move(*(self._wants or (Cause.GROUP_LEADS, event.reason)))

    def _lead(self, cause: Cause, reason: str) -> None:
        """The time of a member has come only when it has come for all."""
        if not self._settings.grouped:
            super()._lead(cause, reason)
            return
        wants = self._wants or (cause, reason)
        self._move(Cause.GROUP_AWAITED, "")
        self._wants = wants

    def _clear(self) -> None:
        self._wants = None
        super()._clear()

    def _start_down_timer(self) -> None:
        self._wants = None
        super()._start_down_timer()

    def _put_off(self) -> None:
        self._wants = None
        super()._put_off()

    def _hear(self) -> None:
        """A peer that does not lead is there after all: what silence allowed is to be decided anew."""
        if self._wants is not None and self._wants[0] is Cause.NOBODY_HEARD:
            self._wants = None
        super()._hear()

    def _shift(self) -> None:
        super()._shift()
        if self._active is not None and self._active_priority >= self._priority:
            self._wants = None
