# SPDX-License-Identifier: Apache-2.0
"""A whole director whose file changes again and again while clients use it: what must go on does, and nothing leaks."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pathlib
import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from bascule.lab.directors import Director, program
from bascule.lab.network import LabHost, Network
from bascule.lab.servers import Nginx
from bascule.lab.topologies import SEED
from bascule.lab.traffic import Traffic
from bascule.lab.waiting import wait_for
from bascule.model.messages import Role

pytestmark = [pytest.mark.root, pytest.mark.lab, pytest.mark.timeout(120)]

VIP = ipaddress.ip_address("192.168.2.240")
CLIENT = "192.168.2.40"
WEB, ECHO, DATAGRAMS = 80, 81, 82
SERVERS = {"rs1": "192.168.2.212", "rs2": "192.168.2.213"}

COMMON = """
global_defs {
    notification_email {
        admin@example.com
    }
    smtp_server 127.0.0.1
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 1
    virtual_ipaddress {
        192.168.2.240
    }
}
"""


def configuration(weights: dict[str, int], ports: tuple[int, ...] = (WEB, ECHO, DATAGRAMS)) -> str:
    """The director's file with these real servers; the web's are always both: its clients may notice nothing."""
    text = COMMON
    for port in ports:
        text += f"virtual_server {VIP} {port} {{\n lb_algo rr\n lb_kind DR\n"
        text += f" protocol {'UDP' if port == DATAGRAMS else 'TCP'}\n"
        text += " delay_loop 1\n"
        check = "TCP_CHECK {\n connect_timeout 1\n }\n" if port == WEB else ""
        for name in SERVERS if port == WEB else weights:
            text += f" real_server {SERVERS[name]} {port} {{\n weight {weights.get(name, 1)}\n {check} }}\n"
        text += "}\n"
    return text


class Echo:
    """Answers every line and every datagram with its host's name, until the end of the test."""

    def __init__(self, host: LabHost) -> None:
        self._name = host.name.encode()
        with host.entered():
            self._listener = socket.create_server(("", ECHO))
            self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A datagram's answer must come from the address that was asked.
        self._datagrams.bind((str(VIP), DATAGRAMS))
        for serve in (self._accept, self._answer_datagrams):
            threading.Thread(target=serve, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while connection.recv(64):
                connection.sendall(self._name)

    def _answer_datagrams(self) -> None:
        with contextlib.suppress(OSError):
            while (client := self._datagrams.recvfrom(64)[1]) is not None:
                self._datagrams.sendto(self._name, client)

    def close(self) -> None:
        """Answer nobody any more."""
        for sock in (self._listener, self._datagrams):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class Stage:
    """One director, both real servers, clients."""

    def __init__(self, network: Network, stack: contextlib.ExitStack) -> None:
        self.network = network
        self.clients = network.host("clients")
        for name in SERVERS:
            host = network.host(name)
            host.run([program(), "realserver", "start", "--vip", str(VIP), "--run-dir", str(host.folder / "run")])
            Nginx(host, WEB).start()
            stack.callback(Echo(host).close)
        file = network.host("d1").folder / "bascule.conf"
        file.write_text(configuration({"rs1": 1, "rs2": 1}))
        self.director = Director(network.host("d1"), file)
        self.director.launch()
        self.director.wait_started()
        wait_for(lambda: self.director.holds(VIP), 10.0, "the VIP", evidence=self.director.log)

    def reload(self, weights: dict[str, int], ports: tuple[int, ...] = (WEB, ECHO, DATAGRAMS)) -> None:
        self.director.file.write_text(configuration(weights, ports))
        self.director.host.run([program(), "reload", "--run-dir", str(self.director.run_dir)], timeout=30)

    def socket(self, kind: socket.SocketKind, port: int) -> socket.socket:
        with self.clients.entered():
            sock = socket.socket(socket.AF_INET, kind)
        sock.bind((CLIENT, 0))
        sock.settimeout(1.0)
        sock.connect((str(VIP), port))
        return sock

    def traffic(self) -> Traffic:
        clients = [ipaddress.ip_address(f"192.168.2.{number}") for number in range(20, 28)]
        return Traffic(self.clients, clients, VIP, WEB, pause=0.02)

    def pids(self) -> dict[Role, int]:
        status = self.director.status()
        assert status is not None
        return {entry.role: entry.pid for entry in status.roles if entry.pid is not None}

    def kill(self, role: Role) -> None:
        """Kill a role and wait until another process plays it."""
        old = self.pids()[role]
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: self.pids().get(role, old) != old, 10.0, f"another {role.value}")
        self.director.wait_started()

    def threads(self, role: Role) -> int:
        return len(list(pathlib.Path(f"/proc/{self.pids()[role]}/task").iterdir()))

    def descriptors(self) -> dict[Role, int]:
        return {role: len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())) for role, pid in self.pids().items()}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(Network(SEED))
        yield Stage(network, stack)


