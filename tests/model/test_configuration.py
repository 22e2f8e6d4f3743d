# SPDX-License-Identifier: Apache-2.0
"""The typed configuration: its defaults are keepalived's, and it travels unchanged."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.model.base import Vrid, from_json, pack, to_json, unpack
from bascule.model.configuration import (
    Configuration,
    RealServerConfig,
    TcpCheck,
    VirtualAddress,
    VirtualServerConfig,
    VrrpInstance,
)
from bascule.model.service import ForwardingMethod, Protocol, Scheduler, ServiceId

SERVICE = ServiceId(protocol=Protocol.UDP, address=ipaddress.ip_address("10.0.0.1"), port=53)


def test_defaults_of_a_service() -> None:
    service = VirtualServerConfig(id=SERVICE)
    assert service.scheduler is Scheduler.WLC
    assert service.forwarding is ForwardingMethod.NAT
    assert service.protocol is Protocol.UDP
    assert (service.delay_loop, service.quorum, service.smtp_alert) == (60.0, 1, False)


def test_a_real_server_names_itself() -> None:
    server = RealServerConfig(address=ipaddress.ip_address("10.0.0.2"), port=53)
    assert server.id.text(Protocol.UDP) == "[10.0.0.2]:udp:53"
    assert server.smtp_alert


def test_it_travels_unchanged() -> None:
    configuration = Configuration(
        files=("k.conf",),
        instances=(
            VrrpInstance(
                name="A",
                interface="eth0",
                vrid=Vrid(1),
                auth_pass=b"\x00\xff",
                virtual_addresses=(VirtualAddress(address=ipaddress.ip_address("10.0.0.1"), prefix_length=32),),
            ),
        ),
        virtual_servers=(
            VirtualServerConfig(
                id=SERVICE,
                real_servers=(
                    RealServerConfig(address=ipaddress.ip_address("10.0.0.2"), port=53, checks=(TcpCheck(retry=2),)),
                ),
            ),
        ),
    )
    assert unpack(pack(configuration), Configuration) == configuration
    assert from_json(to_json(configuration), Configuration) == configuration


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Configuration().files = ("x",)  # type: ignore[misc]
