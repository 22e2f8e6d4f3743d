# SPDX-License-Identifier: Apache-2.0
"""From verdicts and the configuration to the table that a data plane should hold, and what is worth telling people.

Pure and level-triggered: `desired()` is computed from the state alone, whatever way led there. The rules are
keepalived 2.2.7's as measured (keepalived.conf(5), `alpha`, `quorum`, `hysteresis`, `sorry_server`,
`inhibit_on_failure`), and so are the texts of the events, which become the lines of mails.

A real server is up while all its checks are; a check counts as up until its first verdict, or as down with `alpha`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator
from typing import TypeAlias

from bascule.health.carry import carried
from bascule.model.base import IPAddress, Model, Weight
from bascule.model.configuration import Configuration, RealServerConfig, TcpCheck, VirtualServerConfig
from bascule.model.messages import CheckTarget, QuorumChanged, ServerChanged, Verdict
from bascule.model.service import RealServer, ServerId, ServiceId, VirtualService

PoolEvent: TypeAlias = ServerChanged | QuorumChanged

CHECK_NAMES: dict[type[TcpCheck], str] = {TcpCheck: "TCP CHECK"}
"""How keepalived's mails name each kind of check."""

SORRY_WEIGHT = Weight(1)


class PoolState(Model, frozen=True, kw_only=True):
    """What a pool must remember over a restart so that nothing is put back unproven and no mail is sent twice."""

    down: tuple[CheckTarget, ...] = ()
    """The checks whose last verdict, or whose `alpha`, said down."""
    proven: tuple[CheckTarget, ...] = ()
    """The checks with `alpha` that have passed since."""
    quorum_lost: tuple[ServiceId, ...] = ()


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Readiness:
    """Whether every check has had one completed attempt; `reason` says what is waited for."""

    ready: bool
    reason: str


@dataclasses.dataclass(slots=True, kw_only=True)
class _Check:
    """One check as the pool sees it."""

    config: TcpCheck
    alpha: bool
    up: bool
    heard: bool = False

    @classmethod
    def fresh(cls, config: TcpCheck, service: VirtualServerConfig) -> _Check:
        alpha = config.alpha or service.alpha
        return cls(config=config, alpha=alpha, up=not alpha)


@dataclasses.dataclass(slots=True, kw_only=True)
class _Server:
    """A real server and its checks."""

    config: RealServerConfig
    checks: list[_Check]

    @property
    def up(self) -> bool:
        return all(check.up for check in self.checks)


@dataclasses.dataclass(slots=True, kw_only=True)
class _Service:
    """A virtual service, its servers, and whether it has its quorum."""

    config: VirtualServerConfig
    servers: dict[ServerId, _Server]
    quorate: bool = False

    @property
    def weight(self) -> int:
        return sum(server.config.weight for server in self.servers.values() if server.up)

    @property
    def limits(self) -> tuple[int, int]:
        """Quorum and hysteresis in effect: keepalived lowers a quorum that the total weight cannot reach."""
        total = sum(server.config.weight for server in self.servers.values())
        quorum = max(1, min(self.config.quorum, total))
        return quorum, max(0, min(self.config.hysteresis, quorum - 1))


class Pool:
    """All services of a configuration. Times are Unix seconds: they only travel through, into the events."""

    def __init__(self, configuration: Configuration, *, state: PoolState | None = None) -> None:
        """A fresh start, or with `state` one that goes on from where an earlier pool was."""
        self._services: dict[ServiceId, _Service] = {}
        self.revision = 0
        """Counts the changes of what `desired()` and `state()` return; compare it instead of them."""
        self._build(configuration)
        if state is None:
            self._settle()
        else:
            self._restore(state)

    def start(self, at: float) -> tuple[PoolEvent, ...]:
        """What a fresh start has to tell; keepalived mails the services that start with their quorum."""
        return tuple(
            _quorum_event(service, "Starting with quorum up", at)
            for service in self._services.values()
            if service.quorate
        )

    def handle(self, verdict: Verdict) -> tuple[PoolEvent, ...]:
        """Take a verdict in; what changed. A verdict on something that is not configured (any more) changes nothing."""
        target = verdict.target
        service = self._services.get(target.service)
        server = service.servers.get(target.server) if service else None
        if service is None or server is None or target.check >= len(server.checks):
            return ()
        check = server.checks[target.check]
        was_up = server.up
        self.revision += check.up is not verdict.up
        check.up, check.heard = verdict.up, True
        events: list[PoolEvent] = []
        if server.up is not was_up:
            events.append(_server_event(service, server, check, verdict.at))
        events.extend(_judge_quorum(service, verdict.at))
        return tuple(events)

    def configure(self, configuration: Configuration, at: float) -> tuple[PoolEvent, ...]:
        """A reload: what is the same check keeps its verdict. Returns the changes of quorum that it brought."""
        before = self._services
        self.revision += 1
        self._services = {}
        self._build(configuration)
        events: list[PoolEvent] = []
        for name, service in self._services.items():
            earlier = before.get(name)
            if earlier is None:
                service.quorate = _reaches(service)
                if service.quorate:
                    events.append(_quorum_event(service, "Starting with quorum up", at))
                continue
            service.quorate = earlier.quorate
            for server_id, server in service.servers.items():
                _inherit(server, earlier.servers.get(server_id))
            events.extend(_judge_quorum(service, at))
        return tuple(events)

    def desired(self) -> tuple[VirtualService, ...]:
        """The table that a data plane should hold now, in the configuration's order."""
        return tuple(
            VirtualService(
                id=service.config.id,
                scheduler=service.config.scheduler,
                persistence=service.config.persistence_timeout,
                servers=tuple(_entries(service)),
            )
            for service in self._services.values()
        )

    def readiness(self, suspended: Collection[ServiceId] = ()) -> Readiness:
        """Whether every check has had one completed attempt; those of `suspended` services do not count."""
        waiting = [target for target, check in self._checks() if not check.heard and target.service not in suspended]
        if not waiting:
            return Readiness(ready=True, reason="every check has had one completed attempt")
        first = waiting[0]
        more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        name = f"{first.server.text(first.service.protocol)} of {first.service}"
        return Readiness(ready=False, reason=f"no completed check yet of {name}{more}")

    def state(self) -> PoolState:
        """What to keep for a successor."""
        return PoolState(
            down=tuple(target for target, check in self._checks() if not check.up),
            proven=tuple(target for target, check in self._checks() if check.up and check.alpha),
            quorum_lost=tuple(name for name, service in self._services.items() if not service.quorate),
        )

    def _build(self, configuration: Configuration) -> None:
        for config in configuration.virtual_servers:
            servers = {
                server.id: _Server(
                    config=server,
                    checks=[_Check.fresh(check, config) for check in server.checks],
                )
                for server in config.real_servers
            }
            self._services[config.id] = _Service(config=config, servers=servers)

    def _settle(self) -> None:
        for service in self._services.values():
            service.quorate = _reaches(service)

    def _restore(self, state: PoolState) -> None:
        down, proven, lost = frozenset(state.down), frozenset(state.proven), frozenset(state.quorum_lost)
        for target, check in self._checks():
            check.up = target in proven or not (check.alpha or target in down)
        for name, service in self._services.items():
            service.quorate = name not in lost and not _falls_short(service)

    def _checks(self) -> Iterator[tuple[CheckTarget, _Check]]:
        for service_id, service in self._services.items():
            for server_id, server in service.servers.items():
                for index, check in enumerate(server.checks):
                    yield CheckTarget(service=service_id, server=server_id, check=index), check


