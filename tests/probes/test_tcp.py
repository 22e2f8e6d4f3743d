# SPDX-License-Identifier: Apache-2.0
"""TCP_CHECK against real sockets: open, closed, silent, unreachable; and what an attempt leaves behind."""

from __future__ import annotations

import ipaddress
import os
import pathlib
import select
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from bascule.lab.waiting import wait_for
from bascule.linux import namespaces
from bascule.model.base import Seconds
from bascule.model.configuration import TcpCheck
from bascule.model.service import ServerId
from bascule.probes import tcp
from bascule.probes.engine import Engine
from bascule.probes.probe import Result

QUICK = TcpCheck(connect_timeout=Seconds(0.3))


def at(address: str, port: int) -> ServerId:
    return ServerId(address=ipaddress.ip_address(address), port=port)


def check(server: ServerId, settings: TcpCheck = QUICK) -> Result:
    """One attempt, run to its end."""
    attempt = tcp.begin(server, settings)
    if isinstance(attempt, Result):
        return attempt
    engine: Engine[int] = Engine()
    engine.start(0, attempt, time.monotonic() + settings.connect_timeout)
    try:
        while not (ended := engine.collect(time.monotonic())):
            select.select([engine], [], [], max(0.0, (engine.deadline() or 0.0) - time.monotonic()))
    finally:
        engine.close()
    return ended[0][1]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def test_an_open_port_passes(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert check(at("127.0.0.1", port)) == Result(passed=True, why=f"TCP connection to [127.0.0.1]:tcp:{port} success")


def test_an_open_port_passes_over_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as sock:
        port = sock.getsockname()[1]
        assert check(at("::1", port)).why == f"TCP connection to [::1]:tcp:{port} success"


def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    result = check(at("127.0.0.1", port))
    assert result == Result(passed=False, why=f"TCP connection to [127.0.0.1]:tcp:{port} failed: connection refused")


def test_a_full_backlog_never_answers_and_times_out() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        with socket.create_connection(sock.getsockname()):
            began = time.monotonic()
            result = check(at("127.0.0.1", sock.getsockname()[1]))
            assert 0.3 <= time.monotonic() - began < 1.0
    assert not result.passed
    assert result.why.endswith("failed: timeout after 0.3 s")


def test_connect_address_and_port_of_the_check_are_used(listener: socket.socket) -> None:
    settings = TcpCheck(connect_address=ipaddress.ip_address("127.0.0.1"), connect_port=listener.getsockname()[1])
    assert check(at("192.0.2.1", 9), settings).passed


def test_the_bind_address_is_where_the_connection_comes_from(listener: socket.socket) -> None:
    settings = TcpCheck(bind_address=ipaddress.ip_address("127.0.0.77"))
    assert check(at("127.0.0.1", listener.getsockname()[1]), settings).passed
    connection, peer = listener.accept()
    connection.close()
    assert peer[0] == "127.0.0.77"


def test_a_bind_address_that_is_not_here_is_named() -> None:
    settings = TcpCheck(bind_address=ipaddress.ip_address("192.0.2.77"))
    result = check(at("127.0.0.1", 80), settings)
    assert result.why.endswith("failed: the source address or port is not available")


def test_the_server_reads_an_orderly_end_and_no_time_wait_stays_here(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    for _ in range(20):
        assert check(at("127.0.0.1", port)).passed
        connection, peer = listener.accept()
        with connection:
            assert connection.recv(1) == b"", "a FIN, not a reset"
            wait_for(lambda peer=peer: states(peer[1], port) == set(), 2.0, "our end of the connection is forgotten")  # type: ignore[misc]


def states(own: int, other: int) -> set[str]:
    """The states of the socket that has these ports."""
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {line[3] for line in lines if line[1].endswith(f":{own:04X}") and line[2].endswith(f":{other:04X}")}


def test_error_numbers_without_words_of_ours_keep_the_library_s(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise OSError(97, "whatever")

    monkeypatch.setattr(socket, "socket", refuse)
    assert check(at("127.0.0.1", 1)).why.endswith("failed: address family not supported by protocol")

    def silent(*_: object) -> socket.socket:
        raise OSError

    monkeypatch.setattr(socket, "socket", silent)
    assert check(at("127.0.0.1", 1)).why.endswith("failed: no reason given")


@pytest.fixture
def bare_network() -> Iterator[None]:
    """A network namespace that knows one segment on which nobody lives, one black hole, and no other way."""
    name = f"probes-{os.getpid()}"
    namespaces.create(name)
    try:
        with namespaces.entered(name):
            for command in (
                "ip link set lo up",
                "ip link add alone type veth peer name far",
                "ip link set far up",
                "ip link set alone up",
                "ip addr add 10.0.0.1/24 dev alone",
                "ip route add blackhole 10.0.1.0/24",
                "ip route add unreachable 10.0.2.0/24",
            ):
                subprocess.run(command.split(), check=True, timeout=10)
            yield
    finally:
        namespaces.remove(name)


@pytest.mark.root
@pytest.mark.usefixtures("bare_network")
def test_where_nothing_answers_the_reason_says_why() -> None:
    assert check(at("10.9.9.9", 80)).why.endswith("failed: network unreachable")
    assert check(at("10.0.2.9", 80)).why.endswith("failed: no route to host")
    assert not check(at("10.0.1.9", 80)).passed
    assert check(at("10.0.0.9", 80)).why.endswith("failed: timeout after 0.3 s")
    patient = TcpCheck(connect_timeout=Seconds(10.0))
    assert check(at("10.0.0.9", 80), patient).why.endswith("failed: no route to host"), "when ARP has given up"
