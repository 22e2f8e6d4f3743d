# SPDX-License-Identifier: Apache-2.0
"""VRRP with real keepalived 2.2.7 as the peer: elected both ways round, failed over both ways, nobody's packet refused.

All times are the kernel's, of frames on the segment: from the last advert of who left to the first announcement of who
came. keepalived's and our own limits are the protocol's: 3 x advert_int + skew after a silence, skew after priority 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bascule.lab.lone_role import LoneRole
from bascule.lab.network import Network
from bascule.lab.waiting import stays, wait_for
from bascule.model.base import Priority, from_json
from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import InstanceState, Role, StopMode
from bascule.model.status import InstanceStatus, VrrpStatus

pytestmark = [pytest.mark.root, pytest.mark.lab]

INTERVAL = 1.0
MARGIN = 0.05
"""What we may add to the protocol's formula."""

KEEPALIVED_MARGIN = 0.25
"""What keepalived may, beside other tests on a shared machine."""

Configured = Callable[..., Configuration]
Who = Callable[[], list[str]]


def skew(priority: int) -> float:
    return (256 - priority) / 256


def down(priority: int) -> float:
    return 3 * INTERVAL + skew(priority)


def is_in(role: LoneRole, state: VrrpState) -> bool:
    states = [message.state for message in role.messages if isinstance(message, InstanceState)]
    return bool(states) and states[-1] is state


def status(role: LoneRole) -> InstanceStatus:
    return from_json(role.status(), VrrpStatus).instances[0]


def test_we_lead_and_keepalived_follows(
    network: Network, wire: Any, who_holds: Who, start_keepalived: Any, configured: Configured
) -> None:
    peer = start_keepalived("d2", 90)
    configuration = configured(priority=Priority(100))
    with LoneRole(network.host("d1"), Role.VRRP, configuration) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), down(100) + 1, "to be elected")
        wait_for(lambda: who_holds() == ["d1"], 1, "keepalived to give way")
        stays(lambda: who_holds() == ["d1"], down(90) + 1, "we alone hold the address")
        assert len(wire.announcements("d1")) >= 5
        assert peer.errors() == {}
        assert status(role).packets_refused == {}
        assert role.stop() == 0
    wait_for(lambda: who_holds() == ["d2"], down(90), "keepalived to take over")
    stopped = wire.adverts("d1", 0)[-1]
    taken = next(at for at in wire.announcements("d2") if at > stopped)
    assert taken - stopped <= skew(90) + KEEPALIVED_MARGIN, "it did not understand our priority 0"

    with LoneRole(network.host("d1"), Role.VRRP, configuration) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), down(100) + 1, "to preempt")
        wait_for(lambda: who_holds() == ["d1"], 1, "keepalived to give way")
        assert status(role).packets_refused == {}
        stays(lambda: who_holds() == ["d1"], INTERVAL, "we alone hold the address again")
        role.kill()
    wait_for(lambda: "d2" in who_holds(), down(90) + 1, "keepalived to take over from a dead one")
    last = wire.adverts("d1")[-1]
    taken = next(at for at in wire.announcements("d2") if at > last)
    assert down(90) - 0.01 <= taken - last <= down(90) + KEEPALIVED_MARGIN
    wait_for(lambda: who_holds() == ["d2"], 2 * down(100) + 3, "the address of the dead one to expire")
    assert peer.errors() == {}
    peer.stop()


def test_keepalived_leads_and_we_follow(
    network: Network, wire: Any, who_holds: Who, start_keepalived: Any, configured: Configured
) -> None:
    peer = start_keepalived("d2", 100)
    with LoneRole(network.host("d1"), Role.VRRP, configured(priority=Priority(90))) as role:
        wait_for(lambda: who_holds() == ["d2"], down(100) + 1, "keepalived to be elected")
        stays(lambda: who_holds() == ["d2"], down(90) + 1, "keepalived alone holds the address")
        assert is_in(role, VrrpState.BACKUP)
        assert status(role).master == network.host("d2").host.address
        assert peer.errors() == {}
        peer.stop()
        role.until(lambda: is_in(role, VrrpState.MASTER), down(90), "to take over")
        stopped = wire.adverts("d2", 0)[-1]
        wait_for(lambda: wire.announcements("d1"), 2, "our announcement")
        taken = wire.announcements("d1")[0]
        assert skew(90) - 0.001 <= taken - stopped <= skew(90) + MARGIN

        peer = start_keepalived("d2", 100)
        role.until(lambda: is_in(role, VrrpState.BACKUP), down(100) + 1, "to be preempted")
        wait_for(lambda: who_holds() == ["d2"], 1, "keepalived alone to hold the address")
        stays(lambda: who_holds() == ["d2"], INTERVAL, "keepalived alone holds the address again")
        assert peer.errors() == {}
        peer.kill()
        role.until(lambda: is_in(role, VrrpState.MASTER), down(90) + 1, "to take over from a dead one")
        last = wire.adverts("d2")[-1]
        wait_for(lambda: wire.announcements("d1")[-1] > last, 2, "our announcement")
        taken = next(at for at in wire.announcements("d1") if at > last)
        assert down(90) - 0.001 <= taken - last <= down(90) + MARGIN
        assert status(role).packets_refused == {}
        assert role.stop(StopMode.STOP) == 0


def test_equal_priorities_are_decided_by_the_address(
    network: Network, wire: Any, who_holds: Who, start_keepalived: Any, configured: Configured
) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, configured(priority=Priority(100))) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), down(100) + 1, "to be elected alone")
        peer = start_keepalived("d2", 100)
        stays(lambda: who_holds() == ["d1"], down(100) + 1, "an equal one does not preempt")
        assert wire.adverts("d2") == []
        assert peer.errors() == {}
        network.cut("d1")
        role.until(lambda: is_in(role, VrrpState.FAULT), 2, "to see the cut cable")
        wait_for(lambda: who_holds() == ["d2"], down(100) + 1, "keepalived to take over")
        network.mend("d1")
        role.until(lambda: is_in(role, VrrpState.BACKUP), 2, "to see the mended cable")
        stays(lambda: who_holds() == ["d2"], down(100) + 1, "nor do we preempt an equal one")
        peer.stop()
