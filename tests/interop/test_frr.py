# SPDX-License-Identifier: Apache-2.0
"""VRRP with FRR's vrrpd 8.4 as the peer, in version 2 and, over IPv4 and IPv6 with one VRID, in version 3.

FRR counts the skew time in whole hundredths of a second, always from its virtual MAC address. It sends no link-local
address over IPv6, which is remarked and heard.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bascule.lab.lone_role import LoneRole
from bascule.lab.network import Network
from bascule.lab.waiting import stays, wait_for
from bascule.model.base import from_json
from bascule.model.configuration import Configuration, VrrpInstance, VrrpState
from bascule.model.messages import InstanceState, Role
from bascule.model.status import VrrpStatus
from tests.interop.frr import Frr
from tests.interop.scenarios import V2, V3, V6, VIP6, Scenario

pytestmark = [pytest.mark.root, pytest.mark.lab, pytest.mark.few]

MARGIN = 0.05
FRR_MARGIN = 0.25
KINDS = {
    2: (dataclasses.replace(V2, changes={}),),
    3: (V3, dataclasses.replace(V6, addresses=(VIP6,))),
}


def configuration(kinds: tuple[Scenario, ...], priority: int) -> Configuration:
    made = [kind.instance(priority) for kind in kinds]
    named = [{field: getattr(entry, field) for field in entry.__struct_fields__} for entry in made]
    return Configuration(
        instances=tuple(
            VrrpInstance(**{**values, "name": kind.name}) for kind, values in zip(kinds, named, strict=True)
        )
    )


def states(role: LoneRole) -> set[VrrpState]:
    """Of its instances."""
    last = {message.instance: message.state for message in role.messages if isinstance(message, InstanceState)}
    return set(last.values())


def refused(role: LoneRole) -> dict[str, int]:
    found: dict[str, int] = {}
    for instance in from_json(role.status(), VrrpStatus).instances:
        found |= instance.packets_refused
    return found


def excess(wire: Any, sender: str, kind: Scenario, moment: float, due: float) -> float:
    """Seconds by which the address was announced later than `due` after a moment."""

    def come() -> bool:
        return any(at > moment for at in wire.announcements(sender, kind.vip))

    wait_for(come, kind.down(1) + 1, f"{sender}'s announcement")
    found: float = next(at for at in wire.announcements(sender, kind.vip) if at > moment)
    late: float = wire.excess(moment + due, found)
    return late


@pytest.mark.parametrize("version", [2, 3])
def test_we_lead_and_frr_follows(network: Network, wire: Any, version: int) -> None:
    kinds = KINDS[version]
    kind = kinds[0]
    peer = Frr(network.host("d2"), 90, version, kind.interval)
    peer.until("Master", kind.down(90) + 5)
    with LoneRole(network.host("d1"), Role.VRRP, configuration(kinds, 100)) as role:
        role.until(lambda: states(role) == {VrrpState.MASTER}, kind.down(100) + 3, "to preempt")
        peer.until("Backup", 3)
        wait_for(lambda: wire.last("d1") > wire.last("d2"), 3, "its last advert to be on the wire")
        before = len(wire.adverts("d2"))
        stays(lambda: len(wire.adverts("d2")) == before, kind.down(90) + 1, "we alone send adverts")
        assert peer.states() == {"Backup"}
        assert refused(role) == {}
        assert role.stop() == 0
    peer.until("Master", kind.down(90) + 1)
    stopped = wire.adverts("d1", 0)[-1]
    for each in kinds:
        late = excess(wire, "d2", each, stopped, each.skew(90))
        assert late <= FRR_MARGIN, "it did not hear our priority 0"

    with LoneRole(network.host("d1"), Role.VRRP, configuration(kinds, 100)) as role:
        role.until(lambda: states(role) == {VrrpState.MASTER}, kind.down(100) + 3, "to preempt again")
        peer.until("Backup", 3)
        role.kill()
    last = wire.adverts("d1")[-1]
    for each in kinds:
        assert -kind.interval - 0.02 <= excess(wire, "d2", each, last, each.down(90)) <= FRR_MARGIN
    assert "invalid" not in peer.log()
    peer.stop()


@pytest.mark.parametrize("version", [2, 3])
def test_frr_leads_and_we_follow(network: Network, wire: Any, version: int) -> None:
    kinds = KINDS[version]
    kind = kinds[0]
    with LoneRole(network.host("d1"), Role.VRRP, configuration(kinds, 90)) as role:
        role.until(lambda: states(role) == {VrrpState.MASTER}, kind.down(90) + 3, "to be elected alone")
        peer = Frr(network.host("d2"), 100, version, kind.interval)
        role.until(lambda: states(role) == {VrrpState.BACKUP}, kind.down(100) + 5, "to be preempted")
        wait_for(lambda: wire.last("d2") > wire.last("d1"), 3, "our last word to be on the wire")
        before = len(wire.adverts("d1"))
        stays(lambda: len(wire.adverts("d1")) == before, kind.down(90) + 1, "FRR alone sends adverts")
        assert "invalid" not in peer.log()
        peer.stop()
        role.until(lambda: states(role) == {VrrpState.MASTER}, kind.down(90) + 1, "to take over")
        stopped = wire.adverts("d2", 0)
        for each in kinds:
            late = excess(wire, "d1", each, stopped[0], each.skew(90))
            assert late <= MARGIN, "we did not hear its priority 0"

        peer = Frr(network.host("d2"), 100, version, kind.interval)
        role.until(lambda: states(role) == {VrrpState.BACKUP}, kind.down(100) + 5, "to be preempted again")
        peer.kill()
        role.until(lambda: states(role) == {VrrpState.MASTER}, kind.down(90) + 1, "to take over from a dead one")
        last = wire.adverts("d2")[-1]
        for each in kinds:
            assert excess(wire, "d1", each, last, each.down(90)) <= MARGIN, role.log()
        assert refused(role) == {}
        assert role.stop() == 0
