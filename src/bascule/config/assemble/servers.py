# SPDX-License-Identifier: Apache-2.0
"""`real_server` blocks and their checks into the model. Checks inherit from server and service."""

from __future__ import annotations

from typing import Any

from bascule.config.assemble.scripts import up_down
from bascule.config.diagnostics import Fate, Findings
from bascule.config.families import source_fits
from bascule.config.reader import Section
from bascule.model.base import Seconds, Weight
from bascule.model.configuration import RealServerConfig, TcpCheck
from bascule.model.diagnostic import Severity
from bascule.model.service import ForwardingMethod, ServerId, ServiceId

_DEFAULTS = {"retry": 1, "delay_before_retry": 1.0, "connect_timeout": 5.0, "delay_loop": 60.0, "warmup": None}
"""Of a TCP_CHECK, when neither it nor its server nor its service says."""


class Inherited:
    """What real servers take from their service and from `global_defs`."""

    def __init__(self, service: Section, defaults: Section, forwarding: ForwardingMethod) -> None:
        """Of a `virtual_server` block whose servers are reached by `forwarding` unless they say otherwise."""
        self.service = service
        self.defaults = defaults
        self.forwarding = forwarding

    def mail(self, section: Section, default: bool) -> bool:
        """Whether a block's changes are mailed."""
        for values, name in (
            (section.values, "smtp_alert"),
            (self.defaults.values, "smtp_alert_checker"),
            (self.defaults.values, "smtp_alert"),
        ):
            if name in values:
                return bool(values[name])
        return default


def real_servers(
    service: Section, service_id: ServiceId, inherited: Inherited, findings: Findings
) -> tuple[RealServerConfig, ...]:
    """The real servers of a service that can be used."""
    found: dict[ServerId, RealServerConfig] = {}
    for section in service.each("real_server"):
        server = _real_server(section, service_id, inherited, findings)
        if server is None:
            findings.fates[id(section.statement)] = Fate.LEFT_OUT
            continue
        if server.id in found:
            assert section.statement is not None
            findings.fates[id(section.statement)] = Fate.SKIPPED
            message = f"real_server {server.id.text(service_id.protocol)} stands in this service already"
            findings.add("meaning/duplicate-server", section.statement, 1, message)
            continue
        found[server.id] = server
    return tuple(found.values())


def _real_server(
    section: Section, service_id: ServiceId, inherited: Inherited, findings: Findings
) -> RealServerConfig | None:
    statement = section.statement
    assert statement is not None
    get = section.get
    address, port = section.title[0], section.title[1] if len(section.title) > 1 else service_id.port
    forwarding: ForwardingMethod = get("lb_kind", inherited.forwarding)
    why = None
    if address.version != service_id.address.version:
        why = "it is not of the family of its service's address"
    elif inherited.forwarding is ForwardingMethod.DR and forwarding is not ForwardingMethod.DR:
        why = f"forwarding by {forwarding.value} is not there yet"
    if why is not None:
        message = f"real_server {address} is left out: {why}"
        findings.add("not-acted-on", section.where.get("lb_kind", statement), 1, message, severity=Severity.ERROR)
        return None
    if address == service_id.address:
        message = f"real_server {address} is the address of its own service: connections would come back here"
        findings.add("meaning/server-is-vip", statement, 1, message)
    if forwarding is not ForwardingMethod.NAT and port != service_id.port:
        message = f"{forwarding.value} cannot change the port: {service_id.port} is used, not {port}"
        findings.add("meaning/dr-port", statement, 2, message, f"write 'real_server {address} {service_id.port}'")
        port = service_id.port
    return RealServerConfig(
        address=address,
        port=port,
        weight=Weight(get("weight", inherited.service.get("weight", 1))),
        forwarding=forwarding,
        inhibit_on_failure=bool(get("inhibit_on_failure", "inhibit_on_failure" in inherited.service.values)),
        checks=tuple(_tcp_check(check, section, inherited) for check in section.each("TCP_CHECK")),
        smtp_alert=inherited.mail(section, True),
        notify=up_down(section, "notify_up", "notify_down", findings),
    )


def _tcp_check(check: Section, server: Section, inherited: Inherited) -> TcpCheck:
    def value(name: str) -> Any:
        for section in (check, server, inherited.service):
            if name in section.values:
                return section.values[name]
        return _DEFAULTS[name]

    warmup = value("warmup")
    alpha = check.get("alpha", server.get("alpha", "alpha" in inherited.service.values))
    return TcpCheck(
        connect_address=check.get("connect_ip"),
        connect_port=check.get("connect_port"),
        bind_address=check.get("bindto") if source_fits(check, server) else None,
        connect_timeout=Seconds(float(value("connect_timeout"))),
        retry=value("retry"),
        delay_before_retry=Seconds(float(value("delay_before_retry"))),
        delay_loop=Seconds(float(value("delay_loop"))),
        warmup=None if warmup is None else Seconds(float(warmup)),
        alpha=bool(alpha),
    )
