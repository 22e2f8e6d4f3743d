# SPDX-License-Identifier: Apache-2.0
"""An instance at work, with a rim that writes down what it is asked for."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_seats import Apart, Seat
from bascule.model.base import Priority, Seconds, Vrid
from bascule.model.configuration import (
    BasculeOptions,
    VirtualAddress,
    VrrpInstance,
    VrrpState,
)
from bascule.vrrp import packet
from bascule.vrrp.events import HandOver, Reconfigured, Start, StateChanged, Stop, Succeeded, Timeout
from bascule.vrrp.packet import Datagram
from tests.daemon.roles.instance_bench import HERE, KEEPALIVED, PEER, PLACED, VIP, Rim, config_with, made


def test_becoming_active_sends_puts_and_announces() -> None:
    instance, rim = made()
    instance.handle(Start(), 0.0)
    assert rim.did == [("take", "VI_1", (PLACED,))]
    rim.did.clear()
    changes: list[StateChanged] = []
    while not changes:
        changes = instance.handle(Timeout(), instance.deadline).changes
    (change,) = changes
    assert change.state is VrrpState.MASTER
    assert rim.did[0] == ("send", "eth0", KEEPALIVED, HERE, packet.GROUP_IPV4, 255)
    assert rim.did[1][:4] == ("put", "VI_1", (PLACED,), 8.0)
    assert rim.did[2:] == [("announce", "eth0", VIP)] * 5
    assert instance.sent == 1


def test_an_overslept_active_wants_its_socket_drained() -> None:
    instance, rim = made(config_with(priority=Priority(255)))
    instance.handle(Start(), 0.0)
    rim.did.clear()
    outcome = instance.handle(Timeout(), 100.0)
    assert outcome.drain
    assert rim.did == [("take", "VI_1", (PLACED,))]


def test_lateness_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    instance, _ = made()
    instance.handle(Start(), 0.0)
    assert instance.handle(Timeout(), 50.0).drain
    assert "event=timer_late" in capfd.readouterr().err


def test_new_settings_are_in_the_next_advert() -> None:
    instance, rim = made(config_with(priority=Priority(255)))
    instance.handle(Start(), 0.0)
    instance.configure(
        config_with(priority=Priority(120)), BasculeOptions(vip_lifetime=Seconds(60.0)), HERE, frozenset()
    )
    rim.did.clear()
    instance.handle(Reconfigured(instance.settings), 0.5)
    sent = [entry[2] for entry in rim.did if entry[0] == "send"]
    assert packet.decode(Datagram(payload=sent[0], source=HERE)).priority == 120  # type: ignore[arg-type]
    assert [entry[3] for entry in rim.did if entry[0] == "put"] == [60.0]


def test_another_source_decides_and_is_sent_from() -> None:
    instance, rim = made(config_with(priority=Priority(255)))
    instance.move(PEER)
    instance.handle(Start(), 0.0)
    instance.handle(Reconfigured(instance.settings), 0.5)
    sent = [entry[3] for entry in rim.did if entry[0] == "send"]
    assert sent == [PEER, PEER]
    assert instance.machine.settings.address == PEER


def test_stopping_sends_priority_0_and_then_takes_off() -> None:
    instance, rim = made(config_with(priority=Priority(255)))
    instance.handle(Start(), 0.0)
    rim.did.clear()
    instance.handle(Stop(), 0.5)
    assert [entry[0] for entry in rim.did] == ["send", "take"]
    assert rim.did[0][2] == instance.payload(packet.PRIORITY_STOP, packet.GROUP_IPV4)


def test_after_a_planned_switch_the_addresses_are_left_and_not_just_taken() -> None:
    instance, rim = made()
    instance.handle(Start(), 100.0)
    while instance.state is not VrrpState.MASTER:
        instance.handle(Timeout(), instance.deadline)
    instance.handle(HandOver(PEER), instance.deadline)
    rim.did.clear()
    instance.handle(Succeeded(PEER), instance.deadline - 0.001)
    assert [done[:2] for done in rim.did] == [("leave", "VI_1")]


def address(text: str, device: str | None = None, *, use_vmac: bool = False) -> VirtualAddress:
    return VirtualAddress(address=ipaddress.ip_address(text), prefix_length=24, device=device, use_vmac=use_vmac)


OWN = Seat(base="eth0", holds="eth0", talks="eth0", aparts=(Apart(base="eth1", family=4, holds="v1"),))
MACVLAN = dataclasses.replace(OWN, holds="v0", talks="v0")
FROM_BASE = dataclasses.replace(OWN, holds="v0", talks="eth0")


@pytest.mark.parametrize(
    ("seat", "everywhere", "expected"),
    [
        (OWN, False, ["v1 10.0.1.1"]),
        (OWN, True, ["v1 10.0.1.1", "eth1 10.0.1.3"]),
        (MACVLAN, False, ["v1 10.0.1.1"]),
        (MACVLAN, True, ["v1 10.0.1.1", "eth1 10.0.1.3", "eth0 fd00::1"]),
        (FROM_BASE, False, ["v0 10.0.0.1", "v1 10.0.1.1"]),
        (FROM_BASE, True, ["v0 10.0.0.1", "v1 10.0.1.1", "eth1 10.0.1.3", "eth0 fd00::1"]),
    ],
)
def test_who_announces_besides_the_adverts(seat: Seat, everywhere: bool, expected: list[str]) -> None:
    """As keepalived 2.2.7 does with `garp_extra_if`: one address of each interface."""
    addresses = (
        *(address("10.0.0.1"), address("10.0.0.2")),
        *(address("10.0.1.1", "eth1", use_vmac=True), address("10.0.1.2", "eth1", use_vmac=True)),
        address("10.0.1.3", "eth1"),
    )
    config = VrrpInstance(
        name="VI_1",
        interface="eth0",
        vrid=Vrid(51),
        virtual_addresses=addresses,
        excluded_addresses=(address("10.0.1.4", "eth1"), address("fd00::1"), address("fd00::2")),
        garp_extra_interval=Seconds(5.0),
        garp_extra_all=everywhere,
    )
    rim = Rim()
    instance = Instance(config, BasculeOptions(), HERE, rim, Log("vrrp"), seat=seat)
    instance.announce_elsewhere(0.0)
    assert [f"{did[1]} {did[2]}" for did in rim.did] == expected
    assert instance.interfaces == {*seat.every, "eth1"}
