# SPDX-License-Identifier: Apache-2.0
"""New connections while two directors hand a service's address to and fro: to real servers by direct routing through
the XDP director, and to a program on the director itself. Each that begins with the successor is answered.

So is each to a real server that is under way at the moment of the switch and lasts no longer than half a second: its
frames go by way of the old director for a second. One to the director itself cannot move: it is counted apart, one for
each client at the most.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from bascule.lab.captures import Captures
from bascule.lab.directors import Director, program
from bascule.lab.network import Network
from bascule.lab.records import Request
from bascule.lab.servers import Nginx
from bascule.lab.topologies import SEED
from bascule.lab.traffic import REASONS, REQUEST, Traffic
from bascule.lab.waiting import wait_for
from bascule.model.base import IPAddress
from bascule.model.configuration import VrrpState
from bascule.vrrp.handover import Kind

pytestmark = [pytest.mark.root, pytest.mark.lab, pytest.mark.alone, pytest.mark.timeout(240)]

VIP = ipaddress.ip_address("192.168.2.240")
SERVICE, OWN = 80, 8080
CLIENTS = {SERVICE: range(20, 24), OWN: range(24, 26)}
"""Last bytes of addresses; each asks, closes, and asks again two milliseconds later."""
SLOW = range(26, 30)
"""Of addresses that take half a second for each question to a real server."""
SLOW_PARTS, SLOW_PAUSE = 20, 0.025
PAUSE = 0.002
EACH_WAY = 3
TRIES = 8
AFTER = 1.3
"""Seconds that a switch is watched: late frames are served for one."""

TEXT = """
global_defs {
    router_id NAME
}
bascule {
    handover_key "between these two alone"
}
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority PRIORITY
    version 3
    advert_int 0.2
    virtual_ipaddress {
        192.168.2.240
    }
}
virtual_server 192.168.2.240 80 {
    delay_loop 1
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 192.168.2.212 80 {
        TCP_CHECK {
            connect_timeout 2
        }
    }
    real_server 192.168.2.213 80 {
        TCP_CHECK {
            connect_timeout 2
        }
    }
}
"""


@dataclasses.dataclass(slots=True)
class Count:
    """What became of the connections around switches, of one port."""

    begun_with_successor: int = 0
    lost: list[Request] = dataclasses.field(default_factory=list)
    astride: list[int] = dataclasses.field(default_factory=list)
    """By switch: connections that began before the announcement, ended after it, and failed."""
    moved: int = 0
    """Such that did not fail."""

    def add(self, requests: Sequence[Request], announced: float) -> None:
        """Take in one switch."""
        self.begun_with_successor += sum(request.begin > announced for request in requests)
        failed = [request for request in requests if request.error]
        cut = [request for request in failed if request.begin <= announced <= request.end]
        self.astride.append(len(cut))
        across = sum(request.begin <= announced <= request.end for request in requests)
        self.moved += across - len(cut)
        self.lost += [request for request in failed if request not in cut]


class Slow(Traffic):
    """Clients whose questions come in parts."""

    def _run(self, client: IPAddress, number: int) -> None:
        with self._host.entered():
            self._end.wait(SLOW_PAUSE * SLOW_PARTS * number / len(SLOW))
            while not self._end.is_set():
                self._log.append(slowly(client, *self._target))


def slowly(client: IPAddress, virtual: IPAddress, port: int) -> Request:
    """A question whose parts are frames of their own; answered with the last of them."""
    begin, error, answer = time.monotonic(), None, b""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.bind((str(client), 0))
            connection.settimeout(5)
            connection.connect((str(virtual), port))
            size = -(-len(REQUEST) // SLOW_PARTS)
            for first in range(0, len(REQUEST), size):
                connection.sendall(REQUEST[first : first + size])
                threading.Event().wait(SLOW_PAUSE)
            answer = connection.recv(4096)
    except OSError as refusal:
        error = REASONS.get(refusal.errno or 0, str(refusal))
    if error is None and b" 200 " not in answer:
        error = f"a broken answer: {answer!r}"
    return Request(client=client, begin=begin, end=time.monotonic(), server=None, error=error)


class Stage:
    """The seed's network with real servers, both directors running, a program that listens on each of them."""

    def __init__(self, network: Network) -> None:
        """Start everything; d1 is active."""
        self.network = network
        self.directors = {name: self._director(name) for name in ("d1", "d2")}
        for name in ("rs1", "rs2"):
            host = network.host(name)
            host.run([program(), "realserver", "start", "--vip", str(VIP), "--run-dir", str(host.folder / "run")])
            Nginx(host).start()
        for name, director in self.directors.items():
            Nginx(director.host, OWN).start()
            director.launch()
            director.wait_started()
            wait_for(lambda d=director: d.table().count(":80 ") >= 3, 15, f"{name}'s servers", evidence=self.evidence)  # type: ignore[misc]
        self.reach("d1", VrrpState.MASTER)
        self.reach("d2", VrrpState.BACKUP)
        wait_for(lambda: self.heard("d2"), 15, "d2 to hear d1", evidence=self.evidence)

    def _director(self, name: str) -> Director:
        host = self.network.host(name)
        file = host.folder / "bascule.conf"
        file.write_text(TEXT.replace("NAME", name).replace("PRIORITY", "150" if name == "d1" else "100"))
        return Director(host, file)

    def state(self, name: str) -> VrrpState | None:
        status = self.directors[name].status()
        return status.vrrp.instances[0].state if status and status.vrrp and status.vrrp.instances else None

    def heard(self, name: str) -> int:
        status = self.directors[name].status()
        return status.vrrp.instances[0].adverts_received if status and status.vrrp else 0

    def reach(self, name: str, state: VrrpState) -> None:
        wait_for(lambda: self.state(name) is state, 15, f"{name} to be {state.value}", evidence=self.evidence)

    def order(self, name: str, *words: str) -> str:
        director = self.directors[name]
        return director.host.run([program(), *words, "--run-dir", str(director.run_dir)], timeout=30).stdout

    def traffic(self, port: int) -> Traffic:
        addresses = [ipaddress.ip_address(f"192.168.2.{number}") for number in CLIENTS[port]]
        return Traffic(self.network.host("clients"), addresses, VIP, port, pause=PAUSE)

    def slow(self) -> Slow:
        addresses = [ipaddress.ip_address(f"192.168.2.{number}") for number in SLOW]
        return Slow(self.network.host("clients"), addresses, VIP, SERVICE)

    def relayed(self, name: str) -> int:
        status = self.directors[name].status()
        return status.plane.counters["relayed"] if status and status.plane else 0

    def evidence(self) -> str:
        return "\n".join(director.evidence() for director in self.directors.values())


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Network(SEED) as network:
        yield Stage(network)


