# SPDX-License-Identifier: Apache-2.0
"""Clients that ask through the VIP: plain HTTP over a connection a request, a deadline for each, nothing repeated.

Every client address is a thread in the clients' network namespace. What a request met is written down, never hidden:
the deadline is below the kernel's first retransmission of a SYN (1 s), so that a lost packet is a lost request.
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Sequence

from bascule.lab.network import LabHost
from bascule.lab.records import Request
from bascule.model.base import IPAddress

REQUEST_SECONDS = 0.9
PAUSE_SECONDS = 0.1
ANSWER_MAX = 65536
REQUEST = b"GET / HTTP/1.0\r\nHost: lab\r\n\r\n"

REASONS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
}


def ask(
    client: IPAddress, virtual: IPAddress, port: int, *, origin: float = 0.0, seconds: float = REQUEST_SECONDS
) -> Request:
    """One request from the address `client`, in the calling thread's network namespace.

    Times in the record are monotonic seconds less `origin`.
    """
    begin = time.monotonic()
    server, error = None, None
    try:
        server = _exchange(client, virtual, port, begin + seconds)
    except TimeoutError:
        error = f"no answer within {seconds:g} s"
    except OSError as refusal:
        error = REASONS.get(refusal.errno or 0, str(refusal))
    return Request(client=client, begin=begin - origin, end=time.monotonic() - origin, server=server, error=error)


def _exchange(client: IPAddress, virtual: IPAddress, port: int, deadline: float) -> str:
    """The server's name from the answer's body. Raises OSError, TimeoutError at the deadline."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.bind((str(client), 0))
        connection.settimeout(_left(deadline))
        connection.connect((str(virtual), port))
        connection.sendall(REQUEST)
        answer = bytearray()
        while len(answer) < ANSWER_MAX:
            connection.settimeout(_left(deadline))
            part = connection.recv(4096)
            if not part:
                break
            answer += part
    head, found, body = bytes(answer).partition(b"\r\n\r\n")
    if not found or b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise OSError(errno.EPROTO, f"a broken answer of {len(answer)} bytes")
    return body.decode("ascii", "replace").strip()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class Traffic:
    """Clients that ask all the time, from `with` to its end. Safe to read while they run."""

    def __init__(
        self,
        host: LabHost,
        clients: Sequence[IPAddress],
        virtual: IPAddress,
        port: int,
        *,
        origin: float = 0.0,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        """`clients` are addresses of `host`; `pause` seconds lie between two requests of one client."""
        self._host = host
        self._target = (virtual, port)
        self._origin = origin
        self._pause = pause
        self._end = threading.Event()
        self._log: list[Request] = []
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(c, i), daemon=True) for i, c in enumerate(clients)]

    def __enter__(self) -> Traffic:
        """Start every client."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def stop(self) -> None:
        """End after the requests that are under way. Raises what ended a client before its time. May be repeated."""
        self._end.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(REQUEST_SECONDS + self._pause + 5)
        if self._failures:
            raise self._failures[0]

    def requests(self) -> tuple[Request, ...]:
        """What has ended so far, in the order of its end."""
        return tuple(self._log)

    def visit(self, client: IPAddress) -> Request:
        """One more request, from an address of the same host, in the calling thread; it is logged with the others."""
        with self._host.entered():
            request = ask(client, *self._target, origin=self._origin)
        self._log.append(request)
        return request

    def _run(self, client: IPAddress, number: int) -> None:
        try:
            with self._host.entered():
                # Spread over the pause, so that they do not ask in step.
                self._end.wait(self._pause * number / len(self._threads))
                while not self._end.is_set():
                    self._log.append(ask(client, *self._target, origin=self._origin))
                    self._end.wait(self._pause)
        except BaseException as failure:
            self._failures.append(failure)
