# SPDX-License-Identifier: Apache-2.0
"""Floods over real interfaces: to both directors at once, one frame out per frame in; and no frame goes round for ever
between two directors that take each other for a real server.
"""

from __future__ import annotations

import collections
import pathlib
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest

from bascule.dataplane.xdp import layout
from bascule.dataplane.xdp.layout import SERVICE_PRESENT, SchedulerNumber
from bascule.dataplane.xdp.loader import AttachMode, Director
from bascule.lab.network import LabHost, Network, mac
from bascule.lab.topologies import SEED
from bascule.lab.waiting import wait_for
from tests.bpf.packets import CLIENT, TCP_PROTOCOL, UDP_PROTOCOL, VIP, Packet

pytestmark = [pytest.mark.root, pytest.mark.lab]

FRAMES = 3000
AT_ONCE = 100
ETH_P_IP = 0x0800
RECEIVE_BYTES = 64 << 20


def hardware(host: LabHost) -> bytes:
    """The MAC of a host's one interface."""
    return bytes.fromhex(mac(host.host.links[0]).replace(":", ""))


class Listener:
    """All frames for the virtual address that reach a host."""

    def __init__(self, host: LabHost) -> None:
        with host.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, RECEIVE_BYTES)  # SO_RCVBUFFORCE
        self.socket.bind(("eth0", ETH_P_IP))
        self.socket.setblocking(False)
        self.heard: collections.Counter[tuple[bytes, bytes]] = collections.Counter()
        self.ttls: set[int] = set()

    def listen(self) -> int:
        """Take in what has come; how many frames so far, each known by client address and port."""
        while True:
            try:
                frame = self.socket.recv(2048)
            except BlockingIOError:
                return self.heard.total()
            if frame[30:34] == VIP.packed:
                self.heard[frame[26:30], frame[34:36]] += 1
                self.ttls.add(frame[22])


class Arena:
    """The seed's network, a director of ours on d1 and d2, and a socket that sends any frame."""

    def __init__(self, network: Network, bpffs: pathlib.Path, mode: AttachMode) -> None:
        self.network = network
        self.links: list[pathlib.Path] = []
        self.directors = {name: self._director(name, bpffs, mode) for name in ("d1", "d2")}
        with network.host("clients").entered():
            self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.wire.bind(("eth0", 0))

    def _director(self, name: str, bpffs: pathlib.Path, mode: AttachMode) -> Director:
        host = self.network.host(name)
        director = Director.open(None, lines=2**12)
        link = bpffs / f"flood-{name}"
        with host.entered():
            ifindex = socket.if_nametoindex("eth0")
            director.attach(ifindex, mode, link)
        self.links.append(link)
        director.accept([(ifindex, hardware(host))])
        return director

    def serve(self, name: str, macs: list[bytes], protocol: int = TCP_PROTOCOL) -> None:
        """The service of director `name`, with real servers at these MACs."""
        director, host = self.directors[name], self.network.host(name)
        with host.entered():
            ifindex = socket.if_nametoindex("eth0")
        for index, address in enumerate(macs, start=1):
            record = director.servers[index]
            record["mac"], record["source_mac"] = layout.mac_word(address), layout.mac_word(hardware(host))
            record["ifindex"], record["weight"], record["flags"] = ifindex, 1, layout.SERVER_PRESENT
            director.lists[1][index - 1] = index
        service = director.services[1]
        service["flags"], service["scheduler"] = SERVICE_PRESENT, int(SchedulerNumber.WLC)
        service["server_count"] = len(macs)
        director.publish_service(VIP, 80, protocol, 1)

    def sent_on(self) -> int:
        """Frames that both directors sent."""
        return sum(director.verdicts()["tx"] for director in self.directors.values())

    def wait_until_sent(self, number: int) -> None:
        """Wait until the directors have sent more than this many on."""
        wait_for(lambda: self.sent_on() > number, 10, "the directors to keep up")

    def close(self) -> None:
        """Links off, descriptors closed."""
        self.wire.close()
        for link in self.links:
            Director.detach(link)
        for director in self.directors.values():
            director.close()


@pytest.fixture(params=list(AttachMode), ids=lambda mode: mode.name.lower())
def arena(request: pytest.FixtureRequest, bpffs: pathlib.Path) -> Iterator[Arena]:
    with Network(SEED) as network:
        arena = Arena(network, bpffs, request.param)
        try:
            yield arena
        finally:
            arena.close()


def test_one_frame_out_per_frame_in(arena: Arena) -> None:
    servers = [arena.network.host(name) for name in ("rs1", "rs2")]
    listeners = [Listener(server) for server in servers]
    targets = []
    for name in ("d1", "d2"):
        arena.serve(name, [hardware(server) for server in servers])
        targets.append(hardware(arena.network.host(name)))
    for number in range(FRAMES):
        packet = Packet(source=CLIENT, source_port=1024 + number, destination_mac=targets[number % 2])
        arena.wire.send(bytes(packet))
        if number % AT_ONCE == 0:
            arena.wait_until_sent(number)
    wait_for(lambda: sum(each.listen() for each in listeners) >= FRAMES, 10, "all frames at the real servers")
    assert arena.sent_on() == FRAMES
    heard = listeners[0].heard + listeners[1].heard
    assert (len(heard), heard.total()) == (FRAMES, FRAMES)
    assert {63} == listeners[0].ttls == listeners[1].ttls
    assert min(each.heard.total() for each in listeners) > FRAMES // 3
    for each in listeners:
        each.socket.close()


def test_directors_that_feed_each_other_run_dry(arena: Arena) -> None:
    for name, other in (("d1", "d2"), ("d2", "d1")):
        arena.serve(name, [hardware(arena.network.host(other))], UDP_PROTOCOL)
    packet = Packet(protocol=UDP_PROTOCOL, ttl=64, destination_mac=hardware(arena.network.host("d1")))
    arena.wire.send(bytes(packet.with_(source=IPv4Address("192.168.2.20"))))

    def used_up() -> int:
        return sum(director.verdicts()["ttl"] for director in arena.directors.values())

    wait_for(used_up, 10, "the time to live to be used up")
    assert (arena.sent_on(), used_up()) == (63, 1)