def asked(sock: socket.socket) -> str:
    """Which server answers on this socket."""
    sock.send(b"who?\n")
    return sock.recv(64).decode()


def other(name: str) -> str:
    return next(each for each in SERVERS if each != name)


def test_what_a_reload_does_not_concern_goes_on(stage: Stage) -> None:
    both = {"rs1": 1, "rs2": 1}
    with (
        stage.traffic() as traffic,
        stage.socket(socket.SOCK_STREAM, ECHO) as stream,
        stage.socket(socket.SOCK_DGRAM, DATAGRAMS) as flow,
    ):
        mine, its = asked(stream), asked(flow)
        assert [asked(flow) for _ in range(5)] == [its] * 5

        stage.reload({mine: 0, other(mine): 7})
        assert asked(stream) == mine, "weight 0 keeps its connections"
        with stage.socket(socket.SOCK_STREAM, ECHO) as another:
            assert asked(another) == other(mine), "weight 0 takes no new ones"

        stage.reload({other(mine): 1})
        with pytest.raises(TimeoutError):
            asked(stream)
        with stage.socket(socket.SOCK_STREAM, ECHO) as another:
            assert asked(another) == other(mine), "a removed server takes no new connections"

        stage.reload(both)
        # What the client sent in vain is sent again by its kernel, and answered; its pauses have grown meanwhile.
        stream.settimeout(10.0)
        assert stream.recv(64).decode() == mine, "a server that returns has its connections back"

        stage.reload(both, (WEB, ECHO))
        with stage.socket(socket.SOCK_DGRAM, DATAGRAMS) as late, pytest.raises(ConnectionRefusedError):
            asked(late)
        assert asked(stream) == mine

        stage.reload(both)
        assert asked(flow) == its, "a service that returns has its flows back"
    assert [request for request in traffic.requests() if request.error] == [], stage.director.evidence()
    assert len(traffic.requests()) > 200


def test_nothing_grows_over_many_reloads_and_deaths(stage: Stage) -> None:
    stage.reload({"rs1": 2, "rs2": 2})
    # The first renewal of the address opens what all the others use.
    wait_for(lambda: stage.threads(Role.VRRP) == 2, 15.0, "the thread that renews")
    before = stage.descriptors()
    with stage.traffic() as traffic:
        for number in range(12):
            stage.reload({"rs1": 1 + number % 3, "rs2": 1}, (WEB, ECHO) if number % 2 else (WEB, ECHO, DATAGRAMS))
        wait_for(lambda: stage.descriptors() == before, 10.0, "as many descriptors as before")
        for role in (Role.NOTIFY, Role.CHECKS, Role.PLANE):
            stage.kill(role)
        so_far = len(traffic.requests())
        wait_for(lambda: len(traffic.requests()) > so_far + 100, 10.0, "more requests")
    assert stage.descriptors()[Role.SUPERVISOR] == before[Role.SUPERVISOR]
    assert [request for request in traffic.requests() if request.error] == [], stage.director.evidence()