def switch(stage: Stage, captures: Captures, here: str, there: str, verb: str = "failover") -> tuple[float, bool]:
    """When the successor announced the address, and whether it was handed over in time and armed in time."""
    begun = time.monotonic()
    stage.order(here, verb)
    stage.reach(there, VrrpState.MASTER)
    announced = wait_for(lambda: captures.first_announcement(there, begun), 10, "the announcement")
    assert announced is not None
    last = [line for line in stage.directors[here].log().splitlines() if "event=planned_switch" in line][-1]
    wait_for(lambda: time.monotonic() > announced + AFTER, AFTER + 5, "the late frames to be over")
    asked = max(o.at for o in captures.of[here].orders if o.kind is Kind.ASK and o.at <= announced)
    requested = max(
        (o.at for o in captures.of[here].orders if asked < o.at <= announced and o.kind is Kind.REQUEST), default=asked
    )
    answers = [o for o in captures.of[there].orders if o.kind is Kind.HERE and asked < o.at < requested]
    # The second one says that the successor's data plane knows.
    return announced, len(answers) == 2 and "priority 0" not in last


def test_no_new_connection_is_lost_there_and_back_nor_at_a_stop(stage: Stage) -> None:
    counts, slow = {port: Count() for port in CLIENTS}, Count()
    clean = {"d1": 0, "d2": 0}
    with Captures(stage.network, tuple(d.host for d in stage.directors.values()), VIP, SERVICE) as captures:
        for number in range(2 * TRIES):
            here, there = ("d1", "d2") if number % 2 == 0 else ("d2", "d1")
            if min(clean.values()) >= EACH_WAY and here == "d1":
                break
            if judged(stage, captures, here, there, counts, slow):
                clean[there] += 1
        assert min(clean.values()) >= EACH_WAY, f"{clean}\n{stage.evidence()}"
        judged(stage, captures, "d1", "d2", counts, slow, "stop")
    for port, count in counts.items():
        print(f"port {port}: {count.begun_with_successor} after an announcement, astride and cut {count.astride}")
        assert count.begun_with_successor > 100 * EACH_WAY
        assert count.lost == [], stage.evidence()
        assert all(cut <= len(CLIENTS[port]) for cut in count.astride)
    print(f"of those under way that were carried over: {counts[SERVICE].moved} short ones, {slow.moved} slow ones")
    assert sum(counts[SERVICE].astride) == 0, stage.evidence()
    assert (slow.lost, sum(slow.astride)) == ([], 0), stage.evidence()
    assert slow.moved >= 2 * EACH_WAY * len(SLOW) - len(SLOW), "they were under way"
    assert stage.relayed("d2") > 0


def judged(
    stage: Stage,
    captures: Captures,
    here: str,
    there: str,
    counts: dict[int, Count],
    slow: Count,
    verb: str = "failover",
) -> bool:
    """A switch under traffic. False: its milliseconds were not enough on this machine, and nothing is judged."""
    with contextlib.ExitStack() as stack:
        running = {port: stack.enter_context(stage.traffic(port)) for port in CLIENTS}
        patient = stack.enter_context(stage.slow())
        wait_for(lambda: len(patient.requests()) >= len(SLOW), 10, "slow requests")
        for port, traffic in running.items():
            wait_for(lambda t=traffic: len(t.requests()) > 20, 10, f"requests to port {port}")  # type: ignore[misc]
        announced, clean = switch(stage, captures, here, there, verb)
    if clean:
        for port, traffic in running.items():
            counts[port].add(traffic.requests(), announced)
        slow.add(patient.requests(), announced)
    return clean
