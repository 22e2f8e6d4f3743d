# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import pytest

from bascule.dataplane.xdp.following import Following
from bascule.dataplane.xdp.layout import MAX_ACCEPTED, SERVER_PRESENT, mac_word
from bascule.dataplane.xdp.neighbours import Path, Paths
from bascule.linux import addresses
from bascule.linux.addresses import InterfaceAddress
from bascule.linux.links import Link
from bascule.linux.netlink import Netlink
from bascule.model.base import IPAddress
from tests.dataplane.xdp.doubles import FakeDirector

RS = ipaddress.IPv4Address("192.0.2.11")
MAC, OTHER, OWN = (bytes.fromhex(f"0200000000{last}") for last in ("11", "12", "01"))
REACHED = Path(index=2, source_mac=OWN, mac=MAC)


class World:
    """A director with two servers on one machine and one absent one, and the way to them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.director = FakeDirector()
        for index in (1, 2, 3):
            self.director.servers["address"][index] = int(RS)
            self.director.servers["service"][index] = index
            self.director.servers["flags"][index] = SERVER_PRESENT if index < 3 else 0
        self.path = REACHED
        monkeypatch.setattr(Paths, "look", lambda _, wanted, now: self._look(wanted, now))
        self.following = Following(self.director, Netlink.__new__(Netlink))

    def _look(self, wanted: Iterable[IPAddress], _now: float) -> dict[IPAddress, Path]:
        return dict.fromkeys(wanted, self.path)

    def macs(self) -> list[int]:
        return [int(mac) for mac in self.director.servers["mac"][1:4]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_every_present_server_of_a_machine_is_written(world: World) -> None:
    world.following.look(0.0)
    assert world.macs() == [mac_word(MAC), mac_word(MAC), 0]
    assert (world.director.servers["ifindex"][1], world.director.servers["source_mac"][1]) == (2, mac_word(OWN))
    assert world.following.trouble == {}


def test_a_new_mac_and_a_new_interface_are_followed(world: World) -> None:
    world.following.look(0.0)
    world.path = Path(index=3, source_mac=OTHER, mac=OTHER)
    world.following.look(1.0)
    record = world.director.servers[1]
    assert (record["mac"], record["source_mac"], record["ifindex"]) == (mac_word(OTHER), mac_word(OTHER), 3)


def test_a_new_mac_on_the_same_way_is_one_store(world: World) -> None:
    world.following.look(0.0)
    world.path = Path(index=2, source_mac=OWN, mac=OTHER)
    world.following.look(1.0)
    assert world.macs()[:2] == [mac_word(OTHER), mac_word(OTHER)]


def test_a_mac_is_kept_while_its_owner_is_silent(world: World) -> None:
    world.following.look(0.0)
    world.path = Path(index=2, source_mac=OWN, trouble="silent")
    world.following.look(1.0)
    assert world.macs()[0] == mac_word(MAC)
    assert world.following.trouble == {RS: "silent"}


def test_what_must_not_be_used_loses_its_mac(world: World) -> None:
    world.following.look(0.0)
    world.path = Path(trouble="not on-link", usable=False)
    world.following.look(1.0)
    assert world.macs() == [0, 0, 0]


def test_what_must_not_be_used_is_told_apart_from_what_is_silent(world: World) -> None:
    world.path = Path(index=2, source_mac=OWN, trouble="silent")
    world.following.look(0.0)
    assert world.following.unusable == {}
    world.path = Path(trouble="not on-link", usable=False)
    world.following.look(1.0)
    assert world.following.unusable == {RS: "not on-link"}


def test_a_configured_server_is_named_while_it_is_out_of_the_tables(world: World) -> None:
    away = ipaddress.IPv4Address("198.51.100.9")
    world.following.configure([away, ipaddress.ip_address("fd00::1")])
    world.path = Path(trouble="not on-link", usable=False)
    world.following.look(0.0)
    assert set(world.following.unusable) == {RS, away}


def test_frames_are_accepted_for_the_interfaces_own_macs(world: World) -> None:
    links = {
        2: Link(index=2, name="eth0", hardware_address=OWN, up=True, running=True),
        3: Link(index=3, name="eth1", hardware_address=OTHER, up=True, running=True),
    }
    world.following.accept((2,), links)
    world.following.accept((2,), links)
    world.following.accept((2, 3), links)
    assert world.director.accepted == [((2, OWN),), ((2, OWN), (3, OTHER))], "what did not change is not written again"


def test_frames_are_accepted_for_a_virtual_mac_while_it_has_an_address(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual = bytes.fromhex("00005e000133")
    made = Link(index=9, name="vrrp.51", hardware_address=virtual, up=True, running=True, parent=2, kind="macvlan")
    links = {2: Link(index=2, name="eth0", hardware_address=OWN, up=True, running=True), 9: made}
    held: list[InterfaceAddress] = []
    monkeypatch.setattr(addresses, "dump", lambda _: held)
    for address in (None, "fd02::240", "192.0.2.240"):
        held[:] = (
            [InterfaceAddress(index=9, address=ipaddress.ip_address(address), prefix_length=32)] if address else []
        )
        world.following.accept((2,), links)
    held.clear()
    world.following.accept((2,), links)
    assert world.director.accepted == [((2, OWN),), ((2, OWN), (2, virtual)), ((2, OWN),)]


def test_more_virtual_macs_than_fit_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    links = {2: Link(index=2, name="eth0", hardware_address=OWN, up=True, running=True)}
    for index in range(10, 10 + MAX_ACCEPTED):
        mac = bytes.fromhex("00005e0001") + bytes((index,))
        links[index] = Link(
            index=index, name=f"vrrp.{index}", hardware_address=mac, up=True, running=True, parent=2, kind="macvlan"
        )
    held = [InterfaceAddress(index=index, address=RS, prefix_length=32) for index in links]
    monkeypatch.setattr(addresses, "dump", lambda _: held)
    world.following.accept((2,), links)
    assert world.following.crowded == 1
    assert len(world.director.accepted[-1]) == MAX_ACCEPTED
