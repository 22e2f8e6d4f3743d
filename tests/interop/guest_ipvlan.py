# SPDX-License-Identifier: Apache-2.0
"""`use_ipvlan` beside keepalived 2.2.7 and against it; run in a guest by test_ipvlan.py."""

from __future__ import annotations

import functools
import ipaddress
import json
from typing import Any

import pytest

from bascule.lab import lone_role
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.waiting import stays, wait_for
from bascule.model.base import Priority, Seconds, Vrid, from_json
from bascule.model.configuration import BasculeOptions, Configuration, VirtualAddress, VrrpInstance, VrrpState
from bascule.model.messages import Handover, InstanceState, LastWill, Role, StopMode, SwitchOrder, SwitchOutcome
from bascule.model.status import VrrpStatus
from bascule.model.virtual_mac import IpVlan, IpVlanMode
from tests.interop.conftest import PAIR, Keepalived
from tests.interop.test_own_interfaces import TWINS, configured, holds, stands, whole

pytestmark = [pytest.mark.root, pytest.mark.lab]

PATIENCE = 40.0
HEAD = "version 3\n advert_int 0.5\n"
VIP = "192.168.7.100"
EXCLUDED = "virtual_ipaddress_excluded {\n fd07::100/64\n }"
V4 = f"virtual_ipaddress {{\n {VIP}/24\n 192.168.7.101/24 dev eth0\n }}\n{EXCLUDED}"
V6 = "virtual_ipaddress {\n fe80::53/128\n fd07::53/64\n }"

