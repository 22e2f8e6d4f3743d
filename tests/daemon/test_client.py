# SPDX-License-Identifier: Apache-2.0
"""Asking a director: every way in which no good answer comes is one clear error."""

from __future__ import annotations

import pathlib
import socket
import threading
from collections.abc import Callable

import pytest

from bascule.daemon import client, control
from bascule.daemon.client import NotRunningError, ask, events
from bascule.errors import BasculeError
from bascule.model.control import ControlReply, Verb


@pytest.fixture
def answering(tmp_path: pathlib.Path) -> Callable[[bytes], pathlib.Path]:
    """Start a server that answers once with these bytes; the run directory."""

    def start(answer: bytes) -> pathlib.Path:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(tmp_path / control.SOCKET_NAME))
        sock.listen(1)

        def serve() -> None:
            with sock, sock.accept()[0] as connection:
                assert connection.recv(999).endswith(b"\n")
                connection.sendall(answer)

        threading.Thread(target=serve).start()
        return tmp_path

    return start


def test_a_reply(answering: Callable[[bytes], pathlib.Path]) -> None:
    assert ask(answering(b'{"ok":true,"text":"t"}\n'), Verb.RELOAD) == ControlReply(ok=True, text="t")


def test_nobody_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotRunningError, match="no director runs with"):
        ask(tmp_path, Verb.STATUS)
    control.listen(tmp_path).close()
    with pytest.raises(NotRunningError) as refused:
        ask(tmp_path, Verb.STATUS)
    assert refused.value.exit_status == 3


def test_an_end_without_an_answer_is_what_stop_means(answering: Callable[[bytes], pathlib.Path]) -> None:
    assert ask(answering(b""), Verb.STOP).ok


def test_an_end_without_an_answer_is_an_error_otherwise(answering: Callable[[bytes], pathlib.Path]) -> None:
    with pytest.raises(BasculeError, match="ended without an answer"):
        ask(answering(b""), Verb.RELOAD)


def test_an_answer_in_another_language(answering: Callable[[bytes], pathlib.Path]) -> None:
    with pytest.raises(BasculeError, match="answered with something else"):
        ask(answering(b"220 mail.example.com\n"), Verb.STATUS)


def test_silence_has_an_end(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(client.DEADLINES, Verb.STATUS, 0.1)
    with control.listen(tmp_path), pytest.raises(BasculeError, match=r"did not answer within 0\.1 s"):
        ask(tmp_path, Verb.STATUS)


def test_events_until_the_director_ends(answering: Callable[[bytes], pathlib.Path]) -> None:
    run_dir = answering(b'{"ok":true,"text":"events follow"}\n{"type":"a"}\n{"type":"b"}\n')
    assert list(events(run_dir)) == [b'{"type":"a"}\n', b'{"type":"b"}\n']


def test_a_director_that_knows_no_events_says_so(answering: Callable[[bytes], pathlib.Path]) -> None:
    with pytest.raises(BasculeError, match="tells no events: request not understood"):
        list(events(answering(b'{"ok":false,"text":"request not understood"}\n')))


def test_events_of_nobody(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotRunningError):
        list(events(tmp_path))


def test_a_director_that_does_not_answer_with_events(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(client.DEADLINES, Verb.EVENTS, 0.1)
    with control.listen(tmp_path), pytest.raises(BasculeError, match="did not answer"):
        list(events(tmp_path))
