# SPDX-License-Identifier: Apache-2.0
"""The ways to real servers, over a kernel that is made of dictionaries."""

from __future__ import annotations

import errno
import ipaddress

import pytest

from bascule.dataplane.xdp.neighbours import CONFIRM_INTERVAL, SILENCE, Path, Paths
from bascule.linux import links, neighbours, routes
from bascule.linux.links import Link
from bascule.linux.neighbours import Neighbour, NeighbourState
from bascule.linux.netlink import Netlink, NetlinkError
from bascule.linux.routes import Route
from bascule.model.base import IPAddress

RS = ipaddress.ip_address("192.0.2.11")
MAC, OTHER, OWN = (bytes.fromhex(f"0200000000{last}") for last in ("11", "12", "01"))


class Kernel:
    """What the kernel would say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.links = {2: Link(index=2, name="eth0", hardware_address=OWN, up=True, running=True)}
        self.routes: dict[IPAddress, Route] = {RS: Route(index=2)}
        self.neighbours: dict[tuple[int, IPAddress], Neighbour] = {}
        self.asked: list[IPAddress] = []
        self.refuses = False
        monkeypatch.setattr(links, "dump", lambda _: self.links)
        monkeypatch.setattr(neighbours, "dump", lambda _: self.neighbours)
        monkeypatch.setattr(routes, "reach", lambda _, address: self.routes.get(address))
        monkeypatch.setattr(neighbours, "ask", self._ask)

    def _ask(self, _netlink: Netlink, _index: int, address: IPAddress) -> None:
        if self.refuses:
            raise NetlinkError(errno.ENODEV, "ask")
        self.asked.append(address)

    def knows(self, state: NeighbourState, mac: bytes | None = MAC) -> None:
        self.neighbours[(2, RS)] = Neighbour(index=2, address=RS, state=state, mac=mac)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


@pytest.fixture
def paths() -> Paths:
    return Paths(Netlink.__new__(Netlink))


def test_a_known_neighbour_is_a_way_and_is_not_asked_for(kernel: Kernel, paths: Paths) -> None:
    kernel.knows(NeighbourState.REACHABLE)
    assert paths.look([RS], 0.0) == {RS: Path(index=2, source_mac=OWN, mac=MAC)}
    assert kernel.asked == []


def test_an_unknown_one_is_asked_for_and_named_when_it_stays_silent(kernel: Kernel, paths: Paths) -> None:
    assert paths.look([RS], 10.0)[RS] == Path(index=2, source_mac=OWN)
    assert kernel.asked == [RS]
    kernel.knows(NeighbourState.INCOMPLETE, None)
    assert paths.look([RS], 11.0)[RS].trouble is None
    assert kernel.asked == [RS], "the kernel is asking"
    kernel.knows(NeighbourState.FAILED, None)
    assert paths.look([RS], 10.0 + SILENCE)[RS].trouble == "192.0.2.11 does not answer ARP on eth0"
    assert kernel.asked == [RS, RS]
    kernel.knows(NeighbourState.REACHABLE)
    assert paths.look([RS], 20.0)[RS].trouble is None


def test_a_stale_one_is_confirmed_now_and_then(kernel: Kernel, paths: Paths) -> None:
    kernel.knows(NeighbourState.STALE)
    for now in (0.0, 1.0, CONFIRM_INTERVAL - 0.1):
        assert paths.look([RS], now)[RS].mac == MAC
    assert kernel.asked == [RS]
    paths.look([RS], CONFIRM_INTERVAL)
    assert kernel.asked == [RS, RS]


def test_another_mac_is_the_new_way(kernel: Kernel, paths: Paths) -> None:
    kernel.knows(NeighbourState.REACHABLE)
    paths.look([RS], 0.0)
    kernel.knows(NeighbourState.REACHABLE, OTHER)
    assert paths.look([RS], 1.0)[RS].mac == OTHER


def test_what_direct_routing_cannot_reach_is_named_and_not_used(kernel: Kernel, paths: Paths) -> None:
    def trouble() -> tuple[str | None, bool]:
        path = paths.look([RS], 0.0)[RS]
        return path.trouble, path.usable

    kernel.routes[RS] = Route(index=2, gateway=ipaddress.ip_address("192.0.2.1"))
    text = "192.0.2.11 is not on-link (reached through 192.0.2.1 on eth0): DR needs it on a shared segment"
    assert trouble() == (text, False)
    kernel.routes[RS] = Route(index=1, local=True)
    kernel.links[1] = Link(index=1, name="lo", hardware_address=bytes(6), up=True, running=True)
    assert trouble() == ("192.0.2.11 is an address of this director: a real server must be another machine", False)
    del kernel.routes[RS]
    assert trouble() == ("there is no route to 192.0.2.11", False)
    assert kernel.asked == []


def test_an_interface_that_is_down_may_come_back(kernel: Kernel, paths: Paths) -> None:
    kernel.links[2] = Link(index=2, name="eth0", hardware_address=OWN, up=False, running=False)
    path = paths.look([RS], 0.0)[RS]
    assert (path.trouble, path.usable) == ("192.0.2.11 is reached by eth0, which is down", True)


def test_an_interface_that_goes_away_meanwhile_does_no_harm(kernel: Kernel, paths: Paths) -> None:
    kernel.refuses = True
    assert paths.look([RS], 0.0)[RS].trouble is None


def test_who_is_no_longer_of_interest_is_forgotten(kernel: Kernel, paths: Paths) -> None:
    kernel.knows(NeighbourState.FAILED, None)
    paths.look([RS], 0.0)
    paths.look([], 100.0)
    assert paths.look([RS], 200.0)[RS].trouble is None, "its silence is counted anew"
