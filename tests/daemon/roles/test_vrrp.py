# SPDX-License-Identifier: Apache-2.0
"""The vrrp role as a process of its own: what it tells its supervisor, and what it leaves behind however it ends."""

from __future__ import annotations

import ipaddress
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from unittest import mock

import pytest

from bascule.daemon.bus import BusClosedError
from bascule.daemon.roles import vrrp
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import stays, wait_for
from bascule.model.base import Priority, Seconds, Vrid, from_json
from bascule.model.configuration import (
    AuthHmac,
    BasculeOptions,
    Configuration,
    HmacKey,
    VirtualAddress,
    VirtualServerConfig,
    VrrpInstance,
    VrrpState,
)
from bascule.model.messages import (
    Handover,
    InstanceChanged,
    InstanceState,
    LastWill,
    Ready,
    Refused,
    Role,
    Started,
    StopMode,
)
from bascule.model.service import Protocol, ServiceId
from bascule.model.status import VrrpStatus
from bascule.vrrp.switch import WINDOW, WINDOW_ORPHANED

root = pytest.mark.root
lab = pytest.mark.lab

VIP = ipaddress.IPv4Address("192.168.2.240")
DOWN = 3.7
"""Seconds: the down interval of an advert a second, rounded up."""

PAIR = Topology(
    name="pair",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(name=name, role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"192.168.2.{last}/24",)),))
        for name, last in (("d1", 210), ("d2", 211))
    ),
)


def configuration(priority: int, *, lifetime: float | None = None, **changes: object) -> Configuration:
    values: dict[str, object] = {
        "name": "VI_1",
        "interface": "eth0",
        "vrid": Vrid(51),
        "priority": Priority(priority),
        "virtual_addresses": (VirtualAddress(address=VIP, prefix_length=32),),
        **changes,
    }
    options = BasculeOptions(vip_lifetime=None if lifetime is None else Seconds(lifetime))
    return Configuration(instances=(VrrpInstance(**values),), options=options)  # type: ignore[arg-type]


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        yield built


@pytest.fixture
def d1(network: Network) -> LabHost:
    return network.host("d1")


def holds(host: LabHost) -> bool:
    return f"inet {VIP}/" in host.run(["ip", "-4", "address", "show", "dev", "eth0"]).stdout


def states(role: LoneRole) -> list[VrrpState]:
    return [message.state for message in role.messages if isinstance(message, InstanceChanged)]


def reach(role: LoneRole, state: VrrpState, seconds: float = DOWN + 2) -> None:
    role.until(lambda: states(role)[-1:] == [state], seconds, f"state {state.value}")


def status(role: LoneRole) -> VrrpStatus:
    return from_json(role.status(), VrrpStatus)


def will(role: LoneRole) -> LastWill:
    return [message for message in role.messages if isinstance(message, LastWill)][-1]


def test_nothing_heavy_is_imported() -> None:
    heavy = "('asyncio', 'pyroute2', 'rich', 'ssl', 'numpy')"
    program = f"import sys, bascule.daemon.roles.vrrp; print(*(m for m in {heavy} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == []


@root
@lab
def test_it_starts_becomes_active_answers_and_stops_in_order(d1: LabHost) -> None:
    with LoneRole(d1, Role.VRRP, configuration(100)) as role:
        assert states(role) == [VrrpState.BACKUP]
        assert will(role) == LastWill()
        reach(role, VrrpState.MASTER)
        role.until(lambda: role.messages[-1:] != [] and isinstance(role.messages[-1], InstanceState), 2, "its state")
        assert holds(d1)
        (shown,) = status(role).instances
        assert (shown.state, shown.reason, shown.adverts_sent) == (VrrpState.MASTER, "no advert heard", 1)
        assert status(role).notes == ()
        late = status(role).lateness
        assert 0 < late.last_minute.count <= late.since_start.count <= sum(bucket.count for bucket in late.buckets)
        assert 0 < late.since_start.p50 <= late.since_start.max == status(role).lateness_max
        assert [(a.address, a.prefix_length) for a in will(role).addresses] == [(VIP, 32)]
        assert role.stop() == 0
        assert will(role) == LastWill()
        assert not holds(d1)


@root
@lab
def test_an_interface_that_does_not_exist_is_refused_by_name(d1: LabHost) -> None:
    role = LoneRole(d1, Role.VRRP, configuration(100, interface="eth7"))
    role.until(lambda: any(isinstance(message, Refused) for message in role.messages), 10, "the refusal")
    (refusal,) = [message for message in role.messages if isinstance(message, Refused)]
    assert refusal.reason == "vrrp_instance VI_1: there is no interface eth7"
    assert role.process.wait(5) == 3
    role.hang_up()


