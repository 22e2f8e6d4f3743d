# SPDX-License-Identifier: Apache-2.0
"""BFD with FRR's bfdd 8.4 and with keepalived 2.2.7 as the neighbour: up, lost in time, told of a stop, tracked."""

from __future__ import annotations

import ipaddress
import os
import signal

import msgspec
import pytest

from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.waiting import stays, wait_for
from bascule.model.base import IPAddress, Priority, Seconds, Vrid, from_json
from bascule.model.bfd import BfdSession
from bascule.model.configuration import Configuration, VirtualAddress, VrrpInstance, VrrpState
from bascule.model.messages import Handover, InstanceState, Role, StopMode
from bascule.model.status import BfdStatus, VrrpStatus
from bascule.model.tracking import Tracked, TrackerKind
from tests.interop.bfdd import Bfdd
from tests.interop.scenarios import HERE, HERE6, PEER, PEER6

pytestmark = [pytest.mark.root, pytest.mark.lab]

UP_SECONDS = 15.0
SESSION = BfdSession(name="d2", neighbour=PEER, source=HERE, min_rx=Seconds(0.05), min_tx=Seconds(0.05), multiplier=3)
SESSION6 = BfdSession(name="d2", neighbour=PEER6, source=HERE6, min_rx=Seconds(0.05), min_tx=Seconds(0.05))
ADDRESS = ipaddress.IPv4Address("192.168.2.240")


def configuration(session: BfdSession, interval: float = 0.1) -> Configuration:
    """An instance that follows the session."""
    instance = VrrpInstance(
        name="VI_1",
        interface="eth0",
        vrid=Vrid(51),
        priority=Priority(100),
        advert_interval=Seconds(interval),
        version=3,
        virtual_addresses=(VirtualAddress(address=ADDRESS, prefix_length=32),),
        tracked=(Tracked(kind=TrackerKind.BFD, name=session.name),),
    )
    return Configuration(instances=(instance,), bfd_sessions=(session,))


def session(role: LoneRole) -> BfdStatus:
    (found,) = from_json(role.status(), VrrpStatus).bfd
    return found


def is_in(role: LoneRole, state: VrrpState) -> bool:
    states = [message.state for message in role.messages if isinstance(message, InstanceState)]
    return bool(states) and states[-1] is state


@pytest.mark.parametrize(("ours", "neighbour"), [(SESSION, HERE), (SESSION6, HERE6)], ids=["ipv4", "ipv6"])
def test_with_frr_a_session_comes_up_and_its_loss_is_a_fault(
    network: Network, ours: BfdSession, neighbour: IPAddress
) -> None:
    peer = Bfdd(network.host("d2"), neighbour)
    with LoneRole(network.host("d1"), Role.VRRP, configuration(ours)) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), UP_SECONDS, "the session to be up and the instance active")
        peer.until("up", UP_SECONDS)
        found = session(role)
        assert (found.state, found.why, found.packets_refused) == ("UP", "the neighbour says INIT", {})
        assert found.detection_time == pytest.approx(0.15)
        # bfdd multiplies by our multiplier.
        assert peer.session()["remote-transmit-interval"] == 50
        stays(lambda: session(role).state == "UP", 1.0, "the session is up")
        peer.kill()
        role.until(lambda: is_in(role, VrrpState.FAULT), 5, "to notice")
        reasons = [message.reason for message in role.messages if isinstance(message, InstanceState)]
        assert reasons[-1] == "bfd d2 is DOWN: no packet for 0.150 s"
        again = Bfdd(network.host("d2"), neighbour)
        role.until(lambda: is_in(role, VrrpState.MASTER), UP_SECONDS, "the session to be up again")
        again.until("up", UP_SECONDS)
        assert role.stop() == 0
    wait_for(lambda: again.session().get("status") == "down", 5, "bfdd to be told", evidence=again.log)
    assert again.session()["remote-diagnostic"] == "administratively down"


def test_a_restart_goes_on_with_the_session(network: Network) -> None:
    peer = Bfdd(network.host("d2"), HERE, multiplier=40)
    # A slow instance, and a patient neighbour: starting a process takes what it takes.
    patient = msgspec.structs.replace(SESSION, multiplier=40)
    changed = configuration(patient, interval=2.0)
    with LoneRole(network.host("d1"), Role.VRRP, changed) as role:
        role.until(
            lambda: is_in(role, VrrpState.MASTER), 2 * UP_SECONDS, "the session to be up and the instance active"
        )
        peer.until("up", UP_SECONDS)
        assert role.stop(StopMode.RESTART) == 0
        (handover,) = (message for message in role.messages if isinstance(message, Handover))
    assert [entry.session for entry in handover.bfd] == ["d2"]
    with LoneRole(network.host("d1"), Role.VRRP, changed, restarted=True, first=(handover,)) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), UP_SECONDS, "to go on")
        assert session(role).state == "UP"
        states = [message.state for message in role.messages if isinstance(message, InstanceState)]
        assert set(states) == {VrrpState.MASTER}
        stays(lambda: peer.session().get("status") == "up", 3.0, "bfdd has noticed nothing")
        assert role.stop() == 0


KEEPALIVED = """
global_defs {
    router_id PEER
}
bfd_instance d1 {
    neighbor_ip 192.168.2.210
    source_ip 192.168.2.211
    min_rx 50
    min_tx 50
    multiplier 3
}
"""


@pytest.fixture
def keepalived(network: Network) -> LabHost:
    """keepalived's BFD process on d2."""
    host = network.host("d2")
    file = host.folder / "keepalived.conf"
    file.write_text(KEEPALIVED)
    command = ["keepalived", "--dont-fork", "--log-console", "--log-detail", "--use-file", str(file)]
    command += ["--pid", str(host.folder / "pid"), "--bfd_pid", str(host.folder / "bfd.pid")]
    host.popen([*command, "--vrrp_pid", str(host.folder / "v"), "--checkers_pid", str(host.folder / "c")], log="k")
    return host


def test_with_keepalived_a_session_comes_up_and_its_loss_is_a_fault(network: Network, keepalived: LabHost) -> None:
    def says(text: str) -> bool:
        return text in keepalived.log_file("k").read_text()

    with LoneRole(network.host("d1"), Role.VRRP, configuration(SESSION)) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), UP_SECONDS, "the session to be up and the instance active")
        wait_for(
            lambda: says("Entering Up state"), UP_SECONDS, "keepalived", evidence=keepalived.log_file("k").read_text
        )
        assert session(role).packets_refused == {}
        stays(lambda: session(role).state == "UP", 1.0, "the session is up")
        os.kill(int((keepalived.folder / "bfd.pid").read_text()), signal.SIGSTOP)
        role.until(lambda: is_in(role, VrrpState.FAULT), 5, "to notice")
        os.kill(int((keepalived.folder / "bfd.pid").read_text()), signal.SIGCONT)
        role.until(lambda: is_in(role, VrrpState.MASTER), UP_SECONDS, "the session to be up again")
        assert role.stop() == 0
    wait_for(
        lambda: says("Entering Down state"), 5, "keepalived to be told", evidence=keepalived.log_file("k").read_text
    )
