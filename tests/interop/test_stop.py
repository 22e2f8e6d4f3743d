# SPDX-License-Identifier: Apache-2.0
"""A stop with real keepalived 2.2.7 as the peer, version 2: for how long nobody has the address, beside the same stop
of keepalived by the same peer in the same run. Our question to other bascules, which that peer does not hear, comes
before priority 0, while the address is still served: it costs nothing."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import pytest

from bascule.lab.lone_role import LoneRole
from bascule.lab.network import Network
from bascule.lab.waiting import wait_for
from bascule.model.configuration import Configuration
from bascule.model.messages import Role
from tests.daemon.echoes import Flood
from tests.interop.conftest import Keepalived
from tests.interop.scenarios import V2, VIP

pytestmark = [pytest.mark.root, pytest.mark.lab, pytest.mark.alone, pytest.mark.timeout(180)]

RUNS = 3
MARGIN = 0.004
"""Seconds: what either program may exceed the formula by, and is not judged."""

REALTIME = "global_defs {\n vrrp_rt_priority 50\n vrrp_rlimit_rttime 1000000\n}\n"
"""As we have it: else a loaded machine is what is compared."""

Who = Callable[..., list[str]]


def started(network: Network, host: str, priority: int) -> Keepalived:
    return Keepalived(network.host(host), priority, V2.keepalived, before=REALTIME)


def reaches(wire: Any, who_holds: Who) -> float:
    """Wait until d1 leads alone; when it sent its last advert."""
    wait_for(lambda: who_holds() == ["d1"], 15, "d1 to lead alone")
    return float(wire.last("d1"))


def gap(wire: Any, since: float) -> float:
    """From d1's priority 0 to d2's announcement: seconds beyond the skew time, less what the machine was late by."""
    wait_for(lambda: [at for at in wire.announcements("d2") if at > since], 10, "the peer's announcement")
    stopped = next(at for at in wire.adverts("d1", 0) if at > since)
    announced = next(at for at in wire.announcements("d2") if at > stopped)
    return float(wire.excess(stopped + V2.skew(90), announced))


def test_it_costs_no_more_than_a_stop_of_keepalived(
    network: Network,
    wire: Any,
    who_holds: Who,
    configured: Callable[..., Configuration],
) -> None:
    peer = started(network, "d2", 90)
    ours, theirs = [], []
    for _ in range(RUNS):
        with LoneRole(network.host("d1"), Role.VRRP, configured(100)) as role:
            since = reaches(wire, who_holds)
            assert role.stop() == 0
        ours.append(gap(wire, since))
        keepalived = started(network, "d1", 100)
        since = reaches(wire, who_holds)
        keepalived.stop()
        theirs.append(gap(wire, since))
    print(f"beyond the skew time, ms: ours {_shown(ours)}, keepalived's {_shown(theirs)}")
    assert statistics.median(ours) <= max(MARGIN, *theirs), f"{ours} {theirs}"
    assert peer.errors() == {}
    peer.stop()


def _shown(values: list[float]) -> str:
    return ", ".join(f"{value * 1000:.1f}" for value in values)


def test_the_address_is_served_until_priority_0_is_said(
    network: Network,
    wire: Any,
    who_holds: Who,
    configured: Callable[..., Configuration],
) -> None:
    """Of an echo request each millisecond nearly all that came before the stop was said are answered."""
    peer = started(network, "d2", 90)
    with LoneRole(network.host("d1"), Role.VRRP, configured(100)) as role:
        reaches(wire, who_holds)
        flood = Flood(network.host("d2"), VIP)
        flood.until_sent(300)
        since = wire.last("d1")
        assert role.stop() == 0
        lost = flood.end()
    stopped = [at for at in wire.adverts("d1", 0) if at > since]
    assert len(stopped) == 1, "it was said once"
    assert lost == [] or lost[0] > 300, "nothing was lost while others were asked"
    peer.stop()
