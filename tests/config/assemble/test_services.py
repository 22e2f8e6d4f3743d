# SPDX-License-Identifier: Apache-2.0
"""`virtual_server`: keepalived 2.2.7's defaults, and services that cannot run while the others do."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest

from bascule.config.assemble.globals import merged
from bascule.config.assemble.services import services
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.configuration import VirtualServerConfig
from bascule.model.diagnostic import Severity
from bascule.model.service import ForwardingMethod, Protocol, Scheduler, ServerId

Read = Callable[[str], tuple[Section, Findings]]

BASE = "lb_algo rr\nlb_kind DR\nprotocol TCP\n"
SERVER = "real_server 10.0.0.2 80 {\n}\n"


def build(read_text: Read, text: str) -> tuple[tuple[VirtualServerConfig, ...], Findings]:
    """The services of a text, and what building them found."""
    top, _ = read_text(text)
    findings = Findings()
    return services(top, merged(top, "global_defs"), findings), findings


def one(read_text: Read, body: str, name: str = "10.0.0.1 80") -> tuple[VirtualServerConfig, Findings]:
    """One service that can run."""
    (service,), findings = build(read_text, f"virtual_server {name} {{\n{body}}}\n")
    return service, findings


def codes(findings: Findings) -> list[tuple[int | None, str]]:
    """Line and code of each finding."""
    return [(found.line, found.code) for found in findings.sorted()]


def test_defaults(read_text: Read) -> None:
    service, findings = one(read_text, BASE + SERVER)
    assert str(service.id) == "[10.0.0.1]:tcp:80"
    assert service.scheduler is Scheduler.RR
    assert service.forwarding is ForwardingMethod.DR
    assert (service.persistence_timeout, service.delay_loop, service.quorum, service.hysteresis) == (None, 60.0, 1, 0)
    assert (service.ha_suspend, service.alpha, service.omega, service.smtp_alert) == (False, False, False, False)
    assert service.sorry_server is None
    assert codes(findings) == []


def test_everything_said(read_text: Read) -> None:
    service, findings = one(
        read_text,
        BASE + "delay_loop 1.5\nha_suspend\nalpha\nomega\nquorum 2\nhysteresis 1\nsmtp_alert\n"
        "sorry_server 10.0.0.9 8080\npersistence_timeout 50\nweight 2\n" + SERVER,
    )
    assert (service.delay_loop, service.quorum, service.hysteresis, service.persistence_timeout) == (1.5, 2, 1, 50.0)
    assert service.ha_suspend
    assert service.alpha
    assert service.omega
    assert service.smtp_alert
    assert service.sorry_server == ServerId(address=ipaddress.ip_address("10.0.0.9"), port=8080)
    assert codes(findings) == []


def test_nothing_said_is_a_udp_service_by_nat_which_cannot_run_yet(read_text: Read) -> None:
    found, findings = build(read_text, "virtual_server 10.0.0.1 80 {\n" + SERVER + "}\n")
    assert found == ()
    assert codes(findings) == [(1, "meaning/no-protocol"), (1, "meaning/no-scheduler"), (1, "not-acted-on")]
    assert "forwarding by NAT (the default without lb_kind) is not there yet" in findings.sorted()[-1].message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("virtual_server 10.0.0.1 80 {\nlb_algo sh\nlb_kind DR\nprotocol TCP\n}", 2),
        ("virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n}", 3),
        ("virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind TUN\nprotocol TCP\n}", 3),
        ("virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind DR\nprotocol SCTP\n}", 4),
        ("virtual_server fd00::1 80 {\n" + BASE + "}", 1),
        ("virtual_server fwmark 3 {\n" + BASE + "}", 1),
        ("virtual_server group G {\n" + BASE + "}", 1),
    ],
)
def test_a_service_that_cannot_run_is_named_and_the_others_run(read_text: Read, text: str, line: int) -> None:
    found, findings = build(read_text, text + "\nvirtual_server 10.0.0.7 80 {\n" + BASE + SERVER + "}\n")
    assert [str(service.id.address) for service in found] == ["10.0.0.7"]
    (error,) = [finding for finding in findings.sorted() if finding.severity is Severity.ERROR]
    assert (error.code, error.line) == ("not-acted-on", line)
    assert error.message.startswith("virtual_server ")


@pytest.mark.parametrize("wrong", ["Lb_kind DR", "lb_kind dr", "lb_kind DRR"])
def test_a_wrong_forwarding_method_is_said_once(read_text: Read, wrong: str) -> None:
    found, findings = build(
        read_text, f"virtual_server 10.0.0.1 80 {{\nlb_algo rr\n{wrong}\nprotocol TCP\n{SERVER}}}\n"
    )
    assert found == ()
    assert codes(findings) == []


def test_persistence_without_a_number(read_text: Read) -> None:
    assert one(read_text, BASE + "persistence_timeout\n" + SERVER)[0].persistence_timeout == 360.0
    assert one(read_text, BASE + "persistence_granularity 255.255.255.0\n" + SERVER)[0].persistence_timeout == 360.0


@pytest.mark.parametrize("name", ["10.0.0.1", "10.0.0.1 0"])
def test_all_ports_need_persistence(read_text: Read, name: str) -> None:
    service, findings = one(read_text, BASE + SERVER, name)
    assert (service.id.port, service.persistence_timeout) == (0, 360.0)
    assert (1, "meaning/port-without-persistence") in codes(findings)


def test_a_quorum_above_all_weights_is_lowered(read_text: Read) -> None:
    service, findings = one(read_text, BASE + "quorum 9\nhysteresis 5\n" + SERVER)
    assert (service.quorum, service.hysteresis) == (1, 0)
    assert codes(findings) == [(5, "meaning/quorum-unreachable")]


def test_a_service_without_servers_is_named(read_text: Read) -> None:
    service, findings = one(read_text, BASE)
    assert service.real_servers == ()
    assert codes(findings) == [(1, "meaning/no-servers")]


def test_a_service_counts_once(read_text: Read) -> None:
    text = "virtual_server 10.0.0.1 80 {\n" + BASE + SERVER + "}\n"
    found, findings = build(read_text, text + text + text.replace("TCP", "UDP"))
    assert [service.protocol for service in found] == [Protocol.TCP, Protocol.UDP]
    assert codes(findings) == [(8, "meaning/duplicate-service")]


def test_a_sorry_server_without_a_port_takes_the_service_s(read_text: Read) -> None:
    service, _ = one(read_text, BASE + "sorry_server 10.0.0.9\n" + SERVER)
    assert service.sorry_server is not None
    assert service.sorry_server.port == 80
