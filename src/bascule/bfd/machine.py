# SPDX-License-Identifier: Apache-2.0
"""One BFD session in asynchronous mode (RFC 5880 6.8) without clock and socket: events in, commands out.

The transitions are the table `NEXT`. Lateness never takes a session down: a detection timer that is handled late by
more than half its time is not believed (the process was stopped, or the machine suspended) and runs once more.

Not here: echo function, demand mode of our own, authentication; keepalived has none of them either.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TypeAlias

from bascule.bfd.packet import Control, Diagnostic, SessionState
from bascule.model.base import Seconds

NEVER = math.inf

LATE = 0.5
"""Of the detection time: how late its timer may come and be believed."""

JITTER, JITTER_OF_ONE = (1.0, 0.25), (0.9, 0.15)
"""The longest share of an interval between two packets, and how much less it may be; the second for a multiplier of 1
(RFC 5880 6.8.7)."""

_MICROSECONDS = 1_000_000

_ADMIN_DOWN, _DOWN, _INIT, _UP = SessionState

NEXT: dict[tuple[SessionState, SessionState], SessionState] = {
    (_DOWN, _DOWN): _INIT,
    (_DOWN, _INIT): _UP,
    (_INIT, _INIT): _UP,
    (_INIT, _UP): _UP,
    (_INIT, _ADMIN_DOWN): _DOWN,
    (_UP, _DOWN): _DOWN,
    (_UP, _ADMIN_DOWN): _DOWN,
}
"""Our state and the neighbour's, as its packet says: our next state, where it is another (RFC 5880 6.8.6)."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Settings:
    """What the configuration says of a session."""

    discriminator: int
    """Ours, of this session alone; never 0."""
    min_tx: Seconds
    min_rx: Seconds
    idle_tx: Seconds
    """Between two packets while the session is not up; at least one second (RFC 5880 6.8.3)."""
    multiplier: int
    passive: bool = False
    """Say nothing before the neighbour does."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Received:
    """A packet of this session that passed every check."""

    control: Control
    at: float
    """When the kernel got it."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Timeout:
    """`deadline()` has come, and whatever waited in the socket was handed in before."""

    jitter: float
    """A new random number from 0 to 1: neighbours must not fall into step."""


@dataclasses.dataclass(slots=True, frozen=True)
class Stop:
    """The last event: tell the neighbour that this is meant."""


@dataclasses.dataclass(slots=True, frozen=True)
class Reconfigured:
    """New settings for the same session; the discriminator stays."""

    settings: Settings


Event: TypeAlias = Received | Timeout | Stop | Reconfigured


@dataclasses.dataclass(slots=True, frozen=True)
class Send:
    """Send this packet now."""

    control: Control


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Changed:
    """Another state was entered."""

    previous: SessionState
    state: SessionState
    diagnostic: Diagnostic
    reason: str


@dataclasses.dataclass(slots=True, frozen=True)
class TimerLate:
    """The detection timer was handled this many seconds late, and is not believed."""

    seconds: float


Command: TypeAlias = Send | Changed | TimerLate


