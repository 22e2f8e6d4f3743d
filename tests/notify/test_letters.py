# SPDX-License-Identifier: Apache-2.0
"""Subjects and bodies, word for word as captured from keepalived 2.2.7, and who wants which mail."""

from __future__ import annotations

import ipaddress

import msgspec
import pytest

from bascule.model.base import Priority, Vrid
from bascule.model.configuration import Configuration, RealServerConfig, VirtualServerConfig, VrrpInstance, VrrpState
from bascule.model.messages import InstanceChanged, QuorumChanged, ServerChanged
from bascule.model.service import Protocol, ServerId, ServiceId
from bascule.notify.letters import Letter, MailEvent, letter

SERVICE = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.168.2.240"), port=80)
SERVER = ServerId(address=ipaddress.ip_address("192.168.2.212"), port=80)


def configuration(*, server: bool = True, service: bool = True, instance: bool = True) -> Configuration:
    real = RealServerConfig(address=SERVER.address, port=80, smtp_alert=server)
    return Configuration(
        virtual_servers=(VirtualServerConfig(id=SERVICE, real_servers=(real,), smtp_alert=service),),
        instances=(VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(51), smtp_alert=instance),),
    )


def server_changed(up: bool) -> ServerChanged:
    why = f"TCP CHECK {'succeed' if up else 'failed'} on service"
    return ServerChanged(service=SERVICE, server=SERVER, up=up, why=why, at=5.0)


def instance_changed(state: VrrpState) -> InstanceChanged:
    return InstanceChanged(instance="VI_1", state=state, priority=Priority(100), why="", at=5.0)


WORDS: list[tuple[MailEvent, str, str]] = [
    (
        server_changed(False),
        "Realserver [192.168.2.212]:tcp:80 of virtual server [192.168.2.240]:tcp:80 - DOWN",
        "TCP CHECK failed on service",
    ),
    (
        server_changed(True),
        "Realserver [192.168.2.212]:tcp:80 of virtual server [192.168.2.240]:tcp:80 - UP",
        "TCP CHECK succeed on service",
    ),
    (
        QuorumChanged(service=SERVICE, up=True, why="Starting with quorum up 1+0=1 <= 6", at=5.0),
        "Virtualserver [192.168.2.240]:tcp:80 - UP",
        "Starting with quorum up 1+0=1 <= 6",
    ),
    (
        QuorumChanged(service=SERVICE, up=False, why="Lost quorum 1+0=1 <= 0", at=5.0),
        "Virtualserver [192.168.2.240]:tcp:80 - DOWN",
        "Lost quorum 1+0=1 <= 0",
    ),
    (
        instance_changed(VrrpState.MASTER),
        "VRRP Instance VI_1 - Entering MASTER state",
        "VRRP Instance is now owning VRRP VIPs",
    ),
    (
        instance_changed(VrrpState.BACKUP),
        "VRRP Instance VI_1 - Entering BACKUP state",
        "VRRP Instance is no longer owning VRRP VIPs",
    ),
    (
        instance_changed(VrrpState.FAULT),
        "VRRP Instance VI_1 - Entering FAULT state",
        "VRRP Instance is no longer owning VRRP VIPs",
    ),
]


@pytest.mark.parametrize(("event", "subject", "body"), WORDS)
def test_the_words_are_keepalived_s(event: MailEvent, subject: str, body: str) -> None:
    assert letter(event, configuration()) == Letter(subject=subject, body=body, at=5.0)


@pytest.mark.parametrize(
    ("settings", "silent"),
    [
        (configuration(server=False), ServerChanged),
        (configuration(service=False), QuorumChanged),
        (configuration(instance=False), InstanceChanged),
    ],
)
def test_each_block_s_smtp_alert_is_respected(settings: Configuration, silent: type[MailEvent]) -> None:
    for event, _, _ in WORDS:
        assert (letter(event, settings) is None) is isinstance(event, silent)


def test_the_model_s_defaults_are_keepalived_s() -> None:
    real = RealServerConfig(address=SERVER.address, port=80)
    plain = Configuration(
        virtual_servers=(VirtualServerConfig(id=SERVICE, real_servers=(real,)),),
        instances=(VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(51)),),
    )
    told = {type(event).__name__ for event, _, _ in WORDS if letter(event, plain) is not None}
    assert told == {"ServerChanged"}


def test_what_is_not_configured_any_more_is_not_worth_a_mail() -> None:
    for event, _, _ in WORDS:
        assert letter(event, Configuration()) is None
    other = ServerId(address=SERVER.address, port=81)
    assert letter(msgspec.structs.replace(server_changed(True), server=other), configuration()) is None


def test_an_instance_that_begins_is_not_worth_a_mail() -> None:
    assert letter(instance_changed(VrrpState.INIT), configuration()) is None
