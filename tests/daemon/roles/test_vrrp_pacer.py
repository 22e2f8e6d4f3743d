# SPDX-License-Identifier: Apache-2.0
"""Announcements at a pace, with a sender that writes down what left when."""

from __future__ import annotations

import ipaddress
import math

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_pacer import Pacer
from bascule.errors import KernelRefusedError
from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import AnnouncementGap

V4, OTHER = ipaddress.IPv4Address("192.168.2.240"), ipaddress.IPv4Address("192.168.2.241")
V6 = ipaddress.IPv6Address("fd02::240")
TENTH = AnnouncementGap(arp=Seconds(0.1), na=Seconds(0.2))


class Bench:
    def __init__(self, *gaps: AnnouncementGap) -> None:
        self.left: list[tuple[float, str, IPAddress]] = []
        self.now = 0.0
        self.broken = False
        self.pacer = Pacer(self.send, Log("vrrp"))
        self.pacer.configure(gaps)

    def send(self, interface: str, address: IPAddress) -> None:
        if self.broken:
            raise KernelRefusedError("no")
        self.left.append((self.now, interface, address))

    def say(self, interface: str, *addresses: IPAddress) -> None:
        for address in addresses:
            self.pacer.announce(interface, address, self.now)

    def wait(self) -> None:
        while self.pacer.deadline() < math.inf:
            self.now = max(self.now, self.pacer.deadline())
            self.pacer.run(self.now)


def test_without_a_gap_everything_leaves_at_once() -> None:
    bench = Bench()
    bench.say("eth0", V4, V4, V6)
    assert bench.left == [(0.0, "eth0", V4), (0.0, "eth0", V4), (0.0, "eth0", V6)]
    assert bench.pacer.deadline() == math.inf


def test_each_interface_and_ip_version_has_its_own_pace() -> None:
    bench = Bench(TENTH)
    bench.say("eth0", V4, OTHER, V6, V6)
    bench.say("eth1", V4)
    bench.wait()
    left = sorted(((round(at, 6), name, address) for at, name, address in bench.left), key=str)
    assert left == [
        (0.0, "eth0", V4),
        (0.0, "eth0", V6),
        (0.0, "eth1", V4),
        (0.1, "eth0", OTHER),
        (0.2, "eth0", V6),
    ]


def test_interfaces_of_a_group_share_one_pace_and_others_go_by_the_global_one() -> None:
    bench = Bench(AnnouncementGap(interfaces=("eth0", "eth1"), arp=Seconds(1.0)), TENTH)
    bench.say("eth0", V4)
    bench.say("eth1", V4, V6, V6)
    bench.say("eth2", V4, V4)
    bench.wait()
    assert [at for at, name, address in bench.left if name != "eth2" and address == V4] == [0.0, 1.0]
    assert [at for at, name, address in bench.left if address == V6] == [0.0, 0.0]
    assert [at for at, name, _ in bench.left if name == "eth2"] == pytest.approx([0.0, 0.1])


def test_who_comes_later_waits_behind_those_that_wait() -> None:
    bench = Bench(TENTH)
    bench.say("eth0", V4, OTHER)
    bench.now = 0.15
    bench.say("eth0", V4)
    bench.wait()
    assert [address for _, _, address in bench.left] == [V4, OTHER, V4]


def test_what_is_given_up_is_not_announced_any_more() -> None:
    bench = Bench(TENTH)
    bench.say("eth0", V4, V4, OTHER, V4)
    bench.pacer.hush([("eth0", V4), ("eth1", OTHER)])
    bench.wait()
    assert [address for _, _, address in bench.left] == [V4, OTHER]


def test_new_gaps_keep_what_waits() -> None:
    bench = Bench(TENTH)
    bench.say("eth0", V4, OTHER, V4)
    bench.pacer.configure([])
    bench.wait()
    assert [address for _, _, address in bench.left] == [V4, OTHER, V4]
    assert bench.now == 0.0


def test_one_that_cannot_leave_is_said_once_and_does_not_hold_the_others(capfd: pytest.CaptureFixture[str]) -> None:
    bench = Bench(TENTH)
    bench.say("eth0", V4, V4, V4)
    bench.broken = True
    bench.wait()
    assert len(bench.left) == 1
    assert capfd.readouterr().err.count("announcement_not_sent") == 1
    with pytest.raises(KernelRefusedError):
        bench.say("eth9", V4)