KINDS = {
    "named": ("use_ipvlan ip51 192.168.7.201/24", V4, VIP),
    "nameless": ("use_ipvlan 192.168.7.201 private", V4, VIP),
    "vepa": ("use_ipvlan 192.168.7.201/24 vepa\n garp_extra_if all 1", V4, VIP),
    "with-addresses": ("use_ipvlan ip51 192.168.7.201/24\n use_vmac", V4, VIP),
    "ipv6-own": ("use_ipvlan fd07::201/64", V6, "fd07::53"),
    "ipv6-near": ("use_ipvlan", V6, "fd07::53"),
    "vmac-elsewhere": (
        "use_ipvlan 192.168.7.201/24",
        f"virtual_ipaddress {{\n {VIP}/24\n 192.168.8.100/24 dev eth1 use_vmac\n }}",
        VIP,
    ),
}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program starts slowly in a guest, all the more beside others."""
    monkeypatch.setattr(lone_role, "START_SECONDS", 2 * PATIENCE)
    monkeypatch.setattr(lone_role, "END_SECONDS", PATIENCE)
    monkeypatch.setattr(Keepalived, "until", functools.partialmethod(Keepalived.until, seconds=PATIENCE))


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_is_what_keepalived_puts(kind: str) -> None:
    line, lists, address = KINDS[kind]
    lines = f"{HEAD} {line}\n {lists}"
    with Network(TWINS) as network:
        theirs, ours = network.host("theirs"), network.host("ours")
        for host in (theirs, ours):
            wait_for(functools.partial(_settled, host), PATIENCE, "duplicate address detection")
        before = stands(ours)
        peer = Keepalived(theirs, 200, lines)
        wait_for(lambda: holds(theirs, address), PATIENCE, "keepalived to be active", evidence=peer.log)
        with LoneRole(ours, Role.VRRP, configured(ours, whole("", lines))) as role:
            wait_for(lambda: holds(ours, address), PATIENCE, "us to be active", evidence=role.log)
            shown = functools.partial(_evidence, ours, theirs, role)
            wait_for(lambda: stands(ours) == stands(theirs), PATIENCE, "the same", evidence=shown)
            assert _modes(ours) == _modes(theirs)
            assert role.stop() == 0
        peer.stop()
        wait_for(lambda: stands(ours) == before, PATIENCE, "all of it to be gone", evidence=lambda: str(stands(ours)))


def _settled(host: LabHost) -> bool:
    shown = host.run(["ip", "-6", "address"]).stdout
    return "fe80::" in shown and "tentative" not in shown


def _evidence(ours: LabHost, theirs: LabHost, role: LoneRole) -> str:
    return f"ours {stands(ours)}\ntheirs {stands(theirs)}\n{role.log()}"


def _ipvlans(host: LabHost) -> dict[str, Any]:
    shown = json.loads(host.run(["ip", "-json", "-details", "link", "show", "type", "ipvlan"]).stdout)
    return {each["ifname"]: each for each in shown}


def _modes(host: LabHost) -> dict[str, Any]:
    return {name: each["linkinfo"]["info_data"] for name, each in _ipvlans(host).items()}


OURS, THEIRS = ipaddress.ip_address("192.168.2.201"), ipaddress.ip_address("192.168.2.202")
SHARED = ipaddress.ip_address("192.168.2.240")


def instance(priority: int = 100, **changes: Any) -> VrrpInstance:
    values: dict[str, Any] = {
        "ipvlan": IpVlan(name="ip51", address=OURS, prefix_length=24),
        "virtual_addresses": (VirtualAddress(address=SHARED, prefix_length=32),),
        **changes,
    }
    return VrrpInstance(
        name="VI_1",
        interface="eth0",
        vrid=Vrid(51),
        version=3,
        advert_interval=Seconds(0.5),
        priority=Priority(priority),
        **values,
    )


def peer_lines(line: str) -> str:
    return f"{HEAD} {line}\n virtual_ipaddress {{\n {SHARED}\n }}"


def state(role: LoneRole) -> VrrpState | None:
    return next((each.state for each in reversed(role.messages) if isinstance(each, InstanceState)), None)


@pytest.mark.parametrize("line", ["use_ipvlan kp51 192.168.2.202/24", ""])
def test_we_preempt_keepalived_and_hand_back(line: str) -> None:
    with Network(PAIR) as network:
        here, there = network.host("d1"), network.host("d2")
        peer = Keepalived(there, 90, peer_lines(line))
        wait_for(lambda: holds(there, str(SHARED)), PATIENCE, "keepalived to lead", evidence=peer.log)
        with LoneRole(here, Role.VRRP, Configuration(instances=(instance(),))) as role:
            role.until(lambda: state(role) is VrrpState.MASTER, PATIENCE, "to preempt")
            wait_for(lambda: not holds(there, str(SHARED)), PATIENCE, "keepalived to give way", evidence=peer.log)
            stays(lambda: state(role) is VrrpState.MASTER and not holds(there, str(SHARED)), 3, "we alone lead")
            found = from_json(role.status(), VrrpStatus).instances[0]
            assert (found.master, found.packets_refused) == (OURS, {})
            assert found.made_interfaces == (f"ipvlan ip51 on eth0 at {OURS}",)
            assert role.stop() == 0
        wait_for(lambda: holds(there, str(SHARED)), PATIENCE, "keepalived after our priority 0", evidence=peer.log)
        assert _ipvlans(here) == {}
        peer.stop()


def test_we_follow_keepalived_and_take_over_from_a_dead_one() -> None:
    with Network(PAIR) as network:
        here, there = network.host("d1"), network.host("d2")
        with LoneRole(here, Role.VRRP, Configuration(instances=(instance(90),))) as role:
            role.until(lambda: state(role) is VrrpState.MASTER, PATIENCE, "to be elected alone")
            peer = Keepalived(there, 100, peer_lines("use_ipvlan kp51 192.168.2.202/24"))
            role.until(lambda: state(role) is VrrpState.BACKUP, PATIENCE, "to be preempted")
            stays(lambda: state(role) is VrrpState.BACKUP, 3, "keepalived is heard")
            found = from_json(role.status(), VrrpStatus).instances[0]
            assert (found.master, found.packets_refused) == (THEIRS, {})
            assert not holds(here, str(SHARED))
            peer.kill()
            role.until(lambda: state(role) is VrrpState.MASTER, PATIENCE, "to take over from a dead one")
            assert role.stop() == 0


def test_a_planned_switch_between_ipvlans_finds_the_peer() -> None:
    with Network(PAIR) as network:
        here, there = network.host("d1"), network.host("d2")
        options = BasculeOptions(handover_key="a secret of both")
        behind = IpVlan(name="ip51", address=THEIRS, prefix_length=24)
        first = Configuration(instances=(instance(),), options=options)
        second = Configuration(instances=(instance(90, ipvlan=behind),), options=options)
        with LoneRole(here, Role.VRRP, first) as active, LoneRole(there, Role.VRRP, second) as backup:
            active.until(lambda: state(active) is VrrpState.MASTER, PATIENCE, "to be active")
            backup.until(lambda: state(backup) is VrrpState.BACKUP, PATIENCE, "to follow")
            active.send(SwitchOrder(number=1))
            active.until(lambda: any(isinstance(m, SwitchOutcome) for m in active.messages), PATIENCE, "the outcome")
            outcome = next(m for m in active.messages if isinstance(m, SwitchOutcome))
            assert outcome.ok, outcome.text
            # A guest may be too slow for the few milliseconds in which answers count. A late one is counted as refused.
            if "no other bascule answered" in outcome.text:
                late = functools.partial(_late_answers, active)
                wait_for(late, PATIENCE, "the answer", evidence=lambda: active.log() + backup.log())
            backup.until(lambda: state(backup) is VrrpState.MASTER, PATIENCE, "to have taken over")


def _late_answers(role: LoneRole) -> dict[str, int]:
    return from_json(role.status(), VrrpStatus).orders_refused


def test_what_others_remove_is_made_again_and_a_crash_leaves_it_to_the_successor() -> None:
    with Network(PAIR) as network:
        host = network.host("d1")
        configuration = Configuration(instances=(instance(),))
        with LoneRole(host, Role.VRRP, configuration) as role:
            role.until(lambda: state(role) is VrrpState.MASTER, PATIENCE, "to be active")
            host.run(["ip", "address", "del", f"{OURS}/24", "dev", "ip51"])
            wait_for(lambda: holds(host, str(OURS)), PATIENCE, "its address again", evidence=role.log)
            before = _ipvlans(host)["ip51"]["ifindex"]
            host.run(["ip", "link", "del", "ip51"])
            wait_for(lambda: "interface_made_again" in role.log(), PATIENCE, "another one", evidence=role.log)
            wait_for(lambda: holds(host, str(OURS)), PATIENCE, "its address on it", evidence=role.log)
            assert _ipvlans(host)["ip51"]["ifindex"] != before
            role.until(lambda: state(role) is VrrpState.MASTER, PATIENCE, "to be active")
            sent = from_json(role.status(), VrrpStatus).instances[0].adverts_sent
            wait_for(
                lambda: from_json(role.status(), VrrpStatus).instances[0].adverts_sent > sent + 3, PATIENCE, "adverts"
            )
            wills = [each for each in role.messages if isinstance(each, LastWill) and each.frames]
            assert {(frame.interface, frame.source) for frame in wills[-1].frames} == {("ip51", OURS)}
            assert {entry.interface for entry in wills[-1].addresses} == {"eth0"}
            kept = _ipvlans(host)["ip51"]["ifindex"]
            assert role.stop(StopMode.RESTART) == 0
            handover = next(each for each in role.messages if isinstance(each, Handover))
        with LoneRole(host, Role.VRRP, configuration, restarted=True, first=(handover,)) as role:
            role.until(lambda: state(role) is VrrpState.MASTER, PATIENCE, "to go on")
            assert _ipvlans(host)["ip51"]["ifindex"] == kept
            role.kill()
        assert _ipvlans(host)["ip51"]["ifindex"] == kept
        other = IpVlan(name="ip51", address=OURS, prefix_length=24, mode=IpVlanMode.PRIVATE)
        with LoneRole(host, Role.VRRP, Configuration(instances=(instance(ipvlan=other),))) as role:
            assert _modes(host)["ip51"] == {"mode": "l2", "private": True}, "one that is otherwise is made anew"
            role.configure(Configuration(instances=(instance(ipvlan=None),)))
            wait_for(lambda: _ipvlans(host) == {}, PATIENCE, "none after a reload without it", evidence=role.log)
            role.until(lambda: state(role) is VrrpState.MASTER, PATIENCE, "to be active")
            assert from_json(role.status(), VrrpStatus).instances[0].made_interfaces == ()
            role.configure(configuration)
            wait_for(lambda: "ip51" in _ipvlans(host), PATIENCE, "one after a reload with it", evidence=role.log)
            role.until(lambda: state(role) is VrrpState.MASTER, PATIENCE, "to be active")
            assert role.stop() == 0
        assert _ipvlans(host) == {}
