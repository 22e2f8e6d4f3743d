# SPDX-License-Identifier: Apache-2.0
"""The windows of the seed's files, computed by hand beside them."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.lab import windows
from bascule.model.base import Priority, Seconds, Vrid
from bascule.model.configuration import (
    Configuration,
    RealServerConfig,
    TcpCheck,
    VirtualServerConfig,
    VrrpInstance,
)
from bascule.model.service import Protocol, ServiceId


def instance(priority: int, interval: float, version: int = 2) -> VrrpInstance:
    return VrrpInstance(
        name="VI_1",
        interface="eth0",
        vrid=Vrid(51),
        priority=Priority(priority),
        advert_interval=Seconds(interval),
        version=version,
    )


def server(*checks: TcpCheck) -> RealServerConfig:
    return RealServerConfig(address=ipaddress.ip_address("192.168.2.212"), port=80, checks=checks)


SEED_CHECK = TcpCheck(connect_timeout=Seconds(10), retry=3, delay_before_retry=Seconds(3), delay_loop=Seconds(6))


@pytest.mark.parametrize(
    ("backup", "seconds"),
    [
        (instance(99, 5), 15 + 157 / 256),
        (instance(99, 1), 3 + 157 / 256),
        (instance(254, 1), 3 + 2 / 256),
        (instance(99, 0.1, version=3), 0.3 + 0.1 * 157 / 256),
    ],
)
def test_failover(backup: VrrpInstance, seconds: float) -> None:
    assert windows.failover(backup) == pytest.approx(seconds)


def test_removal_is_the_loop_and_every_retry() -> None:
    assert windows.removal(server(SEED_CHECK)) == Seconds(15)
    slower = TcpCheck(retry=1, delay_before_retry=Seconds(20), delay_loop=Seconds(1))
    assert windows.removal(server(SEED_CHECK, slower)) == Seconds(21)
    assert windows.removal(server()) == Seconds(0)


def test_recovery_is_one_loop() -> None:
    assert windows.recovery(server(SEED_CHECK)) == Seconds(6)
    assert windows.recovery(server()) == Seconds(0)


def test_first_verdicts_come_within_the_longest_warm_up() -> None:
    identity = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.168.2.240"), port=80)
    quick = TcpCheck(delay_loop=Seconds(60), warmup=Seconds(0))
    service = VirtualServerConfig(id=identity, real_servers=(server(SEED_CHECK), server(quick)))
    assert windows.first_verdicts(Configuration(virtual_servers=(service,))) == Seconds(6)
    assert windows.first_verdicts(Configuration()) == Seconds(0)
