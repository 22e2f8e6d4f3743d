# SPDX-License-Identifier: Apache-2.0
"""Whose frames the director takes and where it sends them: two arms, and virtual routers' MACs."""

from __future__ import annotations

import contextlib
import ipaddress
import pathlib
import socket
import time

import pytest

from bascule.dataplane.ledger import Ledger
from bascule.dataplane.reconcile import reconcile
from bascule.dataplane.xdp.plane import XdpPlane
from bascule.lab.network import Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.model.configuration import BasculeOptions, Configuration, RealServerConfig, VirtualServerConfig
from bascule.model.service import RealServer, VirtualService
from tests.dataplane.xdp.bench import DEADLINE, RS1, VIP, WEB, Bench, NamedServer, prepare, real, service

pytestmark = [pytest.mark.root, pytest.mark.lab]

REAL = ipaddress.ip_address("10.1.0.11")
TWO_ARMS = Topology(
    name="arms",
    about="Clients in front, the real server behind the director's second arm; it answers by a way of its own.",
    segments=(Segment(name="front"), Segment(name="back")),
    hosts=(
        Host(
            name="d1",
            role=HostRole.DIRECTOR,
            links=(
                Link(segment="front", addresses=("192.168.2.210/24",)),
                Link(segment="back", interface="eth1", addresses=("10.1.0.1/24",)),
            ),
        ),
        Host(
            name="rs1",
            role=HostRole.REAL_SERVER,
            links=(
                Link(segment="back", addresses=("10.1.0.11/24",)),
                Link(segment="front", interface="eth1", addresses=("192.168.2.212/24",)),
            ),
        ),
        Host(name="client", role=HostRole.CLIENT, links=(Link(segment="front", addresses=("192.168.2.20/24",)),)),
    ),
)


def test_two_arms(tmp_path: pathlib.Path) -> None:
    name = VirtualServerConfig(id=WEB, real_servers=(RealServerConfig(address=REAL, port=80),))
    wanted = VirtualService(id=WEB, servers=(RealServer(address=REAL, port=80),))
    options = BasculeOptions(connection_table_size=4096)
    with Network(TWO_ARMS) as network:
        prepare(network.host("rs1"))
        server = NamedServer(network.host("rs1"))
        d1 = network.host("d1")
        d1.run(["ip", "address", "add", f"{VIP}/32", "dev", "eth0"])
        with d1.entered():
            plane = XdpPlane(tmp_path, slots=4096)
            plane.configure(Configuration(virtual_servers=(name,), options=options))
            reconcile(plane, (wanted,), Ledger())

        def reached() -> bool:
            with d1.entered():
                plane.housekeep(time.monotonic())
            return bool(plane.director.servers["mac"][1])

        try:
            assert [attached.interface for attached in plane.attachments()] == ["eth0", "eth1"]
            wait_for(reached, DEADLINE, "the real server's MAC")
            with network.host("client").entered():
                sock = socket.create_connection((str(VIP), 80), DEADLINE)
            with sock:
                assert sock.recv(16) == b"rs1"
            assert plane.counters()["redirect"] >= 2
            assert plane.counters()["tx"] == 0
        finally:
            server.close()
            with d1.entered():
                plane.destroy()


def test_frames_for_a_virtual_router_are_balanced_while_it_is_held_here(bench: Bench) -> None:
    plane = bench.open()
    bench.apply(plane, service(real(RS1)))
    virtual = "00:00:5e:00:01:33"
    clients, d1 = bench.network.host("clients"), bench.director
    clients.run(["ip", "neigh", "replace", str(VIP), "lladdr", virtual, "dev", "eth0", "nud", "permanent"])
    foreign = plane.counters()["foreign_mac"]
    with clients.entered():
        probe = socket.socket()
    with probe:
        probe.setblocking(False)
        probe.connect_ex((str(VIP), 80))
        wait_for(lambda: plane.counters()["foreign_mac"] > foreign, DEADLINE, "a frame for somebody else")
    d1.run(["ip", "link", "add", "vr51", "link", "eth0", "address", virtual, "type", "macvlan"])
    d1.run(["ip", "link", "set", "vr51", "up"])
    d1.run(["ip", "address", "add", f"{VIP}/32", "dev", "vr51"])
    answers: list[str] = []

    def answered() -> bool:
        with contextlib.suppress(ConnectionRefusedError):
            answers.append(bench.ask(20))
        return bool(answers)

    bench.until(plane, answered, "the director to take frames for the virtual router")
    assert answers == ["rs1"]