def suspended_services(configuration: Configuration, present: Collection[IPAddress]) -> tuple[ServiceId, ...]:
    """The services whose checks pause: `ha_suspend` is set and their address is not among those `present` here."""
    return tuple(
        service.id
        for service in configuration.virtual_servers
        if service.ha_suspend and service.id.address not in present
    )


def _inherit(server: _Server, earlier: _Server | None) -> None:
    """Take over the verdicts of the same server before a reload; a changed check keeps what its place had."""
    if earlier is None:
        return
    origins = carried([check.config for check in earlier.checks], [check.config for check in server.checks])
    for check, origin in zip(server.checks, origins, strict=True):
        if origin is not None:
            check.up, check.heard = earlier.checks[origin].up, earlier.checks[origin].heard


def _reaches(service: _Service) -> bool:
    quorum, hysteresis = service.limits
    return service.weight >= quorum + hysteresis


def _falls_short(service: _Service) -> bool:
    quorum, hysteresis = service.limits
    return not service.weight or service.weight < quorum - hysteresis


def _judge_quorum(service: _Service, at: float) -> Iterable[PoolEvent]:
    """Gained at quorum + hysteresis, lost below quorum - hysteresis or with no weight left at all."""
    if not service.quorate and _reaches(service):
        service.quorate = True
        return (_quorum_event(service, "Gained quorum", at),)
    if service.quorate and _falls_short(service):
        service.quorate = False
        return (_quorum_event(service, "Lost quorum", at),)
    return ()


def _quorum_event(service: _Service, what: str, at: float) -> QuorumChanged:
    """keepalived's mail keeps the form `q+h=threshold <= weight` for a loss too, where q-h is meant; so do we."""
    quorum, hysteresis = service.limits
    threshold = quorum + hysteresis if service.quorate else quorum - hysteresis
    why = f"{what} {quorum}+{hysteresis}={threshold} <= {service.weight}"
    return QuorumChanged(service=service.config.id, up=service.quorate, why=why, at=at)


def _server_event(service: _Service, server: _Server, check: _Check, at: float) -> ServerChanged:
    result = "succeed" if server.up else "failed"
    return ServerChanged(
        service=service.config.id,
        server=server.config.id,
        up=server.up,
        why=f"{CHECK_NAMES[type(check.config)]} {result} on service",
        at=at,
    )


def _entries(service: _Service) -> Iterator[RealServer]:
    """The servers of one service: without its quorum a sorry server stands in for all of them."""
    sorry = service.config.sorry_server if not service.quorate else None
    for name, server in service.servers.items():
        in_use = server.up and sorry is None
        if name != sorry and (in_use or server.config.inhibit_on_failure):
            yield _entry(server.config, server.config.weight if in_use else Weight(0))
    if sorry is not None:
        yield RealServer(
            address=sorry.address, port=sorry.port, weight=SORRY_WEIGHT, forwarding=service.config.forwarding
        )


def _entry(config: RealServerConfig, weight: Weight) -> RealServer:
    return RealServer(
        address=config.address,
        port=config.port,
        weight=weight,
        forwarding=config.forwarding,
        upper_threshold=config.upper_threshold,
        lower_threshold=config.lower_threshold,
    )
