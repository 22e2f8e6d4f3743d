# SPDX-License-Identifier: Apache-2.0
"""Twin of `daemon.roles.vrrp_bfd`: two of ours over real sockets, in two namespaces of one process."""

from __future__ import annotations

import ipaddress
import select
import socket
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from bascule.bfd import packet
from bascule.bfd.packet import Control, SessionState
from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_bfd import Bfd
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.model.base import Seconds
from bascule.model.bfd import BfdSession

pytestmark = [pytest.mark.root, pytest.mark.lab]

ADDRESSES = {name: ipaddress.IPv4Address(f"192.168.2.{number}") for name, number in (("a", 1), ("b", 2))}
SECONDS = 15.0


def _host(name: str) -> Host:
    return Host(name=name, role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"{ADDRESSES[name]}/24",)),))


PAIR = Topology(name="bfd", about="Two neighbours.", segments=(Segment(name="lan"),), hosts=(_host("a"), _host("b")))


class Node:
    """One side: the sessions of a host, and what they reported."""

    def __init__(self, host: LabHost) -> None:
        self.host = host
        self.reports: list[tuple[str, bool, str]] = []
        self.bfd = Bfd(Log(host.name), lambda name, up, why: self.reports.append((name, up, why)))

    def configure(self, *sessions: BfdSession, handed: Any = ()) -> None:
        with self.host.entered():
            self.bfd.configure(sessions, handed)

    @property
    def up(self) -> bool:
        return bool(self.reports) and self.reports[-1][1]


def session(name: str, **changes: Any) -> BfdSession:
    """With the other side; patient, because a machine with other tests on it is slow."""
    values = {"min_rx": Seconds(0.05), "min_tx": Seconds(0.05), "multiplier": 40, **changes}
    neighbour = ADDRESSES["b" if name == "a" else "a"]
    return BfdSession(name="s", neighbour=neighbour, source=ADDRESSES[name], **values)


@pytest.fixture
def nodes() -> Iterator[dict[str, Node]]:
    with Network(PAIR) as network:
        made = {name: Node(network.host(name)) for name in ADDRESSES}
        yield made
        for node in made.values():
            node.bfd.stop()


def run_until(nodes: dict[str, Node], condition: Callable[[], object], what: str) -> None:
    """Serve both sides until something is so."""

    def serve() -> object:
        descriptors = [number for node in nodes.values() for number in node.bfd.descriptors()]
        select.select(descriptors, [], [], 0.005)
        for node in nodes.values():
            node.bfd.packets()
            node.bfd.timers()
        return condition()

    wait_for(serve, SECONDS, what, pause_max=0.005)


def up_both(nodes: dict[str, Node]) -> None:
    for name, node in nodes.items():
        node.configure(session(name))
    run_until(nodes, lambda: all(node.up for node in nodes.values()), "both to be up")


def test_two_come_up_and_a_stop_is_told(nodes: dict[str, Node]) -> None:
    up_both(nodes)
    assert nodes["a"].reports[0] == ("s", False, "is DOWN: not up yet")
    (found,) = nodes["a"].bfd.status()
    assert (found.state, found.neighbour, found.packets_refused, found.late_timers) == ("UP", ADDRESSES["b"], {}, 0)
    assert found.packets_sent >= 1
    run_until(nodes, lambda: nodes["a"].bfd.status()[0].detection_time == pytest.approx(2.0), "the fast interval")
    nodes["b"].configure()
    assert nodes["b"].bfd.status() == ()
    assert nodes["b"].bfd.descriptors() == ()
    run_until(nodes, lambda: not nodes["a"].up, "the other side to hear of it")
    assert nodes["a"].reports[-1] == ("s", False, "is DOWN: the neighbour says ADMIN_DOWN")


def test_other_numbers_do_not_interrupt(nodes: dict[str, Node]) -> None:
    up_both(nodes)
    nodes["a"].configure(session("a", min_rx=Seconds(0.1), multiplier=50))
    run_until(nodes, lambda: nodes["b"].bfd.status()[0].detection_time == pytest.approx(2.5), "b to learn the numbers")
    run_until(nodes, lambda: nodes["a"].bfd.status()[0].detection_time == pytest.approx(4.0), "a to go by them")
    assert [up for node in nodes.values() for _, up, _ in node.reports] == [False, True, False, True]


def test_what_is_not_for_a_session_is_counted(nodes: dict[str, Node]) -> None:
    up_both(nodes)
    there = (str(ADDRESSES["a"]), packet.PORT)
    hostile = Control(state=SessionState.DOWN, multiplier=1, mine=1, desired_min_tx=1, required_min_rx=1)
    wrong = b"not a packet"
    with nodes["b"].host.entered():
        near, far = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
    with near, far:
        near.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, packet.TTL)
        near.sendto(wrong, there)
        near.sendto(packet.encode(hostile)[:8] + b"\1" * 16, there)
        far.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 254)
        far.sendto(packet.encode(hostile), there)
        run_until(
            nodes, lambda: nodes["a"].bfd.status()[0].packets_refused == {"hops": 1}, "a far packet to be counted"
        )
        counts = {"truncated": 1, "stranger": 1}
        run_until(nodes, lambda: nodes["a"].bfd.refused == counts, "what is no session's to be counted by its cause")
    assert nodes["a"].up


def test_a_successor_goes_on(nodes: dict[str, Node]) -> None:
    up_both(nodes)
    handed = nodes["a"].bfd.hand_over()
    assert nodes["a"].bfd.descriptors() == ()
    successor = Node(nodes["a"].host)
    successor.configure(session("a"), handed=handed)
    assert successor.reports == [("s", True, "is UP: an earlier process left it up")]
    before = nodes["b"].bfd.status()[0].packets_received
    both = {"a": successor, "b": nodes["b"]}
    run_until(both, lambda: nodes["b"].bfd.status()[0].packets_received > before + 5, "b to hear the successor")
    assert nodes["b"].up
    successor.bfd.stop()


def test_a_session_that_cannot_be_says_why(nodes: dict[str, Node]) -> None:
    nodes["a"].configure(msgspec.structs.replace(session("a"), source=ipaddress.ip_address("192.0.2.1")))
    assert len(nodes["a"].bfd.notes) == 1
    assert nodes["a"].bfd.notes[0].startswith("bfd_instance s does not run: use 192.0.2.1 port ")
    (report,) = nodes["a"].reports
    assert not report[1]
    nodes["a"].configure(session("a"))
    assert list(nodes["a"].bfd.notes) == []
