# SPDX-License-Identifier: Apache-2.0
"""The control socket: requests and replies a line each, strangers and slow readers bounded."""

from __future__ import annotations

import json
import pathlib
import socket
import stat
import threading
from collections.abc import Iterator

import pytest

from bascule.daemon import control
from bascule.daemon.control import ControlServer, Reply
from bascule.daemon.loop import Loop
from bascule.errors import BasculeError
from bascule.lab.waiting import wait_for
from bascule.model.base import from_json
from bascule.model.control import ControlReply, ControlRequest, Dropped, Verb
from bascule.model.messages import ScriptVerdict


class Rig:
    """A server in a loop of its own thread."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.path = folder / control.SOCKET_NAME
        self.loop = Loop()
        self.waiting: list[Reply] = []
        self.text = "x"
        self.socket = control.listen(folder)
        self.server = ControlServer(self.loop, self.socket, self.serve)
        self.loop.after(0.01, self.tick)
        self.end = False
        self.thread = threading.Thread(target=self.loop.run)
        self.thread.start()

    def tick(self) -> None:
        if self.end:
            self.loop.stop()
        self.loop.after(0.01, self.tick)

    def serve(self, request: ControlRequest, reply: Reply) -> None:
        if request.verb is Verb.RELOAD:
            self.waiting.append(reply)
        else:
            reply(ControlReply(ok=True, text=self.text))

    def connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        sock.connect(str(self.path))
        return sock


@pytest.fixture
def rig(tmp_path: pathlib.Path) -> Iterator[Rig]:
    one = Rig(tmp_path)
    yield one
    one.end = True
    one.thread.join(5)
    for client in one.server._clients:
        client.sock.close()
    one.socket.close()


def line(sock: socket.socket) -> bytes:
    with sock.makefile("rb") as file:
        return file.readline()


def test_only_the_owner_may_connect(rig: Rig) -> None:
    assert stat.S_IMODE(rig.path.stat().st_mode) == 0o600


def test_one_line_in_one_line_out_and_again(rig: Rig) -> None:
    with rig.connect() as sock:
        for _ in range(3):
            sock.sendall(b'{"verb":"status"}\n')
            assert json.loads(line(sock)) == {"ok": True, "text": "x", "diagnostics": [], "status": None}


def test_requests_that_come_together_are_answered_one_after_the_other(rig: Rig) -> None:
    with rig.connect() as sock, sock.makefile("rb") as file:
        sock.sendall(b'{"verb":"status"}\n{"verb":"stop"}\n{"verb":"sta')
        assert file.readline()
        assert file.readline()
        sock.sendall(b'tus"}\n')
        assert file.readline()


@pytest.mark.parametrize("request_line", [b"\n", b"hello\n", b'{"verb":"dance"}\n', b'{"verb":"status","more":1}\n'])
def test_what_is_no_request_is_answered_in_words(rig: Rig, request_line: bytes) -> None:
    with rig.connect() as sock:
        sock.sendall(request_line)
        reply = from_json(line(sock), ControlReply)
    assert not reply.ok
    assert reply.text.startswith("request not understood: ")


def test_a_line_without_end_is_cut_off(rig: Rig) -> None:
    with rig.connect() as sock:
        try:
            sock.sendall(b"x" * (control.LINE_MAX * 2))
            closed = line(sock) == b""
        except ConnectionError:
            closed = True
    assert closed


def test_a_long_reply_arrives_whole_however_slowly_it_is_read(rig: Rig) -> None:
    rig.text = "y" * 3_000_000
    with rig.connect() as slow, rig.connect() as other:
        slow.sendall(b'{"verb":"status"}\n')
        other.sendall(b'{"verb":"status"}\n')
        assert len(from_json(line(other), ControlReply).text) == 3_000_000
        assert len(from_json(line(slow), ControlReply).text) == 3_000_000


def test_a_client_that_left_before_its_answer_is_forgotten(rig: Rig) -> None:
    with rig.connect() as sock:
        sock.sendall(b'{"verb":"reload"}\n')
        while not rig.waiting:
            threading.Event().wait(0.01)
        assert len(rig.server.waiting()) == 1
    rig.loop.after(0.0, lambda: rig.waiting[0](ControlReply(ok=True)))
    with rig.connect() as sock:
        sock.sendall(b'{"verb":"status"}\n')
        assert line(sock)
    assert rig.server.waiting() == []


def test_more_clients_than_the_bound_are_turned_away(rig: Rig) -> None:
    clients = [rig.connect() for _ in range(control.CLIENTS_MAX)]
    for client in clients:
        client.sendall(b'{"verb":"status"}\n')
        assert line(client)
    with rig.connect() as late:
        try:
            late.sendall(b'{"verb":"status"}\n')
            refused = line(late) == b""
        except ConnectionError:
            refused = True
    assert refused
    for client in clients:
        client.close()


def test_an_adopted_client_gets_its_answer(rig: Rig) -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    rig.loop.after(0.0, lambda: rig.server.adopt(theirs.detach())(ControlReply(ok=True, text="restarted")))
    ours.settimeout(5)
    with ours:
        assert from_json(line(ours), ControlReply).text == "restarted"


def test_the_socket_of_a_dead_daemon_is_replaced(tmp_path: pathlib.Path) -> None:
    control.listen(tmp_path).close()
    again = control.listen(tmp_path)
    again.close()


def test_a_path_that_is_too_long_for_a_socket_is_said(tmp_path: pathlib.Path) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    with pytest.raises(BasculeError, match=r"control socket .*path too long"):
        control.listen(deep)


def verdict(number: int) -> ScriptVerdict:
    return ScriptVerdict(script="chk", up=True, status=0, why="w" * 1000, at=float(number))


def listening(rig: Rig) -> socket.socket:
    sock = rig.connect()
    sock.sendall(b'{"verb":"events"}\n')
    first = b""
    while not first.endswith(b"\n"):
        first += sock.recv(1)
    assert from_json(first, ControlReply) == ControlReply(ok=True, text="events follow")
    return sock


def test_events_come_to_all_who_listen_and_to_nobody_else(rig: Rig) -> None:
    with listening(rig) as one, listening(rig) as other, rig.connect() as silent:
        for number in range(3):
            rig.loop.after(0.0, lambda number=number: rig.server.publish(verdict(number)))  # type: ignore[misc]
        for sock in (one, other):
            with sock.makefile("rb") as lines:
                told = [from_json(next(lines), ScriptVerdict) for _ in range(3)]
            assert sorted(each.at for each in told) == [0.0, 1.0, 2.0]
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.recv(1)


def test_a_listener_that_goes_disturbs_nobody(rig: Rig) -> None:
    with listening(rig) as stays:
        listening(rig).close()
        rig.loop.after(0.0, lambda: rig.server.publish(verdict(1)))
        assert from_json(line(stays), ScriptVerdict).at == 1.0


def test_a_listener_that_does_not_read_is_sent_away_with_a_word(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "BACKLOG_MAX", 50_000)
    published = threading.Event()

    def flood() -> None:
        for number in range(5000):
            rig.server.publish(verdict(number))
        published.set()

    with listening(rig) as sock:
        rig.loop.after(0.0, flood)
        assert published.wait(20)
        with sock.makefile("rb") as lines:
            told = list(lines)
    assert len(told) < 5000
    assert [from_json(each, ScriptVerdict).at for each in told[:-1]] == list(map(float, range(len(told) - 1)))
    assert "more than 50000 bytes" in from_json(told[-1], Dropped).why


def test_one_that_is_sent_away_and_still_does_not_read_is_closed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "BACKLOG_MAX", 50_000)
    monkeypatch.setattr(control, "GOODBYE_MAX", 0.2)
    with listening(rig):
        for _ in range(5000):
            rig.loop.after(0.0, lambda: rig.server.publish(verdict(0)))
        wait_for(lambda: not rig.server._clients, 20, "the client to be dropped")


def test_what_a_listener_says_is_not_answered(rig: Rig) -> None:
    with listening(rig) as sock:
        sock.sendall(b'{"verb":"status"}\n')
        rig.loop.after(0.1, lambda: rig.server.publish(verdict(1)))
        assert from_json(line(sock), ScriptVerdict).at == 1.0
