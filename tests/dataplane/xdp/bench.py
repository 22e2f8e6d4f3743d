# SPDX-License-Identifier: Apache-2.0
"""A director's plane in this process on the seed's network, real servers that say their name, and clients."""

from __future__ import annotations

import contextlib
import ipaddress
import pathlib
import socket
import sys
import threading
import time
from collections.abc import Iterator

from bascule.dataplane.ledger import Ledger
from bascule.dataplane.reconcile import Change, reconcile
from bascule.dataplane.xdp.plane import XdpPlane
from bascule.lab.network import LabHost, Network
from bascule.lab.waiting import wait_for
from bascule.model.base import Seconds, Weight
from bascule.model.configuration import BasculeOptions, Configuration, RealServerConfig, VirtualServerConfig, XdpMode
from bascule.model.service import Protocol, RealServer, Scheduler, ServerId, ServiceId, VirtualService

VIP = ipaddress.ip_address("192.168.2.240")
WEB = ServiceId(protocol=Protocol.TCP, address=VIP, port=80)
RS1, RS2 = ipaddress.ip_address("192.168.2.212"), ipaddress.ip_address("192.168.2.213")
SLOTS = 1 << 16
DEADLINE = 10.0
PROGRAM = str(pathlib.Path(sys.executable).parent / "bascule")


def real(address: ipaddress.IPv4Address | ipaddress.IPv6Address, weight: int = 1) -> RealServer:
    """A real server of the web service."""
    return RealServer(address=address, port=80, weight=Weight(weight))


def service(
    *servers: RealServer, persistence: float | None = None, scheduler: Scheduler = Scheduler.RR
) -> VirtualService:
    """The web service."""
    span = Seconds(persistence) if persistence is not None else None
    return VirtualService(id=WEB, scheduler=scheduler, persistence=span, servers=servers)


class Bench:
    """The seed's network with one director's plane in this process; every call enters the director's namespace."""

    def __init__(self, network: Network, run_dir: pathlib.Path) -> None:
        self.network = network
        self.run_dir = run_dir
        self.director = network.host("d1")
        self.ledger = Ledger(run_dir / "state" / "services")
        self.planes: list[XdpPlane] = []
        self.servers: dict[str, NamedServer] = {}

    def configuration(self, *interfaces: str, mode: XdpMode = XdpMode.AUTO) -> Configuration:
        """The web service with both real servers."""
        servers = tuple(RealServerConfig(address=address, port=80) for address in (RS1, RS2))
        return Configuration(
            virtual_servers=(VirtualServerConfig(id=WEB, real_servers=servers),),
            options=BasculeOptions(xdp_interfaces=interfaces, xdp_mode=mode, connection_table_size=SLOTS),
        )

    def open(self, configuration: Configuration | None = None) -> XdpPlane:
        """Open or adopt the plane."""
        with self.director.entered():
            plane = XdpPlane(self.run_dir, slots=SLOTS)
            self.planes.append(plane)
            plane.configure(configuration or self.configuration())
        return plane

    def close(self, plane: XdpPlane) -> None:
        """Let go of the plane as a process that ends does."""
        self.planes.remove(plane)
        plane.close()

    def apply(self, plane: XdpPlane, *desired: VirtualService) -> tuple[Change, ...]:
        """Reconcile, and wait until the MACs of all servers that answer are known."""
        with self.director.entered():
            changes = reconcile(plane, desired, self.ledger)
        self.settle(plane)
        return changes

    def settle(self, plane: XdpPlane) -> None:
        """Keep house until every server that is there is reached."""
        self.until(plane, lambda: all(self.mac(plane, a) for a in (RS1, RS2) if self.index(plane, a)), "MACs")

    def until(self, plane: XdpPlane, condition: object, what: str, seconds: float = DEADLINE) -> None:
        """Keep house until the condition holds."""
        assert callable(condition)

        def kept() -> bool:
            self.keep_house(plane)
            return bool(condition())

        wait_for(kept, seconds, what)

    def keep_house(self, plane: XdpPlane) -> None:
        """One round, now."""
        with self.director.entered():
            plane.housekeep(time.monotonic())

    def index(self, plane: XdpPlane, address: object) -> int:
        """The present server's index, or 0."""
        name = ServerId(address=ipaddress.ip_address(str(address)), port=80)
        index = plane.tables.names.server(plane.tables.names.service(WEB) or 0, name) or 0
        return index if plane.director.servers["flags"][index] else 0

    def mac(self, plane: XdpPlane, address: object) -> int:
        """The MAC word of a present server."""
        return int(plane.director.servers["mac"][self.index(plane, address)])

    def connect(self, client: int, port: int = 0) -> socket.socket:
        """A TCP connection to the virtual address from 192.168.2.CLIENT."""
        with self.network.host("clients").entered():
            sock = socket.socket()
        sock.settimeout(DEADLINE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((f"192.168.2.{client}", port))
        try:
            sock.connect((str(VIP), 80))
        except OSError:
            sock.close()
            raise
        return sock

    def ask(self, client: int) -> str:
        """Which real server answers this client."""
        with self.connect(client) as sock:
            return sock.recv(16).decode()

    @contextlib.contextmanager
    def flood(self, sock: socket.socket) -> Iterator[None]:
        """Bytes on a connection, some each millisecond, for the length of the block."""
        done = threading.Event()

        def send() -> None:
            while not done.wait(0.001):
                sock.send(b"?")

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(DEADLINE)

    def ipvsadm(self, *arguments: str) -> str:
        """The output of the program, in the director's namespace."""
        return self.director.run([PROGRAM, "ipvsadm", "--run-dir", str(self.run_dir), *arguments]).stdout


class NamedServer:
    """A web server of one word: its name on accept, and again for each byte it gets."""

    def __init__(self, host: LabHost) -> None:
        with host.entered():
            self._listener = socket.create_server(("0.0.0.0", 80), backlog=128)
        self._name = host.name.encode()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            peer.settimeout(60.0)
            peer.sendall(self._name)
            while peer.recv(1):
                peer.sendall(self._name)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def prepare(host: LabHost) -> None:
    host.run(["ip", "address", "add", f"{VIP}/32", "dev", "lo"])
    for where in ("all", "lo"):
        host.run(["sysctl", "-qw", f"net.ipv4.conf.{where}.arp_ignore=1", f"net.ipv4.conf.{where}.arp_announce=2"])
