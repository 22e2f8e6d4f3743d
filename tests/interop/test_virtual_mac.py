# SPDX-License-Identifier: Apache-2.0
"""Virtual MAC addresses with real keepalived (`use_vmac`) and FRR (always) as the peer, seen by a client's caches.

The client asks once and keeps what it learned, whoever is active: the MAC is the virtual router's.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Topology
from bascule.lab.waiting import stays, wait_for
from bascule.model.base import IPAddress, from_json
from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import InstanceState, Role
from bascule.model.status import InstanceStatus, VrrpStatus
from bascule.model.virtual_mac import VirtualMac
from tests.interop.conftest import PAIR, Keepalived, _host
from tests.interop.frr import Frr
from tests.interop.scenarios import V2, V3, V6, VIP6, Scenario

pytestmark = [pytest.mark.root, pytest.mark.lab]

PATIENCE = 20.0
TRIO = Topology(
    name="vmac",
    about="Two routers and a client on one segment.",
    segments=PAIR.segments,
    hosts=(*PAIR.hosts, _host("client", 100)),
)
MACS = {4: "00:00:5e:00:01:33", 6: "00:00:5e:00:02:33"}


def virtual(kind: Scenario, *, base: bool = False) -> Scenario:
    """The same with a virtual MAC on both routers."""
    family = kind.vip.version
    mac = VirtualMac(address=MACS[family], name=None, sends_from_base=base)
    lines = "use_vmac\n " + ("vmac_xmit_base\n " if base else "") + kind.keepalived
    name = kind.name + ("-base" if base else "")
    return dataclasses.replace(kind, name=name, keepalived=lines, changes={**kind.changes, "virtual_mac": mac})


KINDS = (virtual(V2), virtual(V3), virtual(V6), virtual(V3, base=True))
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(TRIO) as built:
        for host in built.hosts.values():
            wait_for(functools.partial(_settled, host), PATIENCE, "duplicate address detection")
        # The peers do not set these: their interface would answer and ask with the wrong MAC.
        settings = [f"net.ipv4.conf.{name}" for name in ("default.arp_ignore=1", "eth0.arp_ignore=1")]
        settings.append("net.ipv4.conf.eth0.arp_announce=2")
        built.host("d2").run(["sysctl", "-qw", *settings])
        yield built


def _settled(host: LabHost) -> bool:
    shown = host.run(["ip", "-6", "address", "show", "dev", "eth0"]).stdout
    return "fe80::" in shown and "tentative" not in shown


def is_in(role: LoneRole, state: VrrpState) -> bool:
    last = {message.instance: message.state for message in role.messages if isinstance(message, InstanceState)}
    return set(last.values()) == {state}


def status(role: LoneRole) -> InstanceStatus:
    return from_json(role.status(), VrrpStatus).instances[0]


def holds(host: LabHost, address: IPAddress) -> bool:
    return f" {address}/" in host.run(["ip", "address"]).stdout


def answers(network: Network, address: IPAddress) -> bool:
    """The client has an answer from the address, which is at the virtual MAC in its cache."""
    client = network.host("client")
    answered = _reached(client, address)
    shown = client.run(["ip", "neighbour", "show", str(address)]).stdout
    macs = re.findall(r"lladdr (\S+)", shown)
    assert set(macs) <= {MACS[address.version]}, f"{address} is at {shown}"
    return answered and bool(macs)


def _reached(client: LabHost, address: IPAddress) -> bool:
    """Somebody who has the address refuses a connection to a port that nobody serves."""
    with client.entered(), socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6) as probe:
        probe.settimeout(1)
        try:
            probe.connect((str(address), 9))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def forget(network: Network) -> None:
    network.host("client").run(["ip", "neighbour", "flush", "dev", "eth0"])


@every_kind
def test_keepalived_and_we_share_a_virtual_mac(network: Network, kind: Scenario) -> None:
    here, there = network.host("d1"), network.host("d2")
    peer = Keepalived(there, 90, kind.keepalived)
    wait_for(lambda: answers(network, kind.vip), PATIENCE, "keepalived to answer")
    with LoneRole(here, Role.VRRP, Configuration(instances=(kind.instance(100),))) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), PATIENCE, "to preempt")
        wait_for(lambda: not holds(there, kind.vip), PATIENCE, "keepalived to give way", evidence=peer.log)
        wait_for(lambda: answers(network, kind.vip), PATIENCE, "us to answer")
        stays(lambda: is_in(role, VrrpState.MASTER) and not holds(there, kind.vip), kind.down(90) + 1, "we alone lead")
        forget(network)
        wait_for(lambda: answers(network, kind.vip), PATIENCE, "us to answer who asks anew")
        assert status(role).virtual_mac == f"{MACS[kind.vip.version]} on vrrp.51"
        assert (peer.errors(), status(role).packets_refused) == ({}, {})
        assert role.stop() == 0
    assert "vrrp.51" not in here.run(["ip", "link"]).stdout, "what was made is removed"
    wait_for(lambda: answers(network, kind.vip), PATIENCE, "keepalived to answer after our priority 0")
    peer.stop()


@every_kind
def test_keepalived_leads_with_a_virtual_mac_and_we_follow(network: Network, kind: Scenario) -> None:
    here, there = network.host("d1"), network.host("d2")
    with LoneRole(here, Role.VRRP, Configuration(instances=(kind.instance(90),))) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), PATIENCE, "to be elected alone")
        wait_for(lambda: answers(network, kind.vip), PATIENCE, "us to answer")
        peer = Keepalived(there, 100, kind.keepalived)
        role.until(lambda: is_in(role, VrrpState.BACKUP), PATIENCE, "to be preempted")
        wait_for(lambda: answers(network, kind.vip), PATIENCE, "keepalived to answer")
        stays(lambda: is_in(role, VrrpState.BACKUP), kind.down(90) + 1, "keepalived is heard")
        assert not holds(here, kind.vip)
        assert (peer.errors(), status(role).packets_refused) == ({}, {})
        peer.kill()
        role.until(lambda: is_in(role, VrrpState.MASTER), PATIENCE, "to take over from a dead one")
        network.host("d2").run(["ip", "link", "del", "vrrp.51"])
        wait_for(lambda: answers(network, kind.vip), PATIENCE, "us to answer again")
        assert role.stop() == 0


@pytest.mark.parametrize("version", [2, 3])
def test_frr_and_we_share_a_virtual_mac(network: Network, version: int) -> None:
    of_version = {2: (dataclasses.replace(V2, changes={}),), 3: (V3, dataclasses.replace(V6, addresses=(VIP6,)))}
    kinds = [virtual(kind) for kind in of_version[version]]
    made = [kind.instance(100) for kind in kinds]
    named = [{field: getattr(entry, field) for field in entry.__struct_fields__} for entry in made]
    ours = [type(made[0])(**{**values, "name": kind.name}) for kind, values in zip(kinds, named, strict=True)]
    peer = Frr(network.host("d2"), 90, version, kinds[0].interval)
    peer.until("Master", PATIENCE)
    for kind in kinds:
        wait_for(functools.partial(answers, network, kind.vip), PATIENCE, "FRR to answer")
    with LoneRole(network.host("d1"), Role.VRRP, Configuration(instances=tuple(ours))) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), PATIENCE, "to preempt")
        peer.until("Backup", PATIENCE)
        for kind in kinds:
            wait_for(functools.partial(answers, network, kind.vip), PATIENCE, "us to answer")
        stays(lambda: peer.states() == {"Backup"}, kinds[0].down(90) + 1, "FRR hears us")
        assert {entry.name: entry.packets_refused for entry in statuses(role)} == {kind.name: {} for kind in kinds}
        assert role.stop() == 0
    peer.until("Master", PATIENCE)
    for kind in kinds:
        wait_for(functools.partial(answers, network, kind.vip), PATIENCE, "FRR to answer after our priority 0")

    with LoneRole(
        network.host("d1"), Role.VRRP, Configuration(instances=tuple(_lower(entry) for entry in ours))
    ) as role:
        role.until(lambda: is_in(role, VrrpState.BACKUP), PATIENCE, "to follow")
        stays(lambda: is_in(role, VrrpState.BACKUP), kinds[0].down(80) + 1, "FRR is heard")
        peer.kill()
        network.host("d2").run(["ip", "link", "set", "eth0", "down"])
        role.until(lambda: is_in(role, VrrpState.MASTER), PATIENCE, "to take over from a dead one")
        for kind in kinds:
            wait_for(functools.partial(answers, network, kind.vip), PATIENCE, "us to answer again")
        assert role.stop() == 0


def statuses(role: LoneRole) -> tuple[InstanceStatus, ...]:
    return from_json(role.status(), VrrpStatus).instances


def _lower(entry: Any) -> Any:
    values = {field: getattr(entry, field) for field in entry.__struct_fields__}
    return type(entry)(**{**values, "priority": 80})
