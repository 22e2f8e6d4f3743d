# SPDX-License-Identifier: Apache-2.0
"""The typed configuration: its defaults are keepalived's, and it travels unchanged."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.model.base import Vrid, from_json, pack, to_json, unpack
from bascule.model.configuration import (
    ChecksumForm,
    Configuration,
    RealServerConfig,
    TcpCheck,
    UnicastPeer,
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


def test_the_family_of_an_instance_is_that_of_its_first_address_or_peer() -> None:
    v4, v6 = ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("fe80::1")
    assert VrrpInstance(name="A", interface="eth0", vrid=Vrid(1)).family == 4
    assert VrrpInstance(name="A", interface="eth0", vrid=Vrid(1), native_ipv6=True).family == 6
    peers = (UnicastPeer(address=v6),)
    assert VrrpInstance(name="A", interface="eth0", vrid=Vrid(1), unicast_peers=peers).family == 6
    virtual = (VirtualAddress(address=v4, prefix_length=32),)
    mixed = VrrpInstance(name="A", interface="eth0", vrid=Vrid(1), unicast_peers=peers, virtual_addresses=virtual)
    assert mixed.family == 4
    assert mixed.checksum_form is ChecksumForm.PSEUDO_HEADER
