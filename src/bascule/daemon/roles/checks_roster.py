# SPDX-License-Identifier: Apache-2.0
"""The checks of a configuration with their judges, over reloads. No sockets, no timers of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping

from bascule.health.carry import carried
from bascule.health.judge import Announce, Judge
from bascule.model.base import Seconds
from bascule.model.configuration import Configuration, TcpCheck
from bascule.model.messages import CheckTarget, Verdict
from bascule.model.service import ServerId, ServiceId
from bascule.model.status import CheckStatus


class Entry:
    """One check: what it speaks of, its judge, and the last verdict that was sent."""

    __slots__ = ("gone", "judge", "target")

    def __init__(self, target: CheckTarget, judge: Judge) -> None:
        """An entry for a judge."""
        self.target = target
        self.judge = judge
        self.gone = False
        """Left the configuration at a reload."""

    def verdict(self, announce: Announce | None = None) -> Verdict | None:
        """The verdict in force as a message; None = there is none yet."""
        view = self.judge.snapshot()
        if announce is not None:
            return Verdict(
                target=self.target, up=announce.up, why=announce.why, at=announce.at, attempts=announce.attempts
            )
        if view.up is None or view.at is None:
            return None
        return Verdict(target=self.target, up=view.up, why=view.why, at=view.at, attempts=view.attempts)

    def status(self) -> CheckStatus:
        """For `bascule status`."""
        view = self.judge.snapshot()
        return CheckStatus(
            target=self.target,
            kind="TCP_CHECK",
            up=view.up,
            why=view.why,
            at=view.at,
            attempts=view.attempts,
            suspended=view.suspended,
        )


def warm_up(check: TcpCheck, chance: Callable[[], float] = random.random) -> Seconds:
    """How long the first attempt waits: anywhere within the check's warm-up, which is delay_loop unless set."""
    span = check.delay_loop if check.warmup is None else check.warmup
    return Seconds(span * chance())


class Roster:
    """All entries, by what they speak of."""

    def __init__(self, *, patient: bool, chance: Callable[[], float] = random.random) -> None:
        """No entries; `patient` as for the judges that the first configuration makes."""
        self._patient = patient
        self._chance = chance
        self._servers: dict[tuple[ServiceId, ServerId], list[Entry]] = {}

    def __iter__(self) -> Iterator[Entry]:
        """All entries, in the configuration's order."""
        for entries in self._servers.values():
            yield from entries

    def configure(self, configuration: Configuration, now: float) -> tuple[Entry, ...]:
        """Follow a configuration: what is the same check goes on as it was. Returns the entries that are no more."""
        before = self._servers
        self._servers = {}
        for service in configuration.virtual_servers:
            for server in service.real_servers:
                name = (service.id, server.id)
                self._servers[name] = self._server(name, server.checks, before.get(name, []), now)
        self._patient = False
        kept = {id(entry) for entry in self}
        gone = tuple(entry for entries in before.values() for entry in entries if id(entry) not in kept)
        for entry in gone:
            entry.gone = True
        return gone

    def of_services(self, services: Collection[ServiceId]) -> Mapping[bool, list[Entry]]:
        """The entries inside (True) and outside (False) of these services."""
        split: dict[bool, list[Entry]] = {True: [], False: []}
        for (service, _), entries in self._servers.items():
            split[service in services].extend(entries)
        return split

    def _server(
        self, name: tuple[ServiceId, ServerId], checks: tuple[TcpCheck, ...], before: list[Entry], now: float
    ) -> list[Entry]:
        entries = []
        for index, (check, origin) in enumerate(
            zip(checks, carried([entry.judge.check for entry in before], checks), strict=True)
        ):
            target = CheckTarget(service=name[0], server=name[1], check=index)
            if origin is None:
                judge = Judge(check, first_at=now + warm_up(check, self._chance), patient=self._patient)
                entries.append(Entry(target, judge))
                continue
            entry = before[origin]
            entry.target = target
            if entry.judge.check != check:
                entry.judge.reconfigure(check, now)
            entries.append(entry)
        return entries
