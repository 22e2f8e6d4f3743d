# SPDX-License-Identifier: Apache-2.0
"""VRRP of every kind with real keepalived 2.2.7 as the peer: elected both ways round, failed over both ways.
Nobody refuses a packet.

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
from bascule.model.base import from_json
from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import InstanceState, Role, StopMode
from bascule.model.status import InstanceStatus, VrrpStatus
from tests.interop.scenarios import ALL, OLD_OURS, OLD_THEIRS, PASS_V2_6, V2, Scenario

pytestmark = [pytest.mark.root, pytest.mark.lab, pytest.mark.few]

MARGIN = 0.05
"""What we may add to the protocol's formula."""

KEEPALIVED_MARGIN = 0.25
"""What keepalived may, beside other tests on a shared machine."""

Configured = Callable[..., Configuration]
Who = Callable[..., list[str]]


def kinds(*kinds: Scenario) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.name)


def is_in(role: LoneRole, state: VrrpState) -> bool:
    states = [message.state for message in role.messages if isinstance(message, InstanceState)]
    return bool(states) and states[-1] is state


def status(role: LoneRole) -> InstanceStatus:
    return from_json(role.status(), VrrpStatus).instances[0]


@kinds(*ALL, OLD_OURS)
def test_we_lead_and_keepalived_follows(
    network: Network, wire: Any, who_holds: Who, start_keepalived: Any, configured: Configured, kind: Scenario
) -> None:
    peer = start_keepalived("d2", 90, kind)
    configuration = configured(100, kind)
    with LoneRole(network.host("d1"), Role.VRRP, configuration) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), kind.down(100) + 1, "to be elected")
        wait_for(lambda: who_holds(kind.vip) == ["d1"], 1, "keepalived to give way")
        stays(lambda: who_holds(kind.vip) == ["d1"], kind.down(90) + 1, "we alone hold the address")
        assert len(wire.announcements("d1", kind.vip)) >= 5
        assert peer.errors() == {}
        assert status(role).packets_refused == {}
        assert role.stop() == 0
    wait_for(lambda: who_holds(kind.vip) == ["d2"], kind.down(90) + 1, "keepalived to take over")
    stopped = wire.adverts("d1", 0)[-1]
    taken = next(at for at in wire.announcements("d2", kind.vip) if at > stopped)
    assert taken - stopped <= kind.skew(90) + KEEPALIVED_MARGIN, "it did not understand our priority 0"

    with LoneRole(network.host("d1"), Role.VRRP, configuration) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), kind.down(100) + 1, "to preempt")
        wait_for(lambda: who_holds(kind.vip) == ["d1"], 1, "keepalived to give way")
        assert status(role).packets_refused == {}
        stays(lambda: who_holds(kind.vip) == ["d1"], kind.interval, "we alone hold the address again")
        role.kill()
    wait_for(lambda: "d2" in who_holds(kind.vip), kind.down(90) + 1, "keepalived to take over from a dead one")
    last = wire.adverts("d1")[-1]
    wait_for(lambda: wire.announcements("d2", kind.vip)[-1] > last, 2, "its announcement")
    taken = next(at for at in wire.announcements("d2", kind.vip) if at > last)
    assert kind.down(90) - 0.01 <= taken - last <= kind.down(90) + KEEPALIVED_MARGIN
    wait_for(lambda: who_holds(kind.vip) == ["d2"], 2 * kind.down(100) + 3, "the address of the dead one to expire")
    assert peer.errors() == {}
    peer.stop()


@kinds(*ALL, OLD_THEIRS)
def test_keepalived_leads_and_we_follow(
    network: Network, wire: Any, who_holds: Who, start_keepalived: Any, configured: Configured, kind: Scenario
) -> None:
    peer = start_keepalived("d2", 100, kind)
    with LoneRole(network.host("d1"), Role.VRRP, configured(90, kind)) as role:
        wait_for(lambda: who_holds(kind.vip) == ["d2"], kind.down(100) + 1, "keepalived to be elected")
        stays(lambda: who_holds(kind.vip) == ["d2"], kind.down(90) + 1, "keepalived alone holds the address")
        assert is_in(role, VrrpState.BACKUP)
        assert str(status(role).master) in network.host("d2").run(["ip", "address", "show", "dev", "eth0"]).stdout
        assert peer.errors() == {}
        peer.stop()
        role.until(lambda: is_in(role, VrrpState.MASTER), kind.down(90) + 0.5, "to take over")
        stopped = wire.adverts("d2", 0)[-1]
        wait_for(lambda: wire.announcements("d1", kind.vip), 2, "our announcement")
        taken = wire.announcements("d1", kind.vip)[0]
        assert -0.001 <= wire.excess(stopped + kind.skew(90), taken) <= MARGIN

        peer = start_keepalived("d2", 100, kind)
        role.until(lambda: is_in(role, VrrpState.BACKUP), kind.down(100) + 1, "to be preempted")
        wait_for(lambda: who_holds(kind.vip) == ["d2"], 1, "keepalived alone to hold the address")
        stays(lambda: who_holds(kind.vip) == ["d2"], kind.interval, "keepalived alone holds the address again")
        assert peer.errors() == {}
        peer.kill()
        role.until(lambda: is_in(role, VrrpState.MASTER), kind.down(90) + 1, "to take over from a dead one")
        last = wire.adverts("d2")[-1]
        wait_for(lambda: wire.announcements("d1", kind.vip)[-1] > last, 2, "our announcement")
        taken = next(at for at in wire.announcements("d1", kind.vip) if at > last)
        assert -0.001 <= wire.excess(last + kind.down(90), taken) <= MARGIN
        assert status(role).packets_refused == {}
        assert set(status(role).checksum_forms) == {kind.form}
        assert role.stop(StopMode.STOP) == 0


def test_over_ipv6_keepalived_says_pass_without_a_password_and_is_heard_and_succeeded(
    network: Network, who_holds: Who, start_keepalived: Any, configured: Configured
) -> None:
    """The other way round is no test: keepalived's process dies of an advert such as it sends itself."""
    kind = PASS_V2_6
    peer = start_keepalived("d2", 100, kind)
    with LoneRole(network.host("d1"), Role.VRRP, configured(90, kind)) as role:
        wait_for(lambda: who_holds(kind.vip) == ["d2"], kind.down(100) + 1, "keepalived to be elected")
        stays(lambda: who_holds(kind.vip) == ["d2"], kind.down(90) + 1, "keepalived alone holds the address")
        peer.stop()
        role.until(lambda: is_in(role, VrrpState.MASTER), kind.skew(90) + 1, "to take over")
        assert status(role).packets_refused == {}
        assert set(status(role).checksum_forms) == {"pseudo_header"}


def test_equal_priorities_are_decided_by_the_address(
    network: Network, wire: Any, who_holds: Who, start_keepalived: Any, configured: Configured
) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, configured(100)) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), V2.down(100) + 1, "to be elected alone")
        peer = start_keepalived("d2", 100)
        stays(lambda: who_holds() == ["d1"], V2.down(100) + 1, "an equal one does not preempt")
        assert wire.adverts("d2") == []
        assert peer.errors() == {}
        network.cut("d1")
        role.until(lambda: is_in(role, VrrpState.FAULT), 2, "to see the cut cable")
        wait_for(lambda: who_holds() == ["d2"], V2.down(100) + 1, "keepalived to take over")
        network.mend("d1")
        role.until(lambda: is_in(role, VrrpState.BACKUP), 2, "to see the mended cable")
        stays(lambda: who_holds() == ["d2"], V2.down(100) + 1, "nor do we preempt an equal one")
        peer.stop()
