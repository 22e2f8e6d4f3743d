# SPDX-License-Identifier: Apache-2.0
"""Which interfaces with a virtual MAC forward, by the kernel's setting. test_virtual_mac_at_work.py sends frames."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_forwarding import Forwarding
from bascule.daemon.roles.vrrp_seats import Apart, Seat, plain
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import PAIR
from bascule.linux import nftables, sysctl
from bascule.linux.netlink import NetlinkError

pytestmark = [pytest.mark.root, pytest.mark.lab]

SEAT = Seat(base="eth0", holds="vrrp.51", talks="vrrp.51")


@pytest.fixture
def host() -> Iterator[LabHost]:
    with Network(PAIR) as network, network.host("d1").entered():
        made = network.host("d1")
        made.run(["ip", "link", "add", "vrrp.51", "link", "eth0", "type", "macvlan", "mode", "private"])
        sysctl.write("net/ipv4/conf/eth0/forwarding", 1)
        sysctl.write("net/ipv4/conf/vrrp.51/forwarding", 1)
        yield made


def forwards(interface: str = "vrrp.51") -> bool:
    return sysctl.read(f"net/ipv4/conf/{interface}/forwarding") == "1"


@pytest.mark.usefixtures("host")
def test_it_forwards_while_an_instance_on_it_is_active_and_the_interface_beneath_does() -> None:
    forwarding = Forwarding(Log("vrrp"))
    forwarding.keep("one", SEAT, active=False)
    assert (forwards(), forwards("eth0")) == (False, True)
    forwarding.keep("one", SEAT, active=True)
    assert forwards()
    forwarding.keep("other", SEAT, active=False)
    assert forwards(), "they share it"
    forwarding.keep("one", SEAT, active=False)
    assert not forwards()
    sysctl.write("net/ipv4/conf/eth0/forwarding", 0)
    forwarding.keep("other", SEAT, active=True)
    assert not forwards()


@pytest.mark.usefixtures("host")
def test_an_interface_made_anew_is_told_again_and_one_without_a_virtual_mac_is_left_alone() -> None:
    forwarding = Forwarding(Log("vrrp"))
    forwarding.keep("one", SEAT, active=False)
    forwarding.keep("plain", plain("eth0"), active=False)
    assert forwards("eth0")
    sysctl.write("net/ipv4/conf/vrrp.51/forwarding", 1)
    forwarding.again({"vrrp.52"})
    assert forwards()
    forwarding.again({"vrrp.51"})
    assert not forwards()
    sysctl.write("net/ipv4/conf/vrrp.51/forwarding", 1)
    forwarding.forget("one")
    forwarding.again({"vrrp.51"})
    assert forwards()


def test_an_interface_that_is_gone_is_said(host: LabHost, capfd: pytest.CaptureFixture[str]) -> None:
    host.run(["ip", "link", "del", "vrrp.51"])
    Forwarding(Log("vrrp")).keep("one", SEAT, active=False)
    assert "event=forwarding_not_set instance=one" in capfd.readouterr().err


SIX = Seat(base="eth0", holds="vrrp6.51", talks="vrrp6.51")
APART = Seat(base="eth0", holds="eth0", talks="eth0", aparts=(Apart(base="eth1", family=6, holds="vrrp6.52"),))


def test_over_ipv6_the_packet_filter_is_told_once_of_all_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[set[str]] = []
    monkeypatch.setattr(nftables, "drop_forwarded", lambda names: told.append(set(names)))
    monkeypatch.setattr(Forwarding, "_settle", lambda *_: None)
    forwarding = Forwarding(Log("vrrp"))

    def changed() -> set[str] | None:
        before, waits = len(told), 0 < forwarding.deadline() < math.inf
        forwarding.timers()
        assert forwarding.deadline() == math.inf
        assert waits or len(told) == before, "the loop is woken for it"
        return told[-1] if len(told) > before else None

    forwarding.keep("four", SEAT, active=False)
    assert changed() is None, "over IPv4 a setting does it"
    forwarding.keep("one", SIX, active=False, family=6)
    forwarding.keep("other", SIX, active=False, family=6)
    forwarding.keep("apart", APART, active=False)
    assert changed() == {"vrrp6.51", "vrrp6.52"}
    forwarding.keep("one", SIX, active=True, family=6)
    assert changed() == {"vrrp6.52"}
    forwarding.keep("one", SIX, active=False, family=6)
    forwarding.keep("other", SIX, active=True, family=6)
    assert changed() is None, "they share it"
    forwarding.forget("apart")
    assert changed() == set()
    forwarding.clear()
    assert changed() == set(), "what a predecessor left"


def test_a_kernel_without_a_packet_filter_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: object) -> None:
        raise NetlinkError(errno.EOPNOTSUPP, "change the packet filter")

    monkeypatch.setattr(nftables, "drop_forwarded", refuse)
    monkeypatch.setattr(Forwarding, "_settle", lambda *_: None)
    forwarding = Forwarding(Log("vrrp"))
    for _ in range(3):
        forwarding.keep("one", SIX, active=False, family=6)
        forwarding.timers()
    assert capfd.readouterr().err.count("event=ipv6_forwarding_not_dropped") == 1
