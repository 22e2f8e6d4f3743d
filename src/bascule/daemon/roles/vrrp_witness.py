# SPDX-License-Identifier: Apache-2.0
"""The witnesses at work: hosts that are asked by ICMP echo, and when which question was answered.

What an answer is good for is the machine's (vrrp/machine_witnessed.py). There is one set of witnesses for all instances
of this director: a question that one of them wants answered is put for all. Now and then they are asked although nobody
wants it, so that a witness that is not there is known before it is needed.
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable, Collection

from bascule.daemon.log import Log
from bascule.errors import KernelRefusedError
from bascule.linux.echo import EchoSocket
from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import BasculeOptions, WitnessRule
from bascule.model.status import WitnessStatus

EACH = 10.0
"""Seconds between two questions that nobody wants answered."""

PAUSE = 0.01
"""Seconds after a question in which no further one is put: hundreds of instances want the same answer."""

LOST_AFTER = 3
"""Questions of `EACH` in a row without an answer until that is said."""

REMEMBERED = 256
"""Questions to a witness that may still be answered."""

_TOKEN = 8


@dataclasses.dataclass(slots=True)
class _Witness:
    """One of them."""

    address: IPAddress
    asked: int = 0
    answered: int = 0
    open: dict[bytes, float] = dataclasses.field(default_factory=dict)
    """Questions by what only an answer to them holds: when they were put."""
    asked_at: float = -math.inf
    """When the latest question that was answered was put."""
    last: float | None = None
    """Unix time of the last answer."""
    round_trip: Seconds | None = None
    unanswered: int = 0
    """Questions of `EACH` in a row."""
    trouble: str | None = None
    """Why a question could not be put."""


class Witnesses:
    """All of this director."""

    def __init__(self, log: Log, is_local: Callable[[IPAddress], bool]) -> None:
        """None. `is_local`: whether this host has an address itself, whose answers mean nothing."""
        self._log = log
        self._is_local = is_local
        self._rule = WitnessRule.ANY
        self._witnesses: dict[IPAddress, _Witness] = {}
        self._sockets: dict[int, EchoSocket] = {}
        self._wanting: set[str] = set()
        self._sequence = 0
        self._asked_at = -math.inf
        self._ask_at = math.inf
        self._known = -math.inf
        """When the question was put that counts as answered by as many as have to."""

    def configure(self, options: BasculeOptions, now: float) -> None:
        """Have these witnesses; those that stay are not forgotten."""
        self._rule = options.witness_answers
        known = self._witnesses
        self._witnesses = {address: known.get(address) or _Witness(address) for address in options.witnesses}
        self._known = -math.inf
        for family in set(self._sockets) - {address.version for address in self._witnesses}:
            self._sockets.pop(family).close()
        if not self._witnesses:
            self._ask_at = math.inf
        elif self._ask_at == math.inf:
            self._ask_at = now

    @property
    def words(self) -> str:
        """Whom to look at when nobody answers."""
        several = len(self._witnesses) > 1
        which = f"{self._rule.value} of {', '.join(map(str, self._witnesses))}" if several else ""
        return which or ", ".join(map(str, self._witnesses))

    def descriptors(self) -> tuple[int, ...]:
        """What `receive` wants to hear of."""
        return tuple(opened.fileno() for opened in self._sockets.values())

    def deadline(self) -> float:
        """When `timers` is to be called next."""
        return self._ask_at

    def timers(self, now: float) -> None:
        """Ask, now and then, although nobody wants it."""
        if now < self._ask_at:
            return
        self._ask_at = now + EACH
        for witness in self._witnesses.values():
            witness.unanswered += 1
            if witness.unanswered == LOST_AFTER + 1:
                why = self._why(witness) or "no answer"
                self._log.warning("witness_silent", witness=witness.address, why=why, asked=witness.asked)
        self._put(now)

    def ask(self, instance: str, now: float) -> float | None:
        """An instance wants an answer; when the question was put, if it has just been answered for another one."""
        if now - self._asked_at < PAUSE and self._known >= self._asked_at:
            return self._known
        self._wanting.add(instance)
        if now - self._asked_at >= PAUSE:
            self._put(now)
        return None

    def _put(self, now: float) -> None:
        self._asked_at = now
        self._sequence += 1
        for witness in self._witnesses.values():
            witness.trouble = None
            if self._is_local(witness.address):
                continue
            token = os.urandom(_TOKEN)
            try:
                self._socket(witness.address.version).ask(witness.address, self._sequence, token)
            except KernelRefusedError as error:
                witness.trouble = str(error)
            else:
                witness.open[token] = now
            witness.asked += 1
            while len(witness.open) > REMEMBERED:
                del witness.open[next(iter(witness.open))]

    def _socket(self, family: int) -> EchoSocket:
        if family not in self._sockets:
            self._sockets[family] = EchoSocket(family)
        return self._sockets[family]

    def receive(self, ready: Collection[object], now: float) -> tuple[float, tuple[str, ...]]:
        """Take in what came: when the question was put that is answered now, and the instances that want to know."""
        for opened in [opened for opened in self._sockets.values() if opened.fileno() in ready]:
            try:
                for address, echo in opened.receive():
                    self._answered(address, echo.payload, now)
            except KernelRefusedError as error:
                self._log.warning("witness_not_heard", error=error)
        pick = max if self._rule is WitnessRule.ANY else min
        known = pick((witness.asked_at for witness in self._witnesses.values()), default=-math.inf)
        if known <= self._known:
            return self._known, ()
        self._known = known
        wanting, self._wanting = tuple(self._wanting), set()
        return known, wanting

    def _answered(self, address: IPAddress, token: bytes, now: float) -> None:
        witness = self._witnesses.get(address)
        asked_at = None if witness is None else witness.open.pop(token, None)
        if witness is None or asked_at is None:
            return
        witness.asked_at = max(witness.asked_at, asked_at)
        witness.answered += 1
        witness.last, witness.round_trip = time.time(), Seconds(now - asked_at)
        if witness.unanswered > LOST_AFTER:
            self._log.notice("witness_answers", witness=address)
        witness.unanswered = 0
        for old in [token for token, put in witness.open.items() if put < asked_at]:
            del witness.open[old]

    def _why(self, witness: _Witness) -> str | None:
        if self._is_local(witness.address):
            return "it is this host's own address, whose answer says nothing: it is not asked"
        return witness.trouble

    def status(self) -> tuple[WitnessStatus, ...]:
        """How each is."""
        return tuple(
            WitnessStatus(
                address=witness.address,
                answers=witness.last is not None and witness.unanswered <= LOST_AFTER,
                asked=witness.asked,
                answered=witness.answered,
                last=witness.last,
                round_trip=witness.round_trip,
                trouble=self._why(witness),
            )
            for witness in self._witnesses.values()
        )

    def close(self) -> None:
        """Ask nobody any more."""
        for opened in self._sockets.values():
            opened.close()
        self._sockets.clear()
        self._ask_at = math.inf
