# SPDX-License-Identifier: Apache-2.0
"""Version 2 with the authentication header, with real keepalived 2.2.7 as the peer. What is judged are kernel times of
packets, with room for a machine that is busy with other tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from bascule.lab.lone_role import LoneRole
from bascule.lab.network import Network
from bascule.lab.waiting import stays, wait_for
from bascule.model.base import from_json
from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import InstanceState, Role
from bascule.model.status import InstanceStatus, VrrpStatus
from tests.interop.scenarios import AH, UNICAST_AH, VIP, Scenario

pytestmark = [pytest.mark.root, pytest.mark.lab]

BUSY = 10.0
"""Seconds more than the protocol's that a shared machine may take."""

Configured = Callable[..., Configuration]
Who = Callable[..., list[str]]

either_kind = pytest.mark.parametrize("kind", [AH, UNICAST_AH], ids=lambda kind: kind.name)


def is_in(role: LoneRole, state: VrrpState) -> bool:
    states = [message.state for message in role.messages if isinstance(message, InstanceState)]
    return bool(states) and states[-1] is state


def status(role: LoneRole) -> InstanceStatus:
    return from_json(role.status(), VrrpStatus).instances[0]


@either_kind
def test_we_lead_and_keepalived_follows(
    network: Network, wire: Any, who_holds: Who, start_keepalived: Any, configured: Configured, kind: Scenario
) -> None:
    peer = start_keepalived("d2", 90, kind)
    with LoneRole(network.host("d1"), Role.VRRP, configured(100, kind)) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), kind.down(100) + BUSY, "to be elected")
        wait_for(lambda: who_holds() == ["d1"], BUSY, "keepalived to give way")
        stays(lambda: who_holds() == ["d1"], kind.down(90) + 1, "we alone hold the address")
        assert peer.errors() == {}
        assert status(role).packets_refused == {}
        assert role.stop() == 0
    wait_for(lambda: who_holds() == ["d2"], kind.down(90) + BUSY, "keepalived to take over")
    stopped = wire.adverts("d1", 0)[-1]
    taken = next(at for at in wire.announcements("d2") if at > stopped)
    assert taken - stopped < kind.down(90) - 0.5, "it did not understand our priority 0"
    with LoneRole(network.host("d1"), Role.VRRP, configured(100, kind)) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), kind.down(100) + BUSY, "to preempt")
        wait_for(lambda: who_holds() == ["d1"], BUSY, "keepalived to give way")
        assert status(role).packets_refused == {}
    assert peer.errors() == {}
    peer.stop()


@either_kind
def test_keepalived_leads_and_we_follow(
    network: Network, wire: Any, who_holds: Who, start_keepalived: Any, configured: Configured, kind: Scenario
) -> None:
    peer = start_keepalived("d2", 100, kind)
    with LoneRole(network.host("d1"), Role.VRRP, configured(90, kind)) as role:
        wait_for(lambda: who_holds() == ["d2"], kind.down(100) + BUSY, "keepalived to be elected")
        stays(lambda: who_holds() == ["d2"], kind.down(90) + 1, "keepalived alone holds the address")
        assert is_in(role, VrrpState.BACKUP)
        peer.stop()
        role.until(lambda: is_in(role, VrrpState.MASTER), kind.down(90) + BUSY, "to take over")
        stopped = wire.adverts("d2", 0)[-1]
        wait_for(lambda: wire.announcements("d1"), BUSY, "our announcement")
        assert wire.announcements("d1")[0] - stopped < kind.down(90) - 0.5, "we did not understand its priority 0"
        peer = start_keepalived("d2", 100, kind)
        role.until(lambda: is_in(role, VrrpState.BACKUP), kind.down(100) + BUSY, "to be preempted")
        wait_for(lambda: who_holds() == ["d2"], BUSY, "keepalived alone to hold the address")
        assert peer.errors() == {}
        assert status(role).packets_refused == {}


def test_another_password_is_counted_on_both_sides(
    network: Network, wire: Any, start_keepalived: Any, configured: Configured
) -> None:
    peer = start_keepalived("d2", 90, dataclasses.replace(AH, keepalived=AH.keepalived.replace("abcd", "abce")))
    with LoneRole(network.host("d1"), Role.VRRP, configured(100, AH)) as role:
        role.until(lambda: "auth_data" in status(role).packets_refused, AH.down(90) + BUSY, "to refuse its packets")
        wait_for(lambda: len(wire.adverts("d1")) > 2, BUSY, "our adverts")
        wait_for(lambda: peer.errors() != {}, BUSY, "keepalived to refuse ours")
        assert set(peer.errors()) == {"Failure"}, "authentication failures"
        assert f" {VIP}/" in network.host("d1").run(["ip", "address", "show", "dev", "eth0"]).stdout
