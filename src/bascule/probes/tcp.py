# SPDX-License-Identifier: Apache-2.0
"""TCP_CHECK: a connection that opens is a healthy server (keepalived.conf(5), RFC 9293 3.5).

Nothing is sent. The connection is closed as keepalived closes it, by a FIN, so that the server's program reads an
orderly end of file and logs no reset; but TCP_LINGER2 is negative (tcp(7)), so that the kernel forgets our end as soon
as the FIN is acknowledged. Thousands of checks a second would otherwise leave a minute's worth of TIME_WAIT behind and
run out of ports.
"""

from __future__ import annotations

import errno
import os
import select
import socket

from bascule.model.base import IPAddress
from bascule.model.configuration import TcpCheck
from bascule.model.service import Protocol, ServerId
from bascule.probes.probe import Result

REASONS: dict[int, str] = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ENETDOWN: "network down",
    errno.ETIMEDOUT: "timeout",
    errno.ECONNRESET: "connection reset",
    errno.EADDRNOTAVAIL: "the source address or port is not available",
    errno.EMFILE: "this process has no descriptor left",
}
"""Error numbers in the words that we print; others keep the C library's."""

_IP_BIND_ADDRESS_NO_PORT = 24
"""ip(7): choose the source port at connect(2), when the destination is known; in Python's socket only from 3.12."""


class TcpProbe:
    """One connection attempt under way."""

    events = select.EPOLLOUT

    def __init__(self, sock: socket.socket, target: ServerId, timeout: float) -> None:
        """Watch over a socket whose connect(2) is in progress; `timeout` in seconds is for the words alone."""
        self._socket = sock
        self._target = target
        self._timeout = timeout

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def ready(self) -> Result | None:
        """The connection is open or has failed."""
        return _result(self._target, self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def expired(self) -> Result:
        """Nobody answered in time."""
        return _failed(self._target, f"timeout after {self._timeout:g} s")

    def close(self) -> None:
        """Close the connection, or give the attempt up."""
        self._socket.close()


def begin(server: ServerId, check: TcpCheck) -> TcpProbe | Result:
    """Begin one attempt; what is decided at once (loopback, no route) is a Result already. Never raises."""
    target = ServerId(
        address=server.address if check.connect_address is None else check.connect_address,
        port=server.port if check.connect_port is None else check.connect_port,
    )
    try:
        sock = _socket(target.address, check.bind_address)
    except OSError as error:
        return _failed(target, _words(error.errno))
    outcome = sock.connect_ex((str(target.address), target.port))
    if outcome == errno.EINPROGRESS:
        return TcpProbe(sock, target, check.connect_timeout)
    sock.close()
    return _result(target, outcome)


def _socket(to: IPAddress, source: IPAddress | None) -> socket.socket:
    family = socket.AF_INET if to.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, -1)
        if source is not None:
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((str(source), 0))
    except OSError:
        sock.close()
        raise
    return sock


def _result(target: ServerId, number: int) -> Result:
    if number:
        return _failed(target, _words(number))
    return Result(passed=True, why=f"TCP connection to {target.text(Protocol.TCP)} success")


def _failed(target: ServerId, reason: str) -> Result:
    return Result(passed=False, why=f"TCP connection to {target.text(Protocol.TCP)} failed: {reason}")


def _words(number: int | None) -> str:
    if number is None:
        return "no reason given"
    return REASONS.get(number) or os.strerror(number).lower()
