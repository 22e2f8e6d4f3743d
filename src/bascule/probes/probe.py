# SPDX-License-Identifier: Apache-2.0
"""What every kind of check has in common: one attempt on one server, driven by readiness and a deadline.

A probe owns one non-blocking descriptor and never waits; who runs it (bascule.probes.engine) waits for many at once.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Result:
    """How an attempt ended."""

    passed: bool
    why: str
    """In words, naming the server: goes into logs, status and mails as it is."""


class Probe(Protocol):
    """One attempt under way."""

    def fileno(self) -> int:
        """The descriptor to watch."""
        ...

    @property
    def events(self) -> int:
        """What to watch it for: EPOLLIN, EPOLLOUT (epoll(7)); may change with each `ready`."""
        ...

    def ready(self) -> Result | None:
        """The descriptor is ready; the result, or None if there is more to wait for."""
        ...

    def expired(self) -> Result:
        """The deadline has passed."""
        ...

    def close(self) -> None:
        """Let go of the descriptor. Comes once, after the result or instead of it."""
        ...
