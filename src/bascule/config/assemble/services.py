# SPDX-License-Identifier: Apache-2.0
"""`virtual_server` blocks into the model. A service that cannot run yet is an error that names it, and is left out."""

from __future__ import annotations

from typing import Any

from bascule.config.assemble.scripts import up_down
from bascule.config.assemble.servers import Inherited, real_servers
from bascule.config.diagnostics import Fate, Findings
from bascule.config.families import sorry_server_fits
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import RealServerConfig, VirtualServerConfig
from bascule.model.diagnostic import Severity
from bascule.model.service import ForwardingMethod, Protocol, Scheduler, ServerId, ServiceId

PERSISTENCE_DEFAULT = 360
"""Seconds, for `persistence_timeout` without a number."""

SCHEDULERS = frozenset({Scheduler.RR, Scheduler.WRR, Scheduler.LC, Scheduler.WLC})
"""Those that a data plane has."""


def services(top: Section, defaults: Section, findings: Findings) -> tuple[VirtualServerConfig, ...]:
    """Every service that can run. `defaults`: the values of `global_defs`."""
    found: dict[ServiceId, VirtualServerConfig] = {}
    for section in top.each("virtual_server"):
        service = _Service(section, defaults, findings).build()
        if service is None:
            findings.fates[id(section.statement)] = Fate.LEFT_OUT
            continue
        if service.id in found:
            assert section.statement is not None
            findings.fates[id(section.statement)] = Fate.SKIPPED
            message = f"virtual_server {service.id} is defined already: this one is skipped"
            findings.add("meaning/duplicate-service", section.statement, 1, message)
            continue
        found[service.id] = service
    return tuple(found.values())


class _Service:
    """One block on its way into the model."""

    def __init__(self, section: Section, defaults: Section, findings: Findings) -> None:
        assert section.statement is not None
        self.section = section
        self.statement: Statement = section.statement
        self.defaults = defaults
        self.findings = findings
        self.name = " ".join(self.statement.words[1:3])

    def build(self) -> VirtualServerConfig | None:
        how, address, port = self.section.title
        if how != "address":
            self._left_out(None, f"services by {how} are not there yet")
            return None
        protocol = self._protocol()
        scheduler = self._scheduler()
        forwarding: ForwardingMethod = self.section.get("lb_kind", ForwardingMethod.NAT)
        service_id = ServiceId(protocol=protocol, address=address, port=port)
        inherited = Inherited(self.section, self.defaults, forwarding)
        servers = real_servers(self.section, service_id, inherited, self.findings)
        if not self._possible(address, protocol, scheduler, forwarding):
            return None
        if not servers and not self.section.each("real_server") and self.section.lacks("real_server"):
            self.findings.add("meaning/no-servers", self.statement, 0, f"virtual_server {self.name} has no real_server")
        quorum = self._quorum(servers)
        get = self.section.get
        return VirtualServerConfig(
            id=service_id,
            scheduler=scheduler,
            forwarding=forwarding,
            persistence_timeout=self._persistence(port),
            delay_loop=Seconds(float(get("delay_loop", 60.0))),
            ha_suspend="ha_suspend" in self.section.values,
            alpha="alpha" in self.section.values,
            omega="omega" in self.section.values,
            quorum=quorum,
            hysteresis=min(get("hysteresis", 0), quorum - 1),
            sorry_server=self._sorry_server(port),
            real_servers=servers,
            smtp_alert=inherited.mail(self.section, False),
            notify=up_down(self.section, "quorum_up", "quorum_down", self.findings),
        )

    def _left_out(self, keyword: str | None, why: str) -> None:
        where = self.section.where.get(keyword, self.statement) if keyword is not None else self.statement
        message = f"virtual_server {self.name} is left out: {why}"
        self.findings.add("not-acted-on", where, 1, message, severity=Severity.ERROR)

    def _possible(
        self, address: IPAddress, protocol: Protocol, scheduler: Scheduler, forwarding: ForwardingMethod
    ) -> bool:
        """Nothing asks for what a data plane cannot do yet."""
        if address.version == 6:
            self._left_out(None, "services of IPv6 are not there yet")
            return False
        if protocol is Protocol.SCTP:
            self._left_out("protocol", "SCTP is not there yet")
            return False
        if scheduler not in SCHEDULERS:
            self._left_out("lb_algo", f"the scheduler {scheduler.value} is not there yet")
            return False
        if forwarding is not ForwardingMethod.DR:
            if "lb_kind" not in self.section.misspelt and "lb_kind" not in self.section.refused:
                absent = " (the default without lb_kind)" if "lb_kind" not in self.section.values else ""
                self._left_out("lb_kind", f"forwarding by {forwarding.value}{absent} is not there yet")
            return False
        return True

    def _protocol(self) -> Protocol:
        if self.section.lacks("protocol"):
            message = f"virtual_server {self.name} has no protocol: it balances UDP"
            self.findings.add("meaning/no-protocol", self.statement, 0, message, "add 'protocol TCP'")
        protocol = self.section.get("protocol", Protocol.UDP)
        assert isinstance(protocol, Protocol)
        return protocol

    def _scheduler(self) -> Scheduler:
        if self.section.lacks("lb_algo"):
            message = f"virtual_server {self.name} has no lb_algo: it uses wlc"
            self.findings.add("meaning/no-scheduler", self.statement, 0, message, "add 'lb_algo wlc'")
        scheduler = self.section.get("lb_algo", Scheduler.WLC)
        assert isinstance(scheduler, Scheduler)
        return scheduler

    def _persistence(self, port: int) -> Seconds | None:
        value: Any = self.section.get("persistence_timeout")
        if value is None and port == 0:
            message = f"virtual_server {self.name} stands for all ports, which needs persistence: it is switched on"
            self.findings.add(
                "meaning/port-without-persistence", self.statement, 0, message, "add 'persistence_timeout 360'"
            )
            value = True
        if value is None and "persistence_granularity" not in self.section.values:
            return None
        return Seconds(float(PERSISTENCE_DEFAULT if value is True or value is None else value))

    def _quorum(self, servers: tuple[RealServerConfig, ...]) -> int:
        quorum: int = self.section.get("quorum", 1)
        weights = sum(server.weight for server in servers)
        if "quorum" in self.section.values and weights and quorum > weights:
            message = f"the quorum {quorum} is above the sum of all weights: it becomes {weights}"
            self.findings.add("meaning/quorum-unreachable", self.section.where["quorum"], 1, message)
            return weights
        return quorum

    def _sorry_server(self, port: int) -> ServerId | None:
        value: tuple[Any, ...] | None = self.section.get("sorry_server")
        if value is None or not sorry_server_fits(self.section):
            return None
        return ServerId(address=value[0], port=value[1] if len(value) > 1 else port)
