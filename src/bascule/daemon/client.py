# SPDX-License-Identifier: Apache-2.0
"""Asking a running director over its control socket: the other end of bascule.daemon.control."""

from __future__ import annotations

import pathlib
import socket
from collections.abc import Iterator

import msgspec

from bascule.daemon.control import SOCKET_NAME
from bascule.errors import BasculeError
from bascule.model.base import from_json, to_json
from bascule.model.control import ControlReply, ControlRequest, Verb

DEADLINES: dict[Verb, float] = {
    Verb.STATUS: 5.0,
    Verb.RELOAD: 120.0,
    Verb.RESTART: 120.0,
    Verb.STOP: 30.0,
    Verb.FAILOVER: 5.0,
    Verb.EVENTS: 5.0,
}
"""Seconds to wait for each reply; a reload parses files, a stop lets roles end in order."""


class NotRunningError(BasculeError):
    """No director answers."""

    exit_status = 3


def ask(run_dir: pathlib.Path, verb: Verb) -> ControlReply:
    """Send a bare request and wait for its reply. Raises as `send`."""
    return send(run_dir, ControlRequest(verb=verb))


def send(run_dir: pathlib.Path, request: ControlRequest) -> ControlReply:
    """Send a request and wait for its reply. Raises NotRunningError; BasculeError if the answer does not come."""
    verb = request.verb
    path = run_dir / SOCKET_NAME
    with _connected(run_dir, DEADLINES[verb]) as sock:
        try:
            sock.sendall(to_json(request) + b"\n")
            with sock.makefile("rb") as replies:
                line = replies.readline()
        except TimeoutError:
            raise BasculeError(f"the director at {path} did not answer within {DEADLINES[verb]:g} s") from None
        except ConnectionError:
            line = b""
    if not line and verb is Verb.STOP:
        return ControlReply(ok=True, text="stopped")
    if not line:
        raise BasculeError(f"the director at {path} ended without an answer")
    return _reply(line, path)


def events(run_dir: pathlib.Path) -> Iterator[bytes]:
    """Each event's JSON as it comes, until the director ends or sends us away (the last one then is a `dropped`).

    Raises NotRunningError; BasculeError if the director does not know of events.
    """
    path = run_dir / SOCKET_NAME
    with _connected(run_dir, DEADLINES[Verb.EVENTS]) as sock, sock.makefile("rb") as lines:
        try:
            sock.sendall(to_json(ControlRequest(verb=Verb.EVENTS)) + b"\n")
            reply = _reply(lines.readline(), path)
            if not reply.ok:
                raise BasculeError(f"the director at {path} tells no events: {reply.text}")
            sock.settimeout(None)
            yield from lines
        except TimeoutError:
            raise BasculeError(f"the director at {path} did not answer") from None
        except ConnectionError:
            return


def _connected(run_dir: pathlib.Path, seconds: float) -> socket.socket:
    """A connection whose every step may take so long. Raises NotRunningError, BasculeError."""
    path = run_dir / SOCKET_NAME
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(seconds)
    try:
        sock.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        raise NotRunningError(f"no director runs with {run_dir}") from None
    except PermissionError:
        sock.close()
        raise BasculeError(f"not allowed to ask the director at {path}: root is needed") from None
    return sock


def _reply(line: bytes, path: pathlib.Path) -> ControlReply:
    try:
        return from_json(line, ControlReply)
    except msgspec.MsgspecError as error:
        raise BasculeError(f"the director at {path} answered with something else: {error}") from error