@root
@lab
def test_a_reload_changes_in_place_and_a_bad_one_changes_nothing(d1: LabHost) -> None:
    with LoneRole(d1, Role.VRRP, configuration(255)) as role:
        reach(role, VrrpState.MASTER)
        role.configure(configuration(255, interface="eth7"))
        role.until(lambda: any(isinstance(message, Refused) for message in role.messages), 5, "the refusal")
        assert holds(d1)
        role.configure(configuration(200))
        role.until(lambda: role.messages[-1] == Started(role=Role.VRRP, generation=3), 5, "the reload")
        assert states(role) == [VrrpState.MASTER]
        assert status(role).instances[0].priority == 200
        assert role.stop() == 0


@root
@lab
def test_a_supervisor_that_is_gone_means_stop(d1: LabHost) -> None:
    with LoneRole(d1, Role.VRRP, configuration(255)) as role:
        reach(role, VrrpState.MASTER)
        role.hang_up()
        assert role.process.wait(5) == 0
        assert not holds(d1)


def test_without_its_supervisor_it_asks_others_for_a_moment_only() -> None:
    """The peers of a director whose supervisor was killed take over within their skew time and 15 ms."""
    closed = mock.Mock()
    closed.receive.side_effect = BusClosedError
    runner = object.__new__(vrrp.Runner)
    runner._stop, runner._orphaned, runner._bus = None, False, closed
    runner._group = mock.Mock(instances={"VI_1": mock.Mock(state=VrrpState.MASTER)})
    runner._switchboard = mock.Mock(busy=False)
    runner._switch_over()
    runner._read_bus()
    assert runner._stop is StopMode.STOP
    runner._switch_over()
    asked = [call.kwargs["window"] for call in runner._switchboard.begin.call_args_list]
    assert asked == [WINDOW, WINDOW_ORPHANED]
    assert WINDOW_ORPHANED <= 0.005


@root
@lab
def test_killed_it_leaves_a_will_and_an_address_that_ends_by_itself(d1: LabHost) -> None:
    with LoneRole(d1, Role.VRRP, configuration(255, lifetime=2)) as role:
        reach(role, VrrpState.MASTER)
        stays(lambda: holds(d1), 3, "the address is renewed")
        role.pump(0)
        assert len(will(role).frames) == 1
        role.kill()
        wait_for(lambda: not holds(d1), 3.5, "the address to end with its lifetime")


@root
@lab
def test_a_restart_goes_on_as_active_without_a_gap(network: Network, d1: LabHost) -> None:
    config = configuration(100)
    with LoneRole(network.host("d2"), Role.VRRP, configuration(90)) as peer:
        with LoneRole(d1, Role.VRRP, config) as role:
            reach(role, VrrpState.MASTER)
            peer.until(lambda: (peer.pump(0.1), states(peer)[-1] is VrrpState.BACKUP)[1], 2, "the peer to follow")
            before = states(peer)
            assert role.stop(StopMode.RESTART) == 0
            (handover,) = [message for message in role.messages if isinstance(message, Handover)]
        assert handover.active == ("VI_1",)
        assert holds(d1)
        with LoneRole(d1, Role.VRRP, config, restarted=True, first=(handover,)) as role:
            told = [message.state for message in role.messages if isinstance(message, InstanceState)]
            assert set(told) == {VrrpState.MASTER}
            assert states(role) == [], "nobody needs to be told: for the world outside nothing has changed"
            assert holds(d1)
            stays(lambda: (peer.pump(0), states(peer) == before)[1], DOWN, "the peer sees no change")
            assert role.stop() == 0
        reach(peer, VrrpState.MASTER, 1)
        assert status(peer).instances[0].reason == "192.168.2.210 stopped"


@root
@lab
def test_a_will_whose_adverts_are_signed_is_made_anew_while_it_is_active(network: Network, d1: LabHost) -> None:
    key = HmacKey(number=1, secret=bytes(32))
    signing = AuthHmac(keys=(key,), active_key=1, window=Seconds(5.0))
    with (
        LoneRole(d1, Role.VRRP, configuration(100, version=3, auth_hmac=signing)) as role,
        LoneRole(network.host("d2"), Role.VRRP, configuration(90, version=3, auth_hmac=signing)) as peer,
    ):
        reach(role, VrrpState.MASTER)
        first = will(role).frames[0].packet
        role.until(lambda: will(role).frames[0].packet != first, 10, "a fresh will")
        peer.until(lambda: status(peer).instances[0].adverts_received > 2, 10, "our adverts to be heard")
        assert status(peer).instances[0].packets_refused == {}
        assert states(peer)[-1] is VrrpState.BACKUP


