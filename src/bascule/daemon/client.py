# SPDX-License-Identifier: Apache-2.0
"""Asking a running director over its control socket: the other end of bascule.daemon.control."""

from __future__ import annotations

import pathlib
import socket

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
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(DEADLINES[verb])
        try:
            sock.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotRunningError(f"no director runs with {run_dir}") from None
        except PermissionError:
            raise BasculeError(f"not allowed to ask the director at {path}: root is needed") from None
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
    try:
        return from_json(line, ControlReply)
    except msgspec.MsgspecError as error:
        raise BasculeError(f"the director at {path} answered with something else: {error}") from error
