# SPDX-License-Identifier: Apache-2.0
"""Addresses of a service that must be of one family (IPv4 or IPv6): keepalived drops the one that is not."""

from __future__ import annotations

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.tree import Statement

CHECKS = frozenset({"TCP_CHECK", "PING_CHECK", "UDP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK"})


def check_families(top: Section, findings: Findings) -> None:
    """Every service: its sorry server, and where the checks of its servers start from."""
    for service in top.each("virtual_server"):
        if service.title[0] == "address" and service.statement is not None:
            _check_sorry_server(service, service.statement, findings)
        for server in service.each("real_server"):
            for kind, check in server.sections:
                if kind == "SMTP_CHECK":
                    _check_hosts(check, server, findings)
                elif kind in CHECKS:
                    _check_source(check, server, findings)


def source_fits(check: Section, server: Section) -> bool:
    """Whether a check can start from the address that it names: it is of the family of the one to connect to."""
    source, target = check.get("bindto"), check.get("connect_ip", server.title[0])
    return source is None or source.version == target.version


def sorry_server_fits(service: Section) -> bool:
    """Whether the sorry server is of the family of its service."""
    sorry = service.get("sorry_server")
    return sorry is None or sorry[0].version == service.title[1].version


def _check_hosts(check: Section, server: Section, findings: Findings) -> None:
    """keepalived compares a source of this check with an address that is named beside it only."""
    for host in (check, *check.each("host")):
        if "connect_ip" in host.values:
            _check_source(host, server, findings)


def _check_source(check: Section, server: Section, findings: Findings) -> None:
    if not source_fits(check, server):
        message = f"bindto {check.get('bindto')} is not of the family of the address to check: it is ignored"
        findings.add("bad-address", check.where["bindto"], 1, message)


def _check_sorry_server(service: Section, statement: Statement, findings: Findings) -> None:
    """Said at the end of the block, where keepalived says it."""
    if not sorry_server_fits(service):
        message = f"sorry_server {service.get('sorry_server')[0]} is not of the family of its service: it is ignored"
        if statement.close is None:
            findings.add("bad-address", service.where["sorry_server"], 1, message)
        else:
            findings.add_at("bad-address", statement.source, statement.close, message)
