# SPDX-License-Identifier: Apache-2.0
"""Two XDP directors of which the one has a connection and the other gets its frames."""

from __future__ import annotations

import pathlib
import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest

from bascule.dataplane.xdp.plane import XdpPlane
from bascule.lab.waiting import wait_for
from tests.dataplane.xdp.bench import DEADLINE, RS1, RS2, SLOTS, VIP, Bench, real, service

pytestmark = [pytest.mark.root, pytest.mark.lab]


class Two:
    """The predecessor is d1, the successor d2; where the client's frames go is said by hand."""

    def __init__(self, bench: Bench, folder: pathlib.Path) -> None:
        self.bench = bench
        self.second = Bench(bench.network, folder)
        self.second.director = bench.network.host("d2")
        self.second.director.run(["ip", "address", "add", f"{VIP}/32", "dev", "eth0"])
        self.here, self.there = bench.open(), self.second.open()
        for bed, plane in ((bench, self.here), (self.second, self.there)):
            bed.apply(plane, service(real(RS1), real(RS2)))
        self.point("d1")

    def mac(self, name: str) -> str:
        shown = self.bench.network.host(name).run(["ip", "link", "show", "eth0"]).stdout
        return shown.partition("link/ether ")[2].split()[0]

    def point(self, name: str) -> None:
        self.bench.network.host("clients").run(
            ["ip", "neighbour", "replace", str(VIP), "lladdr", self.mac(name), "dev", "eth0", "nud", "permanent"]
        )

    def arm(self, interface: str = "eth0") -> None:
        self.there.relay(interface, (VIP,), bytes.fromhex(self.mac("d1").replace(":", "")))


@pytest.fixture
def two(bench: Bench, tmp_path: pathlib.Path) -> Iterator[Two]:
    made = Two(bench, tmp_path / "second")
    yield made
    with made.second.director.entered():
        if made.there not in made.second.planes:
            made.there = XdpPlane(made.second.run_dir, slots=SLOTS)
        made.there.destroy()


def relayed(plane: XdpPlane) -> int:
    return plane.counters()["relayed"]


def resets(held: socket.socket) -> bool:
    """Whether the connection is at an end."""
    try:
        held.send(b"?")
        held.recv(16)
    except ConnectionResetError:
        return True
    return False


def test_a_connection_goes_on_by_way_of_the_predecessor_until_the_time_is_over(two: Two) -> None:
    with two.bench.connect(20) as held:
        name = held.recv(16)
        two.arm()
        two.point("d2")
        begun = time.monotonic()
        held.send(b"?")
        assert held.recv(16) == name
        assert relayed(two.there) > 0
        assert two.bench.ask(21) in ("rs1", "rs2"), "one that begins is the successor's"
        assert list(two.here.connections()), "and the predecessor's is where it was"
        two.second.close(two.there)  # the process is gone; what it has armed ends all the same
        wait_for(lambda: resets(held), DEADLINE, "the reset by the successor's stack")
        assert time.monotonic() - begun >= 1.0, "a second at least"


def test_without_being_armed_it_is_reset_as_ever(two: Two) -> None:
    with two.bench.connect(20) as held:
        held.recv(16)
        two.arm("lo")
        two.point("d2")
        assert resets(held)
    assert relayed(two.there) == 0


def test_a_predecessor_that_has_it_no_more_resets_it(two: Two) -> None:
    two.point("d2")
    with two.bench.connect(20) as held:
        held.recv(16)
        director = two.there.director
        positions = np.flatnonzero(director.table["value"])
        assert director.free(positions, director.table["key"][positions], director.table["value"][positions]) == 1
        two.arm()
        wait_for(lambda: resets(held), DEADLINE, "the reset by the predecessor's stack")
    assert relayed(two.there) > 0
    assert two.here.counters()["no_entry"] > 0
