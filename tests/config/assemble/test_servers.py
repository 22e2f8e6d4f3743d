# SPDX-License-Identifier: Apache-2.0
"""`real_server` and TCP_CHECK: what is inherited from where, and servers that cannot work."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest

from bascule.config.assemble.servers import Inherited, real_servers
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.configuration import RealServerConfig, TcpCheck
from bascule.model.diagnostic import Severity
from bascule.model.service import ForwardingMethod, Protocol, ServiceId

Read = Callable[[str], tuple[Section, Findings]]

SERVICE = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("10.0.0.1"), port=80)


def build(
    read_text: Read, body: str, before: str = "", forwarding: ForwardingMethod = ForwardingMethod.DR
) -> tuple[tuple[RealServerConfig, ...], Findings]:
    """The real servers of one service, and what building them found."""
    top, _ = read_text(f"virtual_server 10.0.0.1 80 {{\n{body}\n}}\nglobal_defs {{\n{before}\n}}\n")
    findings = Findings()
    inherited = Inherited(top.each("virtual_server")[0], top.each("global_defs")[0], forwarding)
    return real_servers(inherited.service, SERVICE, inherited, findings), findings


def server(read_text: Read, body: str = "", around: str = "", before: str = "") -> RealServerConfig:
    """One real server."""
    (found,), _ = build(read_text, f"{around}\nreal_server 10.0.0.2 80 {{\n{body}\n}}", before)
    return found


def codes(findings: Findings) -> list[tuple[int | None, str]]:
    """Line and code of each finding."""
    return [(found.line, found.code) for found in findings.sorted()]


def test_defaults(read_text: Read) -> None:
    assert server(read_text) == RealServerConfig(address=ipaddress.ip_address("10.0.0.2"), port=80)
    found = server(read_text)
    assert (found.weight, found.smtp_alert, found.inhibit_on_failure) == (1, True, False)


def test_everything_said(read_text: Read) -> None:
    found = server(read_text, "weight 0\ninhibit_on_failure\nsmtp_alert off")
    assert found.weight == 0
    assert found.inhibit_on_failure
    assert not found.smtp_alert


def test_what_the_service_says_for_its_servers(read_text: Read) -> None:
    found = server(read_text, around="weight 7\ninhibit_on_failure")
    assert found.weight == 7
    assert found.inhibit_on_failure
    assert not server(read_text, "inhibit_on_failure off", "inhibit_on_failure").inhibit_on_failure


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("smtp_alert off", False),
        ("smtp_alert_checker off\nsmtp_alert", False),
        ("smtp_alert_checker\nsmtp_alert off", True),
    ],
)
def test_mail_by_default_of_all(read_text: Read, before: str, expected: bool) -> None:
    assert server(read_text, before=before).smtp_alert is expected


def test_a_check_s_defaults_are_keepalived_s(read_text: Read) -> None:
    (check,) = server(read_text, "TCP_CHECK {\n}").checks
    assert check == TcpCheck()
    assert (check.retry, check.delay_before_retry, check.connect_timeout, check.delay_loop) == (1, 1.0, 5.0, 60.0)
    assert (check.connect_port, check.connect_address, check.warmup, check.alpha) == (None, None, None, False)


def test_a_check_inherits_from_server_and_service(read_text: Read) -> None:
    (check,) = server(
        read_text,
        "delay_loop 2\nconnect_timeout 3\n"
        "TCP_CHECK {\nretry 4\nconnect_ip 10.0.0.7\nbindto 10.0.0.8\nconnect_port 81\n}",
        "delay_loop 9\nconnect_timeout 9\nretry 9\ndelay_before_retry 5\nwarmup 6\nalpha",
    ).checks
    assert (check.delay_loop, check.connect_timeout, check.retry, check.delay_before_retry) == (2.0, 3.0, 4, 5.0)
    assert (check.warmup, check.alpha, check.connect_port) == (6.0, True, 81)
    assert check.connect_address == ipaddress.ip_address("10.0.0.7")
    assert check.bind_address == ipaddress.ip_address("10.0.0.8")


def test_nb_get_retry_is_retry(read_text: Read) -> None:
    (check,) = server(read_text, "TCP_CHECK {\nnb_get_retry 3\n}").checks
    assert check.retry == 3


def test_alpha_off_for_one_check(read_text: Read) -> None:
    first, second = server(read_text, "alpha\nTCP_CHECK {\nalpha off\n}\nTCP_CHECK {\n}").checks
    assert not first.alpha
    assert second.alpha


def test_dr_cannot_change_the_port(read_text: Read) -> None:
    (found,), findings = build(read_text, "real_server 10.0.0.2 8080 {\n}")
    assert found.port == 80
    assert codes(findings) == [(2, "meaning/dr-port")]
    assert findings.sorted()[0].hint == "write 'real_server 10.0.0.2 80'"


def test_a_server_without_a_port_has_the_service_s(read_text: Read) -> None:
    (found,), findings = build(read_text, "real_server 10.0.0.2 {\n}")
    assert found.port == 80
    assert codes(findings) == []


def test_a_server_that_is_the_virtual_address(read_text: Read) -> None:
    _, findings = build(read_text, "real_server 10.0.0.1 80 {\n}")
    assert codes(findings) == [(2, "meaning/server-is-vip")]


def test_a_server_counts_once(read_text: Read) -> None:
    found, findings = build(read_text, "real_server 10.0.0.2 80 {\n}\nreal_server 10.0.0.2 80 {\n}")
    assert len(found) == 1
    assert codes(findings) == [(4, "meaning/duplicate-server")]


@pytest.mark.parametrize("body", ["real_server fd00::2 80 {\n}", "real_server 10.0.0.2 80 {\nlvs_method NAT\n}"])
def test_a_server_that_cannot_be_used_is_named(read_text: Read, body: str) -> None:
    found, findings = build(read_text, body)
    assert found == ()
    (error,) = findings.sorted()
    assert (error.code, error.severity) == ("not-acted-on", Severity.ERROR)


def test_nat_keeps_its_port(read_text: Read) -> None:
    (found,), findings = build(read_text, "real_server 10.0.0.2 8080 {\n}", forwarding=ForwardingMethod.NAT)
    assert (found.port, found.forwarding) == (8080, ForwardingMethod.NAT)
    assert codes(findings) == []
