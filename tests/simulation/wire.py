# SPDX-License-Identifier: Apache-2.0
"""One segment: bytes go from router to router, or get lost, late, doubled, overtaken, or only one way.

Also who announced the virtual addresses last, at the side of each router: that is where its neighbours send.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from bascule.model.base import IPAddress
from tests.simulation.codec import Message
from tests.simulation.plan import Kind

if TYPE_CHECKING:
    from tests.simulation.router import Router
    from tests.simulation.world import World

TRANSIT = 0.0002
"""Seconds from one router's kernel to another's in good weather."""

LATE = 0.02
"""Seconds after which a packet counts as kept back by the network."""

_OVERTAKEN = 0.4
"""The share of packets that is kept back while packets overtake each other."""

NEVER = float("-inf")


class Wire:
    """The segment of `size` routers."""

    def __init__(self, world: World, size: int, chance: random.Random) -> None:
        """Good weather."""
        self._world = world
        self._chance = chance
        self._unicast = world.schedule.unicast
        self.blocked = [[0] * size for _ in range(size)]
        """How many partitions are between a sender and a receiver."""
        self.kinds: dict[tuple[int, int], list[Kind]] = {}
        self.bad_at = [[NEVER] * size for _ in range(size)]
        """When the last packet of a sender that was meant for a receiver got lost or came late."""
        self.slept = [[NEVER] * size for _ in range(size)]
        """When the last packet of a sender came to a machine that was suspended."""
        self._numbers = [[0] * size for _ in range(size)]
        self._sent = 0
        self.weather: dict[Kind, list[float]] = {
            Kind.LOSS: [], Kind.DELAY: [], Kind.DUPLICATION: [], Kind.REORDERING: [],
        }  # fmt: skip
        self.rough = False
        self.witness_dead = 0
        """How many times over."""
        self.witness_cut = [0] * size
        """The same, by router, of the way to the witness."""
        self._reached = [True] * size
        self.witness_lost = [NEVER] * size
        self.witness_back = [NEVER] * size
        """When the witness was last lost to a router, and when it was last within its reach again."""
        self.announced: list[dict[IPAddress, int]] = [{} for _ in range(size)]
        """Who announced an address last, by the router at whose side one looks."""
        self.last: list[int | None] = [None] * size
        """The same of whatever address."""
        self.unannounced = [[NEVER] * size for _ in range(size)]
        """When the last announcement of a router did not get to the side of another."""

    def open(self, sender: int, receiver: int) -> bool:
        """Whether packets get from one router to another now."""
        routers = self._world.routers
        return not self.blocked[sender][receiver] and routers[sender].link and routers[receiver].link

    def block(self, pairs: Iterable[tuple[int, int]], kind: Kind, change: int) -> None:
        """Begin (`change` 1) or end (-1) a partition."""
        for sender, receiver in pairs:
            self.blocked[sender][receiver] += change
            kinds = self.kinds.setdefault((sender, receiver), [])
            kinds.append(kind) if change > 0 else kinds.remove(kind)

    def set_weather(self, kind: Kind, amount: float, change: int) -> None:
        """Begin or end a kind of bad weather."""
        amounts = self.weather[kind]
        amounts.append(amount) if change > 0 else amounts.remove(amount)
        self.rough = any(self.weather.values())

    def announce(self, sender: Router, addresses: Iterable[IPAddress]) -> None:
        """A gratuitous ARP for each address. What single packets of it get lost is nobody's fault."""
        for side, known in enumerate(self.announced):
            if not sender.link or self.blocked[sender.number][side]:
                self.unannounced[sender.number][side] = self._world.now
            else:
                self.last[side] = sender.number
                for address in addresses:
                    known[address] = sender.number

    def send(self, sender: Router, message: Message) -> None:
        """An advert to all others: one multicast, or a packet for each peer."""
        now, number = self._world.now, sender.number
        blocked, routers = self.blocked[number], self._world.routers
        for receiver in range(len(routers)):
            if receiver == number:
                continue
            if blocked[receiver] or not sender.link or not routers[receiver].link:
                self._lose(number, receiver, "")
                for kind in set(self.kinds.get((number, receiver), ())):
                    self._world.tally.faults[kind] += 1
                continue
            if self._unicast:
                message = sender.message(message.advert.priority, receiver)
            if self.rough:
                self._send_roughly(number, receiver, message)
            else:
                self._push(now + TRANSIT, number, receiver, message)

    def tell(self, sender: Router, receiver: Router, what: Callable[..., None], *arguments: object) -> None:
        """A message to one router alone: a datagram of a planned switch."""
        lost = self.rough and self._chance.random() < max(self.weather[Kind.LOSS], default=0.0)
        if lost:
            self.bad_at[sender.number][receiver.number] = self._world.now
        elif self.open(sender.number, receiver.number):
            delay = TRANSIT + self._chance.random() * max(self.weather[Kind.DELAY], default=0.0)
            self._world.at(self._world.now + delay, what, *arguments)

    def witnessed(self, router: Router) -> bool:
        """Whether the witness would hear a router, and the router it."""
        return router.link and not self.witness_dead and not self.witness_cut[router.number]

    def reach(self) -> None:
        """Something has changed on the way to the witness."""
        for number, router in enumerate(self._world.routers):
            reached = self.witnessed(router)
            if reached is not self._reached[number]:
                self._reached[number] = reached
                (self.witness_back if reached else self.witness_lost)[number] = self._world.now

    def ask_witness(self, router: Router) -> None:
        """A question; who is asked answers at once."""
        lost = self.rough and self._chance.random() < max(self.weather[Kind.LOSS], default=0.0)
        if lost or not self.witnessed(router):
            self._world.oracle.unwitnessed(router)
            return
        delay = 2 * TRANSIT + self._chance.random() * max(self.weather[Kind.DELAY], default=0.0)
        if delay > LATE:
            self._world.oracle.unwitnessed(router, delay)
        self._world.at(self._world.now + delay, self._answer, router, router.life, router.now)

    def _answer(self, router: Router, life: int, asked_at: float) -> None:
        if router.life == life:
            router.answer(asked_at, heard=self.witnessed(router))

    def _lose(self, sender: int, receiver: int, why: str) -> None:
        self.bad_at[sender][receiver] = self._world.now
        if self._world.record is not None:
            self._world.record.message(self._world.now, sender, receiver, why or "blocked", arrived=False)

    def _send_roughly(self, sender: int, receiver: int, message: Message) -> None:
        chance, faults = self._chance, self._world.tally.faults
        if chance.random() < max(self.weather[Kind.LOSS], default=0.0):
            faults[Kind.LOSS] += 1
            self._lose(sender, receiver, "lost")
            return
        delay = TRANSIT
        if self.weather[Kind.DELAY]:
            faults[Kind.DELAY] += 1
            delay += chance.random() * max(self.weather[Kind.DELAY])
        if self.weather[Kind.REORDERING] and chance.random() < _OVERTAKEN:
            delay += chance.random() * max(self.weather[Kind.REORDERING])
        if delay > LATE:
            self.bad_at[sender][receiver] = max(self.bad_at[sender][receiver], self._world.now + delay)
        self._push(self._world.now + delay, sender, receiver, message)
        if chance.random() < max(self.weather[Kind.DUPLICATION], default=0.0):
            faults[Kind.DUPLICATION] += 1
            self._push(self._world.now + delay + chance.random() * LATE / 2, sender, receiver, message)

    def _push(self, at: float, sender: int, receiver: int, message: Message) -> None:
        self._sent += 1
        self._world.at(at, self._arrive, sender, receiver, message, self._sent)

    def _arrive(self, sender: int, receiver: int, message: Message, number: int) -> None:
        numbers = self._numbers[sender]
        if number < numbers[receiver]:
            self._world.tally.faults[Kind.REORDERING] += 1
        else:
            numbers[receiver] = number
        self._world.routers[receiver].arrive(sender, message)
