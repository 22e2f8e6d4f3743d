# SPDX-License-Identifier: Apache-2.0
"""The control socket: a unix stream socket in the run directory, one JSON request a line, one JSON reply a line.

It knows requests and replies, not how they are served. Only root may connect (mode 0600).
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import socket
from collections.abc import Callable

import msgspec

from bascule.daemon.loop import Loop, Timer
from bascule.errors import BasculeError
from bascule.model.base import Model, from_json, to_json
from bascule.model.control import ControlReply, ControlRequest, Dropped, Verb

LINE_MAX = 1 << 16
CLIENTS_MAX = 32
BACKLOG_MAX = 1 << 18
"""Bytes of events that wait for one reader; one that is further behind is sent away."""

GOODBYE_MAX = 5.0
"""Seconds in which a reader that is sent away may still read why."""

IDLE_MAX = 180.0
"""Seconds that a client may keep a connection without finishing a request or reading its reply."""

SOCKET_NAME = "control.sock"


class StatusAnswer(Model, frozen=True, kw_only=True):
    """A ControlReply whose status is JSON already."""

    ok: bool
    status: msgspec.Raw


Reply = Callable[[ControlReply | StatusAnswer], None]
Serve = Callable[[ControlRequest, Reply], None]


def listen(run_dir: pathlib.Path) -> socket.socket:
    """The listening socket, in place of one that a dead daemon left. The run directory's lock must be held.

    Raises BasculeError where there can be none: the path of a unix socket has at most 107 bytes.
    """
    path = run_dir / SOCKET_NAME
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    before = os.umask(0o177)
    try:
        sock.bind(str(path))
    except OSError as error:
        sock.close()
        raise BasculeError(f"control socket {path}: {error.strerror or error}") from error
    finally:
        os.umask(before)
    sock.listen(CLIENTS_MAX)
    return sock


@dataclasses.dataclass(slots=True, eq=False)
class _Client:
    sock: socket.socket
    timer: Timer
    received: bytes = b""
    waiting: bool = False
    """A request is being served."""
    to_send: bytes = b""
    listens: bool = False
    """Gets every event."""
    leaving: bool = False
    """Is closed when it has read what waits for it."""


class ControlServer:
    """Serves the control socket from the supervisor's loop."""

    def __init__(self, loop: Loop, sock: socket.socket, serve: Serve) -> None:
        """Listen; `serve` gets each request and the way to answer it."""
        self._loop = loop
        self._socket = sock
        self._serve = serve
        self._clients: list[_Client] = []
        loop.watch(sock.fileno(), self._accept)

    def fileno(self) -> int:
        """The listening descriptor, which outlives the program at a restart."""
        return self._socket.fileno()

    def waiting(self) -> list[int]:
        """The descriptors of the clients that wait for a reply."""
        return [client.sock.fileno() for client in self._clients if client.waiting]

    def adopt(self, descriptor: int) -> Reply:
        """Take over a client whose request was read by the program before this one."""
        client = self._welcome(socket.socket(fileno=descriptor))
        client.waiting = True
        return lambda reply: self._answer(client, reply)

    def publish(self, event: Model) -> None:
        """Tell all who listen. One who does not keep up is told so, and sent away."""
        listening = [client for client in self._clients if client.listens]
        if not listening:
            return
        line = to_json(event) + b"\n"
        for client in listening:
            if len(client.to_send) + len(line) > BACKLOG_MAX:
                self._send_away(client)
            else:
                self._say(client, line)

    def _send_away(self, client: _Client) -> None:
        """What waits for it is cut after the line that it may have begun to read."""
        client.listens, client.leaving = False, True
        why = f"more than {BACKLOG_MAX} bytes of events waited to be read: ask again"
        client.to_send = client.to_send[: client.to_send.index(b"\n") + 1]
        client.timer.cancel()
        client.timer = self._loop.after(GOODBYE_MAX, lambda: self._dismiss(client))
        self._say(client, to_json(Dropped(why=why)) + b"\n")

    def _listen(self, client: _Client) -> None:
        """It gets events from now on, and may wait for them as long as it likes."""
        client.timer.cancel()
        client.listens = True
        self._answer(client, ControlReply(ok=True, text="events follow"))

    def _say(self, client: _Client, line: bytes) -> None:
        client.to_send += line
        self._writable(client)

    def _accept(self) -> None:
        try:
            sock, _ = self._socket.accept()
        except OSError:
            return
        if len(self._clients) >= CLIENTS_MAX:
            sock.close()
            return
        sock.setblocking(False)
        self._welcome(sock)

    def _welcome(self, sock: socket.socket) -> _Client:
        client = _Client(sock, self._loop.after(IDLE_MAX, lambda: self._dismiss(client)))
        self._clients.append(client)
        self._loop.watch(sock.fileno(), lambda: self._readable(client))
        return client

    def _dismiss(self, client: _Client) -> None:
        if client not in self._clients:
            return
        self._clients.remove(client)
        client.timer.cancel()
        self._loop.unwatch(client.sock.fileno())
        client.sock.close()

    def _readable(self, client: _Client) -> None:
        try:
            data = client.sock.recv(LINE_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        client.received += data
        if not data or len(client.received) > LINE_MAX:
            self._dismiss(client)
            return
        self._next_request(client)

    def _next_request(self, client: _Client) -> None:
        if client.waiting or b"\n" not in client.received:
            return
        line, client.received = client.received.split(b"\n", 1)
        if client.listens:
            return
        client.waiting = True
        try:
            request = from_json(line, ControlRequest)
        except msgspec.MsgspecError as error:
            self._answer(client, ControlReply(ok=False, text=f"request not understood: {error}"))
            return
        if request.verb is Verb.EVENTS:
            self._listen(client)
            return
        self._serve(request, lambda reply: self._answer(client, reply))

    def _answer(self, client: _Client, reply: ControlReply | StatusAnswer) -> None:
        if client not in self._clients:
            return
        client.waiting = False
        self._say(client, to_json(reply) + b"\n")

    def _writable(self, client: _Client) -> None:
        try:
            client.to_send = client.to_send[client.sock.send(client.to_send) :]
        except BlockingIOError:
            pass
        except OSError:
            self._dismiss(client)
            return
        self._loop.when_writable(client.sock.fileno(), (lambda: self._writable(client)) if client.to_send else None)
        if client.leaving and not client.to_send:
            self._dismiss(client)
        elif not client.to_send:
            self._next_request(client)
