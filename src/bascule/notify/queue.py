# SPDX-License-Identifier: Apache-2.0
"""Letters that wait for the mail server: bounded in number, tries and age, in order.

Pure. The pause after a failure is the server's, not the letter's: while it grows, nothing else is tried either, since
all letters go to the same server. What is given up is returned, for the caller to say so.
"""

from __future__ import annotations

import collections
import dataclasses

from bascule.notify.letters import Letter


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Policy:
    """How long to try. With the defaults a letter survives a mail server's restart of two minutes."""

    letters_max: int = 1000
    """At least two."""
    tries_max: int = 8
    first_pause: float = 1.0
    """Seconds after the first failure; doubles with each further one in a row."""
    pause_max: float = 60.0
    age_max: float = 3600.0
    """Seconds from a letter's arrival here to the last moment at which it is tried."""


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Lost:
    """A letter that was given up, and why."""

    letter: Letter
    why: str


@dataclasses.dataclass(slots=True, kw_only=True)
class _Waiting:
    letter: Letter
    since: float
    tries: int = 0


class MailQueue:
    """The letters in order of arrival; only the first is ever tried. `now` is monotonic seconds."""

    def __init__(self, policy: Policy | None = None) -> None:
        """An empty queue."""
        self._policy = policy or Policy()
        self._waiting: collections.deque[_Waiting] = collections.deque()
        self._not_before = 0.0
        self._failures = 0
        self._hurried = False

    def __len__(self) -> int:
        """How many letters wait, the one being tried among them."""
        return len(self._waiting)

    def add(self, letter: Letter, now: float) -> Lost | None:
        """Append a letter; when the queue is full the oldest that is not being tried gives way."""
        lost = None
        if len(self._waiting) >= self._policy.letters_max:
            oldest = self._waiting[1]
            del self._waiting[1]
            lost = Lost(letter=oldest.letter, why=f"more than {self._policy.letters_max} mails wait")
        self._waiting.append(_Waiting(letter=letter, since=now))
        return lost

    def due(self, now: float) -> Letter | None:
        """The letter to try now; None = nothing waits, or it is not time yet (see `deadline`)."""
        if not self._waiting or now < self._not_before:
            return None
        return self._waiting[0].letter

    def deadline(self) -> float | None:
        """From when on there is something to try; None = nothing waits."""
        return self._not_before if self._waiting else None

    def sent(self) -> None:
        """The letter that was due has been taken by the server."""
        self._waiting.popleft()
        self._failures = 0

    def failed(self, why: str, now: float, *, for_good: bool = False) -> Lost | None:
        """The try has failed; the letter, if that was its last. `for_good`: the server will never take this one."""
        first = self._waiting[0]
        first.tries += 1
        if for_good:
            self._waiting.popleft()
            return Lost(letter=first.letter, why=why)
        policy = self._policy
        if not self._hurried:
            self._not_before = now + min(policy.first_pause * 2.0**self._failures, policy.pause_max)
            self._failures = min(self._failures + 1, 64)
        too_old = max(now, self._not_before) - first.since > policy.age_max
        if self._hurried or too_old or first.tries >= policy.tries_max:
            self._waiting.popleft()
            return Lost(letter=first.letter, why=f"{why} ({first.tries} tries)")
        return None

    def hurry(self) -> None:
        """The end is near: no pauses from now on, and one more try for each letter."""
        self._hurried = True
        self._not_before = 0.0

    def give_up(self, why: str) -> tuple[Lost, ...]:
        """Empty the queue."""
        lost = tuple(Lost(letter=waiting.letter, why=why) for waiting in self._waiting)
        self._waiting.clear()
        return lost
