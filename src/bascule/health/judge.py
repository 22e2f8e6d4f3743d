# SPDX-License-Identifier: Apache-2.0
"""The judge of one check: when to try, and what the results mean for the server.

Pure: it neither connects nor reads a clock. Its rules are keepalived 2.2.7's as measured (keepalived.conf(5), `retry`,
`delay_before_retry`, `delay_loop`, `warmup`):

* the first attempt comes within the warm-up; if it fails, the server is down at once, without retries;
* later, `retry` further attempts follow a failed one, `delay_before_retry` apart; if all fail the server is down;
* one attempt that succeeds brings a server up;
* the same cadence goes on while the server is down: `delay_loop`, an attempt and its retries, `delay_loop` ...

Delays count from the end of an attempt. One thing is ours: a judge that takes over from one that ran before
(`patient`) grants its first attempt the retries too, since the server was in use a moment ago.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TypeAlias

from bascule.model.configuration import TcpCheck


class Standing(enum.Enum):
    """What the judge holds of its server."""

    UNKNOWN = "unknown"
    """No conclusive attempt yet."""
    UP = "up"
    FAILING = "failing"
    """Still up, with retries left."""
    DOWN = "down"


class Outcome(enum.Enum):
    """What one completed attempt amounts to."""

    PASSED = "passed"
    FAILED = "failed"
    """Failed, and retries are left."""
    EXHAUSTED = "exhausted"
    """Failed, and no retry is left."""


TRANSITIONS: dict[tuple[Standing, Outcome], Standing] = {
    (Standing.UNKNOWN, Outcome.PASSED): Standing.UP,
    (Standing.UNKNOWN, Outcome.FAILED): Standing.UNKNOWN,
    (Standing.UNKNOWN, Outcome.EXHAUSTED): Standing.DOWN,
    (Standing.UP, Outcome.PASSED): Standing.UP,
    (Standing.UP, Outcome.FAILED): Standing.FAILING,
    (Standing.UP, Outcome.EXHAUSTED): Standing.DOWN,
    (Standing.FAILING, Outcome.PASSED): Standing.UP,
    (Standing.FAILING, Outcome.FAILED): Standing.FAILING,
    (Standing.FAILING, Outcome.EXHAUSTED): Standing.DOWN,
    (Standing.DOWN, Outcome.PASSED): Standing.UP,
    (Standing.DOWN, Outcome.FAILED): Standing.DOWN,
    (Standing.DOWN, Outcome.EXHAUSTED): Standing.DOWN,
}
"""The whole machine."""

VERDICTS: dict[Standing, bool | None] = {
    Standing.UNKNOWN: None,
    Standing.UP: True,
    Standing.FAILING: True,
    Standing.DOWN: False,
}
"""What each standing says of the server; None = nothing yet."""


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Due:
    """The moment named by `deadline()` has come."""


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class AttemptResult:
    """An attempt has completed."""

    number: int
    """Which one: `StartAttempt.number`. A result of any other than the one under way is ignored."""
    passed: bool
    why: str
    at: float
    """Unix time."""


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Suspend:
    """`ha_suspend`: no attempts from now on; the standing holds."""


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Resume:
    """Attempts go on, the first one `delay` seconds from now."""

    delay: float


Event: TypeAlias = Due | AttemptResult | Suspend | Resume


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class StartAttempt:
    """Try the server now; hand the result in with the same number."""

    number: int


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class CancelAttempt:
    """Break the attempt under way off; its result is not wanted."""

    number: int


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Announce:
    """The verdict is new or has changed."""

    up: bool
    why: str
    at: float
    """Unix time."""
    attempts: int


Command: TypeAlias = StartAttempt | CancelAttempt | Announce


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class JudgeView:
    """A judge's state as others may see it."""

    standing: Standing
    up: bool | None
    why: str
    at: float | None
    """Unix time of the last completed attempt."""
    attempts: int
    suspended: bool


class Judge:
    """One check's judge; `now` is monotonic seconds throughout."""

    def __init__(self, check: TcpCheck, *, first_at: float, patient: bool = False) -> None:
        """The first attempt is due at `first_at`; a `patient` judge takes over from one that ran before."""
        self.check = check
        self._patient = patient
        self._standing = Standing.UNKNOWN
        self._next: float | None = first_at
        self._number = 0
        self._under_way = False
        self._suspended = False
        self._failures = 0
        self._attempts = 0
        self._why = "not checked yet"
        self._at: float | None = None

    def handle(self, event: Event, now: float) -> tuple[Command, ...]:
        """Take an event in; what is to be done about it, in order."""
        match event:
            case Due():
                return self._start(now)
            case AttemptResult():
                return self._conclude(event, now)
            case Suspend():
                return self._suspend()
            case Resume(delay=delay):
                return self._resume(now + delay)

    def deadline(self) -> float | None:
        """When to hand in `Due`; None while an attempt is under way or the check is suspended."""
        return self._next

    def snapshot(self) -> JudgeView:
        """The state now."""
        return JudgeView(
            standing=self._standing,
            up=VERDICTS[self._standing],
            why=self._why,
            at=self._at,
            attempts=self._attempts,
            suspended=self._suspended,
        )

    def reconfigure(self, check: TcpCheck, now: float) -> None:
        """The check's settings have changed: the standing holds, the next attempt comes no later than they say."""
        self.check = check
        if self._next is not None:
            self._next = min(self._next, now + check.delay_loop)

    def _start(self, now: float) -> tuple[Command, ...]:
        if self._next is None or now < self._next:
            return ()
        self._next = None
        self._under_way = True
        self._number += 1
        return (StartAttempt(number=self._number),)

    def _conclude(self, result: AttemptResult, now: float) -> tuple[Command, ...]:
        if not self._under_way or result.number != self._number:
            return ()
        self._under_way = False
        self._attempts += 1
        self._why, self._at = result.why, result.at
        outcome = self._weigh(result.passed)
        again = outcome is Outcome.FAILED
        self._failures = self._failures + 1 if again else 0
        self._next = now + (self.check.delay_before_retry if again else self.check.delay_loop)
        before = VERDICTS[self._standing]
        self._standing = TRANSITIONS[self._standing, outcome]
        up = VERDICTS[self._standing]
        if up is None or up is before:
            return ()
        return (Announce(up=up, why=result.why, at=result.at, attempts=self._attempts),)

    def _weigh(self, passed: bool) -> Outcome:
        if passed:
            return Outcome.PASSED
        first = self._standing is Standing.UNKNOWN and not self._patient
        return Outcome.EXHAUSTED if first or self._failures >= self.check.retry else Outcome.FAILED

    def _suspend(self) -> tuple[Command, ...]:
        cancelled = (CancelAttempt(number=self._number),) if self._under_way else ()
        self._suspended = True
        self._under_way = False
        self._next = None
        self._failures = 0
        return cancelled

    def _resume(self, first_at: float) -> tuple[Command, ...]:
        if self._suspended:
            self._suspended = False
            self._next = first_at
        return ()
