# SPDX-License-Identifier: Apache-2.0
"""Where the program sits: judged over a kernel of dictionaries; on real interfaces in test_plane.py."""

from __future__ import annotations

import dataclasses
import errno
import ipaddress
import pathlib

import pytest

from bascule.dataplane.xdp.attach import Attachments, wanted_interfaces
from bascule.dataplane.xdp.libbpf import BpfError
from bascule.dataplane.xdp.links import AttachMode, LinkState
from bascule.dataplane.xdp.loader import Director
from bascule.dataplane.xdp.pins import Pins
from bascule.errors import KernelRefusedError
from bascule.linux import addresses, routes
from bascule.linux.addresses import InterfaceAddress
from bascule.linux.links import Link
from bascule.linux.netlink import Netlink
from bascule.linux.routes import Route
from bascule.model.base import IPAddress
from bascule.model.configuration import (
    BasculeOptions,
    Configuration,
    RealServerConfig,
    VirtualServerConfig,
    XdpMode,
)
from bascule.model.service import Protocol, ServiceId
from bascule.model.status import AttachmentStatus
from tests.dataplane.xdp.doubles import FakeDirector


class Kernel(FakeDirector):
    """Interfaces that may have no native mode or another's program, and the links on them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.links = {index: self._link(index, name) for index, name in ((2, "eth0"), (3, "eth1"))}
        self.no_native: set[int] = set()
        self.no_generic: set[int] = set()
        self.taken: set[int] = set()
        self.held: dict[pathlib.Path, int] = {}
        self.updated: list[pathlib.Path] = []
        monkeypatch.setattr(Director, "link_state", staticmethod(self.state))
        monkeypatch.setattr(Director, "detach", staticmethod(self.leave))

    @staticmethod
    def _link(index: int, name: str, xdp: str | None = None) -> Link:
        return Link(index=index, name=name, hardware_address=bytes(6), up=True, running=True, xdp=xdp)

    def attach(self, ifindex: int, mode: AttachMode, path: pathlib.Path) -> None:
        if ifindex in self.taken:
            raise BpfError("cannot attach", errno.EBUSY)
        if ifindex in (self.no_native if mode is AttachMode.NATIVE else self.no_generic):
            raise BpfError("cannot attach", errno.EOPNOTSUPP)
        path.touch()
        self.held[path] = ifindex
        self.links[ifindex] = self._link(ifindex, self.links[ifindex].name, mode.name.lower())

    def update_link(self, path: pathlib.Path) -> None:
        self.updated.append(path)

    def state(self, path: pathlib.Path) -> LinkState:
        return LinkState(ifindex=self.held[path], program_id=1)

    def leave(self, path: pathlib.Path) -> None:
        index = self.held.pop(path)
        if index:
            self.links[index] = self._link(index, self.links[index].name)
        path.unlink()

    def sever(self, index: int, successor: int | None = None) -> None:
        """The interface goes; perhaps one of the same name comes."""
        gone = self.links.pop(index)
        self.held = {path: 0 if held == index else held for path, held in self.held.items()}
        if successor is not None:
            self.links[successor] = self._link(successor, gone.name)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


@pytest.fixture
def pins(tmp_path: pathlib.Path) -> Pins:
    return Pins(tmp_path)


def at(interface: str, mode: str, note: str | None = None) -> AttachmentStatus:
    return AttachmentStatus(interface=interface, mode=mode, note=note)


def test_native_where_the_driver_has_it_else_generic_and_said(kernel: Kernel, pins: Pins) -> None:
    kernel.no_native.add(3)
    found = Attachments(kernel, pins)
    found.place(("eth0", "eth1"), XdpMode.AUTO, kernel.links)
    first, second = found.status(kernel.links)
    assert first == at("eth0", "native")
    assert second.mode == "generic"
    assert second.note is not None
    assert second.note.startswith("generic mode, slower: native XDP was refused (eth1: cannot attach")
    assert found.indexes(kernel.links) == (2, 3)


def test_a_mode_that_is_asked_for_is_had_or_refused(kernel: Kernel, pins: Pins) -> None:
    kernel.no_native.add(2)
    found = Attachments(kernel, pins)
    with pytest.raises(KernelRefusedError, match="eth0: cannot attach: Operation not supported"):
        found.place(("eth0",), XdpMode.NATIVE, kernel.links)
    assert pins.interfaces() == ()
    found.place(("eth0",), XdpMode.GENERIC, kernel.links)
    assert found.status(kernel.links) == (at("eth0", "generic"),)


def test_a_refusal_leaves_everything_as_it_was(kernel: Kernel, pins: Pins) -> None:
    found = Attachments(kernel, pins)
    found.place(("eth0",), XdpMode.AUTO, kernel.links)
    kernel.taken.add(3)
    kernel.links[4] = Link(index=4, name="eth2", hardware_address=bytes(6), up=True, running=True)
    hint = "eth1: another XDP program sits there; `ip link set dev eth1 xdp off` takes it off"
    with pytest.raises(KernelRefusedError, match=hint):
        found.place(("eth2", "eth1"), XdpMode.AUTO, kernel.links)
    with pytest.raises(KernelRefusedError, match="there is no interface eth9"):
        found.place(("eth9",), XdpMode.AUTO, kernel.links)
    assert pins.interfaces() == ("eth0",)
    assert found.status(kernel.links) == (at("eth0", "native"),)


def test_a_refused_change_of_mode_leaves_every_interface_served_as_before(kernel: Kernel, pins: Pins) -> None:
    found = Attachments(kernel, pins)
    found.place(("eth0", "eth1"), XdpMode.GENERIC, kernel.links)
    kernel.no_native.add(3)
    with pytest.raises(KernelRefusedError, match="eth1: cannot attach"):
        found.place(("eth0", "eth1"), XdpMode.NATIVE, dict(kernel.links))
    assert found.status(kernel.links) == (at("eth0", "generic"), at("eth1", "generic"))
    assert kernel.held == {pins.link("eth0"): 2, pins.link("eth1"): 3}


def test_another_program_in_the_other_mode_is_no_obstacle(kernel: Kernel, pins: Pins) -> None:
    found = Attachments(kernel, pins)
    found.place(("eth0",), XdpMode.NATIVE, kernel.links)
    kernel.links[2] = dataclasses.replace(kernel.links[2], xdp="several")
    found.place(("eth0",), XdpMode.AUTO, kernel.links)
    assert kernel.held == {pins.link("eth0"): 2}


def test_an_interface_that_takes_no_program_at_all_leaves_no_folder(kernel: Kernel, pins: Pins) -> None:
    kernel.no_native.add(2)
    kernel.no_generic.add(2)
    with pytest.raises(KernelRefusedError, match="eth0: cannot attach"):
        Attachments(kernel, pins).place(("eth0",), XdpMode.AUTO, kernel.links)
    assert not pins.link("eth0").parent.exists()


def test_the_next_process_updates_the_link_in_place_once(kernel: Kernel, pins: Pins) -> None:
    Attachments(kernel, pins).place(("eth0",), XdpMode.AUTO, kernel.links)
    assert kernel.updated == []
    successor = Attachments(kernel, pins)
    successor.place(("eth0",), XdpMode.AUTO, kernel.links)
    successor.keep(kernel.links)
    assert kernel.updated == [pins.link("eth0")]
    assert kernel.held == {pins.link("eth0"): 2}


def test_interfaces_that_are_no_longer_wanted_are_left(kernel: Kernel, pins: Pins) -> None:
    found = Attachments(kernel, pins)
    found.place(("eth0", "eth1"), XdpMode.AUTO, kernel.links)
    found.place(("eth1",), XdpMode.AUTO, kernel.links)
    assert kernel.links[2].xdp is None
    assert pins.interfaces() == ("eth1",)


def test_a_severed_link_is_replaced_when_its_interface_returns(kernel: Kernel, pins: Pins) -> None:
    found = Attachments(kernel, pins)
    found.place(("eth0",), XdpMode.AUTO, kernel.links)
    kernel.sever(2)
    found.keep(kernel.links)
    assert found.status(kernel.links) == (at("eth0", "none", "the interface is gone; the director returns with it"),)
    kernel.links[7] = Link(index=7, name="eth0", hardware_address=bytes(6), up=True, running=True)
    found.keep(kernel.links)
    assert found.status(kernel.links) == (at("eth0", "native"),)
    assert kernel.held == {pins.link("eth0"): 7}


def test_a_name_that_another_interface_took_over_is_served_there(kernel: Kernel, pins: Pins) -> None:
    found = Attachments(kernel, pins)
    found.place(("eth0",), XdpMode.AUTO, kernel.links)
    kernel.links[2] = Link(index=2, name="old0", hardware_address=bytes(6), up=True, running=True, xdp="native")
    kernel.links[7] = Link(index=7, name="eth0", hardware_address=bytes(6), up=True, running=True)
    found.keep(kernel.links)
    assert kernel.held == {pins.link("eth0"): 7}
    assert kernel.links[2].xdp is None


def test_what_cannot_be_replaced_yet_is_noted_and_tried_again(kernel: Kernel, pins: Pins) -> None:
    found = Attachments(kernel, pins)
    found.place(("eth0",), XdpMode.AUTO, kernel.links)
    kernel.sever(2, successor=8)
    kernel.taken.add(8)
    found.keep(kernel.links)
    (status,) = found.status(kernel.links)
    assert status.note is not None
    assert "another XDP program" in status.note
    kernel.taken.clear()
    found.keep(kernel.links)
    assert found.status(kernel.links) == (at("eth0", "native"),)


VIP, REAL = ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("198.51.100.11")


def configuration(*interfaces: str) -> Configuration:
    name = ServiceId(protocol=Protocol.TCP, address=VIP, port=80)
    servers = (RealServerConfig(address=REAL, port=80),)
    return Configuration(
        virtual_servers=(VirtualServerConfig(id=name, real_servers=servers),),
        options=BasculeOptions(xdp_interfaces=interfaces),
    )


def _wanted(
    monkeypatch: pytest.MonkeyPatch,
    kernel: Kernel,
    assigned: dict[int, str],
    ways: dict[IPAddress, Route],
    given: Configuration,
) -> tuple[str, ...]:
    def entries(_netlink: Netlink) -> list[InterfaceAddress]:
        found = ((index, ipaddress.ip_interface(text)) for index, text in assigned.items())
        return [
            InterfaceAddress(index=index, address=entry.ip, prefix_length=entry.network.prefixlen)
            for index, entry in found
        ]

    monkeypatch.setattr(addresses, "dump", entries)
    monkeypatch.setattr(routes, "reach", lambda _, address: ways.get(address))
    return wanted_interfaces(given, Netlink.__new__(Netlink), kernel.links)


def test_configured_interfaces_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> None:
    assert _wanted(monkeypatch, kernel, {}, {}, configuration("eth1", "eth9")) == ("eth1", "eth9")


def test_else_those_by_which_addresses_and_servers_are_reached(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> None:
    two_arms = {REAL: Route(index=3)}
    assert _wanted(monkeypatch, kernel, {2: "192.0.2.7/24"}, two_arms, configuration()) == ("eth0", "eth1")
    one_arm = {REAL: Route(index=2), VIP: Route(index=2)}
    assert _wanted(monkeypatch, kernel, {}, one_arm, configuration()) == ("eth0",)
    held_here = {REAL: Route(index=3), VIP: Route(index=1, local=True)}
    assert _wanted(monkeypatch, kernel, {2: "192.0.2.1/32"}, held_here, configuration()) == ("eth0", "eth1")


def test_when_nothing_is_reached_it_is_an_error_and_without_services_it_is_none(
    monkeypatch: pytest.MonkeyPatch, kernel: Kernel
) -> None:
    with pytest.raises(KernelRefusedError, match="no interface reaches the services' addresses or the real servers"):
        _wanted(monkeypatch, kernel, {1: "192.0.2.1/32"}, {}, configuration())
    assert _wanted(monkeypatch, kernel, {}, {}, Configuration()) == ()
