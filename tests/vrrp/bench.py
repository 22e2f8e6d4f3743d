# SPDX-License-Identifier: Apache-2.0
"""A machine on the bench: told what happens, called at every deadline, its commands written down with their times."""

from __future__ import annotations

import dataclasses
import ipaddress

from bascule.model.base import IPAddress, Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import (
    LINK_DOWN,
    AdvertReceived,
    Command,
    ReadyChanged,
    SendAdvert,
    Settings,
    Start,
    StateChanged,
    Timeout,
)
from bascule.vrrp.machine import Machine

HERE = ipaddress.IPv4Address("192.168.2.210")
PEER = ipaddress.IPv4Address("192.168.2.211")
BELOW = ipaddress.IPv4Address("192.168.2.209")
SETTINGS = Settings(priority=Priority(100), interval=Seconds(1.0), address=HERE)
SKEW = 156 / 256
DOWN = 3 + SKEW


class Bench:
    """A machine and the time: `wait` calls it at every deadline on the way, in time."""

    def __init__(self, machine: Machine, *, ready: bool = True, link: bool = True, adopt: bool = False) -> None:
        self.machine = machine
        self.now = 1000.0
        self.did: list[tuple[float, Command]] = []
        if ready:
            self.tell(ReadyChanged(True))
        self.tell(Start(faults=() if link else (LINK_DOWN,), adopt=adopt))

    def tell(self, event: object) -> list[Command]:
        commands = self.machine.handle(event, self.now)  # type: ignore[arg-type]
        self.did += [(self.now, command) for command in commands]
        return commands

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.machine.deadline() <= end:
            self.now = max(self.machine.deadline(), self.now)
            self.tell(Timeout())
        self.now = end

    def sleep(self, seconds: float) -> None:
        """The process does not run."""
        self.now += seconds

    def hear(self, priority: int, source: IPAddress = PEER, age: float = 0.0) -> list[Command]:
        return self.tell(
            AdvertReceived(
                source=source, priority=Priority(priority), interval=Seconds(1.0), received_at=self.now - age
            )
        )

    def hear_every_second(self, times: int, priority: int, source: IPAddress = PEER) -> None:
        for _ in range(times):
            self.wait(1.0)
            self.hear(priority, source)

    def is_in(self, state: VrrpState) -> bool:
        return self.machine.state is state

    def entered(self, state: VrrpState) -> float:
        """When it last entered a state, since the bench began."""
        return next(at - 1000 for at, c in reversed(self.did) if isinstance(c, StateChanged) and c.state is state)

    def sent(self) -> list[float]:
        return [at - 1000 for at, command in self.did if isinstance(command, SendAdvert)]


def bench(machine: type[Machine] = Machine, **changes: object) -> Bench:
    return Bench(machine(dataclasses.replace(SETTINGS, **changes)))  # type: ignore[arg-type]


def active(machine: type[Machine] = Machine, **changes: object) -> Bench:
    made = bench(machine, **changes)
    made.wait(DOWN)
    assert made.is_in(VrrpState.MASTER)
    return made
