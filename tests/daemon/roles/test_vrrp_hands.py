# SPDX-License-Identifier: Apache-2.0
"""What instances ask for is done, in its order."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_late import SECONDS
from bascule.lab.waiting import wait_for
from bascule.linux import addresses, nftables
from bascule.model.base import Priority, Vrid
from bascule.model.configuration import Configuration, VirtualAddress, VrrpState
from bascule.model.messages import Handover
from bascule.model.routing import Prefix, Route
from tests.daemon.roles.group_bench import FRESH, OTHER, VIP, Bench, instance

pytestmark = [pytest.mark.root, pytest.mark.lab]


def test_what_is_not_accepted_is_dropped_while_active_alone(
    group_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: list[set[object]] = []
    monkeypatch.setattr(nftables, "drop_for", lambda addresses: tables.append(set(addresses)))
    other = VirtualAddress(address=OTHER, prefix_length=32)
    quiet = instance("VI_2", vrid=Vrid(52), accept=False, priority=Priority(100), virtual_addresses=(other,))
    owner = instance(accept=False)
    group_bench.run(owner, quiet)
    assert (group_bench.state(), tables) == (VrrpState.MASTER, [])
    group_bench.run(owner)
    group_bench.run(quiet, handover=Handover(active=("VI_2",), at=boottime()))
    assert (group_bench.state("VI_2"), tables) == (VrrpState.MASTER, [{OTHER}])
    group_bench.group.stop()
    assert tables == [{OTHER}, set()]


def test_what_a_planned_switch_leaves_is_served_a_second_and_no_longer(group_bench: Bench) -> None:
    group_bench.run(instance())
    hands, placed = group_bench.group.hands, group_bench.group.instances["VI_1"].moving
    hands.leave("VI_1", placed, boottime())
    assert _held(group_bench) == {VIP: "lo"}
    assert hands.deadline() <= boottime() + SECONDS

    def over() -> bool:
        hands.timers()
        return not _held(group_bench)

    wait_for(over, 5, "the end of late frames")


def _held(bench: Bench) -> dict[object, str]:
    found = addresses.dump(bench.netlink)
    return {e.address: socket.if_indextoname(e.index) for e in found if e.address == VIP}


def test_addresses_and_routes_come_and_go_together_and_those_of_nobody_stay(group_bench: Bench) -> None:
    route, static = "10.9.1.0/24", "10.9.2.0/24"
    own = instance(virtual_routes=(_route(route),))
    group_bench.group.configure(Configuration(instances=(own,), static_routes=(_route(static),)), FRESH)
    shown = group_bench.host.run(["ip", "route", "show"]).stdout
    assert (route in shown, static in shown, group_bench.virtual()) == (True, True, {VIP})
    group_bench.group.configure(Configuration(static_routes=(_route(static),)), FRESH)
    shown = group_bench.host.run(["ip", "route", "show"]).stdout
    assert (route in shown, static in shown, group_bench.virtual()) == (False, True, set())
    group_bench.group.stop()
    assert static not in group_bench.host.run(["ip", "route", "show"]).stdout


def _route(destination: str) -> Route:
    address, length = destination.split("/")
    return Route(destination=Prefix(address=ipaddress.ip_address(address), length=int(length)), device="eth0")