@root
@lab
def test_after_a_crash_it_does_not_preempt_before_the_stable_time(network: Network, d1: LabHost) -> None:
    hold = Handover(active=(), crash_hold=Seconds(6.0))
    with LoneRole(network.host("d2"), Role.VRRP, configuration(90)) as peer:
        reach(peer, VrrpState.MASTER)
        with LoneRole(d1, Role.VRRP, configuration(100), restarted=True, first=(hold,)) as role:
            reach(role, VrrpState.MASTER, 8)
            backup, active = [message for message in role.messages if isinstance(message, InstanceChanged)]
            assert active.at - backup.at == pytest.approx(6.0, abs=0.3)
            assert "event=preemption_held" in role.log()


@root
@lab
def test_the_plane_decides_when_a_peer_that_is_heard_may_be_preempted(network: Network, d1: LabHost) -> None:
    served = VirtualServerConfig(id=ServiceId(protocol=Protocol.TCP, address=VIP, port=80))
    plain = configuration(100)
    waits = Configuration(
        instances=plain.instances,
        virtual_servers=(served,),
        options=BasculeOptions(ready_timeout=Seconds(60.0)),
    )
    with LoneRole(network.host("d2"), Role.VRRP, configuration(90)) as peer:
        reach(peer, VrrpState.MASTER)
        with LoneRole(d1, Role.VRRP, waits) as role:
            role.until(lambda: "event=preemption_held" in (role.pump(0.05), role.log())[1], DOWN + 2, "the hold")
            assert states(role) == [VrrpState.BACKUP]
            role.send(Ready(ready=True, reason="every check has had an attempt"))
            reach(role, VrrpState.MASTER, 1)


@root
@lab
def test_stopped_processes_never_promote_themselves_on_old_time(network: Network, d1: LabHost) -> None:
    """SIGSTOP longer than the down interval: of the backup beside a live active, and of the active."""
    with (
        LoneRole(d1, Role.VRRP, configuration(100)) as high,
        LoneRole(network.host("d2"), Role.VRRP, configuration(90)) as low,
    ):
        reach(high, VrrpState.MASTER)
        os.kill(low.process.pid, signal.SIGSTOP)
        high.until(lambda: (high.pump(0.1), high_sent(high) >= 6)[1], DOWN + 6, "adverts that the stopped one missed")
        os.kill(low.process.pid, signal.SIGCONT)
        stays(lambda: (low.pump(0), states(low) == [VrrpState.BACKUP])[1], 2.0, "the woken backup stays backup")
        assert "event=timer_late" in low.log()
        late = status(low).lateness.last_minute
        assert late.p50 < 1 < late.max, "the pause is one of its timers"
        os.kill(high.process.pid, signal.SIGSTOP)
        reach(low, VrrpState.MASTER, DOWN + 1)
        low.until(lambda: (low.pump(0.1), high_sent(low) >= 2)[1], 4, "the new active to settle")
        os.kill(high.process.pid, signal.SIGCONT)
        high.until(lambda: VrrpState.BACKUP in states(high)[2:], 2, "the overslept active to be backup")
        assert not holds(d1)
        reach(high, VrrpState.MASTER, 2 * DOWN)
        reach(low, VrrpState.BACKUP, 1)


@root
@lab
def test_both_stopped_for_ten_seconds_wake_to_one_active_that_listened_first(network: Network, d1: LabHost) -> None:
    with (
        LoneRole(d1, Role.VRRP, configuration(150)) as high,
        LoneRole(network.host("d2"), Role.VRRP, configuration(50)) as low,
    ):
        reach(high, VrrpState.MASTER)
        high.until(lambda: (high.pump(0.1), high_sent(high) >= 2)[1], DOWN + 6, "adverts")
        for role in (high, low):
            os.kill(role.process.pid, signal.SIGSTOP)
        stays(lambda: all(") T " in stat(role) for role in (high, low)), 10.0, "both are stopped")
        for role in (high, low):
            role.messages.clear()
            os.kill(role.process.pid, signal.SIGCONT)
        woke = time.time()
        reach(high, VrrpState.BACKUP)
        reach(high, VrrpState.MASTER, 2 * DOWN + 5)
        again = next(m for m in high.messages if isinstance(m, InstanceChanged) and m.state is VrrpState.MASTER)
        assert again.at - woke >= 1.0, "it listened for an advert interval at the least"
        low.until(lambda: (low.pump(0.1), states(low)[-1:] in ([], [VrrpState.BACKUP]))[1], 5, "one active")
        assert not holds(network.host("d2"))
        assert "event=timer_late" in low.log()


def stat(role: LoneRole) -> str:
    """How its process is, proc(5)."""
    return pathlib.Path(f"/proc/{role.process.pid}/stat").read_text()


def high_sent(role: LoneRole) -> int:
    """How many adverts it sent."""
    return status(role).instances[0].adverts_sent
