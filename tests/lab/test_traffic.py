# SPDX-License-Identifier: Apache-2.0
"""Every request is written down as it was: answered, refused, swallowed, broken; none is repeated."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from bascule.lab import traffic as traffic_module
from bascule.lab.network import Network
from bascule.lab.records import Request
from bascule.lab.servers import Nginx
from bascule.lab.topologies import SEED
from bascule.lab.traffic import REQUEST, Traffic, ask
from bascule.lab.waiting import wait_for

HERE = ipaddress.ip_address("127.0.0.1")


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on loopback that does `answer` with its one connection; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            connection, _ = listener.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=take)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(5)


def test_an_answer_is_the_servers_name() -> None:
    got: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        got.append(connection.recv(1000))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-")
        connection.sendall(b"Length: 4\r\n\r\nrs1\n")

    with serving(answer) as port:
        origin = time.monotonic()
        request = ask(HERE, HERE, port, origin=origin)
    assert (request.client, request.server, request.error) == (HERE, "rs1", None)
    assert 0 <= request.begin <= request.end < 5
    assert got == [REQUEST]


@pytest.mark.parametrize(
    ("sent", "error"),
    [(b"HTTP/1.1 500 Oops\r\n\r\nrs1", "a broken answer"), (b"HTTP/1.1 200 OK\r\n", "a broken"), (b"", "a broken")],
)
def test_a_broken_answer_is_none(sent: bytes, error: str) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(sent)

    with serving(answer) as port:
        request = ask(HERE, HERE, port)
    assert request.server is None
    assert error in (request.error or "")


def test_silence_has_a_deadline() -> None:
    done = threading.Event()

    def answer(_: socket.socket) -> None:
        done.wait(5)

    with serving(answer) as port:
        begin = time.monotonic()
        request = ask(HERE, HERE, port, seconds=0.1)
        done.set()
    assert request.error == "no answer within 0.1 s"
    assert time.monotonic() - begin < 3


def test_a_server_that_trickles_meets_the_same_deadline() -> None:
    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"H")
                threading.Event().wait(0.02)

    with serving(answer) as port:
        request = ask(HERE, HERE, port, seconds=0.2)
    assert request.error == "no answer within 0.2 s"


def test_a_refusal_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ask(HERE, HERE, port).error == "refused"


@pytest.mark.root
@pytest.mark.lab
def test_eight_clients_ask_all_the_time_and_nobody_asks_twice() -> None:
    with Network(SEED) as network:
        nginx, clients = Nginx(network.host("rs1")), network.host("clients")
        nginx.start()
        addresses = [ipaddress.ip_address(f"192.168.2.{n}") for n in range(20, 28)]
        visitor = ipaddress.ip_address("192.168.2.50")
        with Traffic(clients, addresses, ipaddress.ip_address("192.168.2.212"), 80, pause=0.02) as traffic:
            wait_for(lambda: len(traffic.requests()) > 100, 20, "a hundred requests")
            nginx.stop()
            wait_for(lambda: traffic.requests()[-1].error, 5, "a refusal")
            assert traffic.visit(visitor).error == "refused"
        requests = traffic.requests()
        assert {request.client for request in requests} == {*addresses, visitor}
        assert {request.error for request in requests} <= {None, "refused", "reset"}
        # What the server counted is what got an answer: there was no second try that nobody wrote down.
        assert nginx.answered() == sum(request.server == "rs1" for request in requests)


@pytest.mark.root
@pytest.mark.lab
def test_a_client_that_fails_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Request:
        raise RuntimeError("a defect of the client")

    monkeypatch.setattr(traffic_module, "ask", broken)
    with (
        Network(SEED) as network,
        pytest.raises(RuntimeError, match="a defect"),
        Traffic(network.host("clients"), [ipaddress.ip_address("192.168.2.20")], HERE, 80) as traffic,
    ):
        wait_for(lambda: not any(thread.is_alive() for thread in traffic._threads), 5, "the client to end")