class Session:
    """One session. Not thread-safe; `now` never goes back."""

    def __init__(self, settings: Settings, now: float, adopted: Control | None = None) -> None:
        """A session that is DOWN; its first packet is due at once, unless it is passive.

        `adopted`: the neighbour's last packet, if a process before this one left the session UP.
        """
        self._settings = settings
        self._commands: list[Command] = []
        self._state = SessionState.DOWN
        self._diagnostic = Diagnostic.NONE
        self._remote: Control | None = None
        """The neighbour's last packet; None = nothing is known of it."""
        self._polling = False
        self._rx_before = Seconds(0.0)
        """A larger min_rx that holds until the neighbour has answered our poll (RFC 5880 6.8.3)."""
        self._sent_at = -NEVER
        self._send_at = NEVER if settings.passive else now
        self._detect_at = NEVER
        self._share = 1.0
        """Of the interval until the next packet: the jitter."""
        self.late_timers = 0
        if adopted is not None:
            self._remote, self._state = adopted, SessionState.UP
            self._send_at, self._detect_at = now, now + self.detection_time

    @property
    def state(self) -> SessionState:
        """The state now."""
        return self._state

    @property
    def settings(self) -> Settings:
        """The settings in effect."""
        return self._settings

    @property
    def heard(self) -> Control | None:
        """The neighbour's last packet."""
        return self._remote

    @property
    def transmit_interval(self) -> float:
        """Seconds between two packets, before jitter; infinite = none is to be sent periodically."""
        if self._remote is not None:
            asked = self._remote.required_min_rx
            quiet = self._remote.demand and self._state is _UP and self._remote.state is _UP and not self._polling
            return NEVER if asked == 0 or quiet else max(self._desired_tx(), asked / _MICROSECONDS)
        return self._desired_tx()

    @property
    def detection_time(self) -> float:
        """Seconds without a packet after which the neighbour is lost (RFC 5880 6.8.4); infinite = nothing is known."""
        if self._remote is None:
            return NEVER
        wanted = max(self._settings.min_rx, self._rx_before)
        return self._remote.multiplier * max(wanted, self._remote.desired_min_tx / _MICROSECONDS)

    def deadline(self) -> float:
        """When to hand in `Timeout`; infinite when nothing is waited for."""
        return min(self._send_at, self._detect_at)

    def handle(self, event: Event, now: float) -> list[Command]:
        """What to do about `event`, in this order."""
        self._commands = []
        match event:
            case Received(control=control, at=at):
                self._receive(control, min(at, now), now)
            case Timeout(jitter=jitter):
                self._timeout(jitter, now)
            case Reconfigured(settings=settings):
                self._reconfigure(settings, now)
            case Stop():
                self._stop(now)
        return self._commands

    def _desired_tx(self) -> Seconds:
        settings = self._settings
        return settings.min_tx if self._state is _UP else max(settings.min_tx, settings.idle_tx)

    def _receive(self, control: Control, at: float, now: float) -> None:
        if self._state is _ADMIN_DOWN:
            return
        self._remote = control
        if control.final and self._polling:
            self._polling, self._rx_before = False, Seconds(0.0)
        target = NEXT.get((self._state, control.state), self._state)
        down = target is _DOWN
        if target is not self._state:
            diagnostic = Diagnostic.NEIGHBOUR_DOWN if down else Diagnostic.NONE
            self._enter(target, diagnostic, f"the neighbour says {control.state.name}", now)
        self._detect_at = at + self.detection_time if target in (_INIT, _UP) else NEVER
        if control.poll:
            self._send(now, final=True)
        self._schedule()

    def _enter(self, state: SessionState, diagnostic: Diagnostic, reason: str, now: float) -> None:
        previous, self._state, self._diagnostic = self._state, state, diagnostic
        # What we want to send and to receive changes with UP: the neighbour is asked to confirm it.
        self._polling = state is _UP
        self._commands.append(Changed(previous=previous, state=state, diagnostic=diagnostic, reason=reason))
        self._send(now)

    def _timeout(self, jitter: float, now: float) -> None:
        longest, less = JITTER_OF_ONE if self._settings.multiplier == 1 else JITTER
        self._share = longest - less * jitter
        if now >= self._detect_at:
            self._detect(now)
        if now >= self._send_at:
            self._send(now)
        self._schedule()

    def _detect(self, now: float) -> None:
        late = now - self._detect_at
        if late > LATE * self.detection_time:
            self.late_timers += 1
            self._detect_at = now + self.detection_time
            self._commands.append(TimerLate(late))
            return
        silence = self.detection_time
        self._detect_at = NEVER
        self._remote = None
        self._enter(_DOWN, Diagnostic.EXPIRED, f"no packet for {silence:.3f} s", now)

    def _reconfigure(self, settings: Settings, now: float) -> None:
        self._rx_before = max(self._rx_before, self._settings.min_rx)
        self._settings = settings
        self._polling = self._polling or self._state is _UP
        if not self._polling:
            self._rx_before = Seconds(0.0)
        if self._detect_at < NEVER:
            self._detect_at = max(self._detect_at, now + self.detection_time)
        self._send(now)
        self._schedule()

    def _stop(self, now: float) -> None:
        self._enter(_ADMIN_DOWN, Diagnostic.ADMIN_DOWN, "stopped", now)
        self._send_at = self._detect_at = NEVER

    def _send(self, now: float, *, final: bool = False) -> None:
        """Unless we are passive and nothing has been heard yet."""
        if self._settings.passive and self._remote is None and self._state is _DOWN:
            return
        settings, remote = self._settings, self._remote
        self._commands.append(
            Send(
                Control(
                    state=self._state,
                    diagnostic=self._diagnostic,
                    multiplier=settings.multiplier,
                    mine=settings.discriminator,
                    yours=0 if remote is None else remote.mine,
                    desired_min_tx=round(self._desired_tx() * _MICROSECONDS),
                    required_min_rx=round(settings.min_rx * _MICROSECONDS),
                    poll=self._polling and not final,
                    final=final,
                )
            )
        )
        if not final:
            self._sent_at = now

    def _schedule(self) -> None:
        """The next periodic packet, by what both sides want now; one that wants none may say so before our first."""
        interval = self.transmit_interval
        waits = self._state is _ADMIN_DOWN or (self._settings.passive and self._remote is None) or interval == NEVER
        self._send_at = NEVER if waits else self._sent_at + self._share * interval
