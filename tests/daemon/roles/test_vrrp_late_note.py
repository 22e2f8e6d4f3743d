# SPDX-License-Identifier: Apache-2.0
"""What a process that was killed left of late frames is ended by the next, and nothing that somebody else has set."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterator

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_late_note import NAME, LateNote
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux import addresses, sysctl
from bascule.linux.netlink import Netlink
from bascule.model.configuration import Configuration
from bascule.model.messages import Role

pytestmark = [pytest.mark.root, pytest.mark.lab]

VIP = ipaddress.IPv4Address("192.168.2.240")
IGNORE, ANNOUNCE = "net/ipv4/conf/eth0/arp_ignore", "net/ipv4/conf/eth0/arp_announce"

ONE = Topology(
    name="one",
    about="A director on a segment.",
    segments=(Segment(name="lan"),),
    hosts=(Host(name="d1", role=HostRole.ROUTER, links=(Link(segment="lan", addresses=("192.168.2.210/24",)),)),),
)

SERVER = """
import ipaddress, pathlib, signal, sys
from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_addresses import Placed
from bascule.daemon.roles.vrrp_late import LateFrames
from bascule.linux.netlink import Netlink
late = LateFrames(Netlink(), Log("vrrp"), lambda index, address: False, pathlib.Path(sys.argv[1]))
late.begin("VI_1", (Placed(interface="eth0", address=ipaddress.ip_address("192.168.2.240"), prefix_length=32),), 0.0)
print("serves", flush=True)
signal.pause()
"""
"""Serves late frames until it is killed: its second never ends."""


@pytest.fixture
def host() -> Iterator[LabHost]:
    with Network(ONE) as network:
        yield network.host("d1")


def settings(host: LabHost) -> tuple[str, str]:
    with host.entered():
        return sysctl.read(IGNORE), sysctl.read(ANNOUNCE)


def killed(host: LabHost) -> None:
    """A role was killed within the second."""
    server = host.popen([sys.executable, "-c", SERVER, str(host.folder / "state")], log="server")
    wait_for(lambda: "serves" in host.log_file("server").read_text(), 20, "late frames")
    server.kill()
    server.wait(10)
    assert settings(host) == ("3", "2")


def on_loopback(host: LabHost) -> bool:
    with host.entered(), Netlink() as netlink:
        loopback = socket.if_nametoindex("lo")
        return any((entry.index, entry.address) == (loopback, VIP) for entry in addresses.dump(netlink))


def test_the_next_role_gives_back_what_one_that_was_killed_left(host: LabHost) -> None:
    with host.entered():
        sysctl.write(ANNOUNCE, 1)
    killed(host)
    with LoneRole(host, Role.VRRP, Configuration(), restarted=True):
        assert settings(host) == ("0", "1")
        assert not on_loopback(host), "else it would be answered for now"
        assert not (host.folder / "state" / NAME).exists()


def test_what_somebody_has_set_since_stays(host: LabHost) -> None:
    killed(host)
    with host.entered(), Netlink() as netlink:
        sysctl.write(IGNORE, 1)
        addresses.remove_named(netlink, "lo", VIP, 32)
        addresses.add(netlink, socket.if_nametoindex("lo"), VIP, 32)
        LateNote(netlink, Log("vrrp"), host.folder / "state").clear()
    assert settings(host) == ("1", "0")
    assert on_loopback(host)


def test_an_interface_that_is_gone_and_a_note_that_is_none_are_said(
    host: LabHost, capfd: pytest.CaptureFixture[str]
) -> None:
    with host.entered(), Netlink() as netlink:
        note = LateNote(netlink, Log("vrrp"), host.folder)
        host.run(["ip", "link", "add", "v0", "link", "eth0", "type", "macvlan"])
        note.set("net/ipv4/conf/v0/arp_ignore", 3)
        host.run(["ip", "link", "del", "v0"])
        for expected in ("setting_not_put_back", "late_frames_note_not_read"):
            LateNote(netlink, Log("vrrp"), host.folder).clear()
            assert f"event={expected}" in capfd.readouterr().err
            assert not (host.folder / NAME).exists()
            (host.folder / NAME).write_text("{")


def test_what_cannot_be_noted_is_set_all_the_same(host: LabHost, capfd: pytest.CaptureFixture[str]) -> None:
    (host.folder / "file").write_text("")
    with host.entered(), Netlink() as netlink:
        note = LateNote(netlink, Log("vrrp"), host.folder / "file")
        note.set(IGNORE, 3)
        assert settings(host) == ("3", "0")
        note.give_back(IGNORE)
        note.give_back(ANNOUNCE)
    assert settings(host) == ("0", "0")
    assert "event=late_frames_not_noted" in capfd.readouterr().err
