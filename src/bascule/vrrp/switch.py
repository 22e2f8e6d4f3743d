# SPDX-License-Identifier: Apache-2.0
"""To whom an active hands over in a planned switch: who answered, and which of them is chosen. Pure: answers and times
in, decisions out. The datagrams are handover.py's; what an instance does about a decision is machine.py's.

Instances of a sync group are one unit: they move together, to one peer that answered for each of them.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from bascule.model.base import IPAddress, Priority, Seconds
from bascule.vrrp.handover import Kind, Order, Standing

WINDOW = Seconds(0.02)
"""How long answers are waited for: a peer on the same segment needs a tenth of that."""

ARMING_WINDOWS = 5
"""So many times as long in all, if a peer's data plane is not ready: it may be looking through a large table."""

WINDOW_ORPHANED = Seconds(0.005)
"""The same when the supervisor is dead: who waits then does not know how long it will live itself."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Answer:
    """How a peer stands with one instance."""

    router: bytes
    address: IPAddress
    priority: Priority
    standing: Standing
    name: str
    ticket: bytes

    @property
    def rank(self) -> tuple[bool, bool, int, int]:
        """The greater the better: ready, not keeping back, by priority, by address as VRRP has it."""
        ready, free = Standing.READY in self.standing, Standing.HELD not in self.standing
        return (ready, free, self.priority, int(self.address))


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Decision:
    """What a unit does: `chosen` by instance; empty = priority 0; None = nothing, it stays active."""

    unit: tuple[str, ...]
    chosen: Mapping[str, Answer] | None
    why: str
    """In words, for who asked."""


class Switch:
    """One question to all peers, and what follows from their answers."""

    def __init__(
        self,
        units: Sequence[tuple[str, ...]],
        nonces: Mapping[str, bytes],
        now: float,
        *,
        to: str | None,
        urgent: bool,
        window: Seconds = WINDOW,
    ) -> None:
        """`nonces` are those of the questions, by instance. `to`: the peer's name or address. `urgent`: a director that
        ends gives up in any case. `window`: how long answers are waited for."""
        self._units = units
        self._nonces = nonces
        self._to = None if to is None else _meant(to)
        self._urgent = urgent
        self._answers: dict[str, dict[bytes, Answer]] = {name: {} for unit in units for name in unit}
        self._until = now + window
        self._at_most = now + window * (ARMING_WINDOWS if window >= WINDOW else 1)

    def deadline(self) -> float:
        """When to decide."""
        answers = (answer for of in self._answers.values() for answer in of.values())
        arming = any(Standing.ARMING in answer.standing for answer in answers)
        return max(self._until, self._at_most) if arming else self._until

    def heard(self, instance: str, order: Order, source: IPAddress, now: float) -> bool:
        """Take an answer in. False: it answers nothing that was asked here."""
        if order.kind is not Kind.HERE or order.echo != self._nonces.get(instance):
            return False
        answer = Answer(
            router=order.router,
            address=source,
            priority=order.priority,
            standing=order.standing,
            name=order.name,
            ticket=order.nonce,
        )
        self._answers[instance][order.router] = answer
        # An address is one peer's; a name may be another's as well, who has not answered yet.
        if isinstance(self._to, IPAddress) and all(self._ables(unit) for unit in self._units):
            self._until = now
        return True

    def decide(self) -> list[Decision]:
        """What each unit does."""
        return [self._decision(unit) for unit in self._units]

    def _decision(self, unit: tuple[str, ...]) -> Decision:
        if self._to is not None:
            return self._to_named(unit, self._to)
        found = self._able(unit)
        if not found:
            return Decision(unit=unit, chosen={}, why="gave up by priority 0: no other bascule answered")
        best = max(found, key=lambda answers: min(answer.rank for answer in answers.values()))
        if not self._urgent and not all(Standing.READY in answer.standing for answer in best.values()):
            why = f"nothing is changed: {_shown(best.values())} is not ready (name it with --to to switch all the same)"
            return Decision(unit=unit, chosen=None, why=why)
        return _to(unit, best)

    def _to_named(self, unit: tuple[str, ...], to: IPAddress | str) -> Decision:
        named = self._named()
        if len(named) > 1:
            several = ", ".join(sorted(_shown([answer]) for answer in named.values()))
            why = f"nothing is changed: {to} is the name of several: {several}; name one by its address"
            return Decision(unit=unit, chosen=None, why=why)
        able = self._ables(unit)
        return _to(unit, able[0]) if able else Decision(unit=unit, chosen=None, why=self._nobody(unit))

    def _ables(self, unit: tuple[str, ...]) -> list[dict[str, Answer]]:
        """Of those that can take a unit over: whoever was named, in an answer for whatever instance."""
        named = self._named()
        return [found for found in self._able(unit) if next(iter(found.values())).router in named]

    def _named(self) -> dict[bytes, Answer]:
        """The peers that were named, each with the answer that shows it."""
        every = (answer for answers in self._answers.values() for answer in answers.values())
        return {answer.router: answer for answer in every if self._to in (answer.name, answer.address)}

    def _able(self, unit: tuple[str, ...]) -> list[dict[str, Answer]]:
        """The peers that are backup of every member, each with its answers by instance."""
        routers = set.intersection(*(set(self._answers[name]) for name in unit))
        each = ({name: self._answers[name][router] for name in unit} for router in sorted(routers))
        return [answers for answers in each if all(Standing.BACKUP in a.standing for a in answers.values())]

    def _nobody(self, unit: tuple[str, ...]) -> str:
        there = {answer.router: answer for name in unit for answer in self._answers[name].values()}
        others = ", ".join(sorted(_described(answer) for answer in there.values())) or "nobody"
        return f"nothing is changed: {self._to} did not answer as a backup; answered: {others}"


def _meant(to: str) -> IPAddress | str:
    """An address, however it is written, or a name."""
    try:
        return ipaddress.ip_address(to.partition("%")[0])
    except ValueError:
        return to


def _to(unit: tuple[str, ...], answers: dict[str, Answer]) -> Decision:
    return Decision(unit=unit, chosen=answers, why=f"handed over to {_shown(answers.values())}")


def _shown(answers: Iterable[Answer]) -> str:
    first = next(iter(answers))
    return f"{first.name} ({first.address})" if first.name else str(first.address)


def _described(answer: Answer) -> str:
    state = "active" if Standing.ACTIVE in answer.standing else "backup"
    return f"{_shown([answer])}, {state if Standing.BACKUP in answer.standing or state == 'active' else 'not able'}"
