# SPDX-License-Identifier: Apache-2.0
"""What a lab writes down, and the report of a demonstration: `bascule lab demo --json` prints `DemoReport`.

Times are seconds since the demonstration's start unless they say otherwise.
"""

from __future__ import annotations

from bascule.model.base import IPAddress, Model


class Request(Model, frozen=True, kw_only=True):
    """One request through the VIP: a connection of its own, never repeated."""

    client: IPAddress
    begin: float
    end: float
    server: str | None
    """The name that the answer gave; None = no answer."""
    error: str | None = None
    """Why there was none: `refused`, `reset`, `no answer within 0.9 s` ..."""


class Window(Model, frozen=True, kw_only=True):
    """A span in which requests may get lost, and why it is that long."""

    name: str
    why: str
    """The computation, in words."""
    begin: float
    end: float
    lost: int = 0
    """Requests lost in it (counted in the first window that they touch)."""


class Failover(Model, frozen=True, kw_only=True):
    """A change of the active director, as the wire showed it."""

    name: str
    taken_by: str
    last_advert: float | None
    """The last advert of the one before, seen before the fault."""
    announced: float | None
    """The first gratuitous ARP of the one after."""
    allowed: float
    """Seconds from the one to the other: the protocol's figure, 50 ms, and what the machine itself was late by."""
    machine_late: float = 0.0
    """How late a realtime process that only had to wake up was at that moment: part of `allowed`."""
    lateness: float | None = None
    """The worst lateness of a timer that the taker itself measured since its start: a machine that stands still."""

    @property
    def took(self) -> float | None:
        """Seconds from the last advert to the announcement; None = it did not happen."""
        if self.last_advert is None or self.announced is None:
            return None
        return self.announced - self.last_advert


class Mail(Model, frozen=True, kw_only=True):
    """A mail that a director's relay took."""

    director: str
    at: float
    sender: str
    to: tuple[str, ...]
    subject: str
    body: str


class Passing(Model, frozen=True, kw_only=True):
    """What a director's cable carried of the service's traffic, as frames."""

    director: str
    requests: int = 0
    """From the director towards a real server: forwarded."""
    answers: int = 0
    """From the VIP's port towards a client, either way: in direct routing there is none."""
    refusals: int = 0
    """Resets that the director's own stack sent from the VIP's port: connections that it does not know."""
    unseen: int = 0
    """Frames that the capture itself lost: with any, the two others prove nothing."""


class DemoReport(Model, frozen=True, kw_only=True):
    """A whole demonstration."""

    version: str
    files: tuple[str, ...]
    started: float
    """Unix time."""
    seconds: float
    topology: dict[str, tuple[str, ...]]
    """Host: its addresses."""
    faults: tuple[str, ...]
    """Injected on purpose with --fault."""
    sent: int
    answered: dict[str, int]
    """Requests answered, by the server's name."""
    lost: tuple[Request, ...]
    windows: tuple[Window, ...]
    failovers: tuple[Failover, ...]
    passing: tuple[Passing, ...]
    mails: tuple[Mail, ...]
    tables: dict[str, str]
    """What `bascule ipvsadm -Ln` printed, by moment."""
    connections_carried_over: str
    """Whether open connections survive a failover."""
    deviations: tuple[str, ...]
    """What was not as it must be; empty = passed."""
    evidence: dict[str, str]
    """With deviations: the directors' logs, tables and addresses at the end."""
    passed: bool
