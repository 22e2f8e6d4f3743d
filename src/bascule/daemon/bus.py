# SPDX-License-Identifier: Apache-2.0
"""The bus: one SOCK_SEQPACKET pair between the supervisor and each role; the supervisor forwards by `messages.ROUTES`.

An end never blocks. What the socket does not take waits in a bounded queue in which a state message replaces the
earlier one of its topic; past the bound the oldest event is dropped and counted.
"""

from __future__ import annotations

import array
import collections
import os
import socket
from collections.abc import Iterator

from bascule.model.base import pack, unpack
from bascule.model.messages import Message, topic

DATAGRAM_MAX = 1 << 20
"""Bytes of the largest message either end sends; kernel buffers are set to hold some of them."""

QUEUE_MAX = 4096
"""Events that wait for a slow reader before the oldest is dropped."""

DESCRIPTORS_MAX = 4


class BusClosedError(Exception):
    """The other end is gone."""


class Bus:
    """One end of the bus. Use `fileno` with any selector; `wants_write` says when writability matters."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over a connected SOCK_SEQPACKET socket."""
        sock.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, DATAGRAM_MAX)
        self._socket = sock
        self._events: collections.deque[Message] = collections.deque()
        self._states: dict[tuple[object, ...], Message] = {}
        self.dropped = 0
        """Events lost to a full queue."""

    @classmethod
    def pair(cls) -> tuple[Bus, socket.socket]:
        """The supervisor's end, and the socket whose descriptor a role inherits."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), theirs

    @classmethod
    def from_descriptor(cls, descriptor: int) -> Bus:
        """The end of a role that inherited `descriptor`."""
        return cls(socket.socket(fileno=descriptor))

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    @property
    def wants_write(self) -> bool:
        """Something waits for the socket to become writable; then call `flush`."""
        return bool(self._events or self._states)

    def send(self, message: Message) -> None:
        """Send now or queue. Raises BusClosedError when the other end is gone."""
        key = topic(message)
        if key is not None:
            self._states.pop(key, None)
            self._states[key] = message
        else:
            if len(self._events) >= QUEUE_MAX:
                self._events.popleft()
                self.dropped += 1
            self._events.append(message)
        self.flush()

    def send_with_descriptor(self, message: Message, descriptor: int) -> None:
        """Send a message with a descriptor beside it, past the queue.

        Raises BusClosedError, or BlockingIOError when the socket is full.
        """
        try:
            socket.send_fds(self._socket, [pack(message)], [descriptor])
        except (BrokenPipeError, ConnectionResetError) as error:
            raise BusClosedError from error

    def flush(self) -> None:
        """Send what waits, events first, as far as the socket takes it. Raises BusClosedError."""
        while self._events:
            if not self._put(self._events[0]):
                return
            self._events.popleft()
        while self._states:
            key = next(iter(self._states))
            if not self._put(self._states[key]):
                return
            del self._states[key]

    def _put(self, message: Message) -> bool:
        try:
            self._socket.send(pack(message))
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError) as error:
            raise BusClosedError from error
        return True

    def receive(self) -> Iterator[tuple[Message, int | None]]:
        """Every message that waits, with the descriptor that came beside it (the caller's to close).

        Raises BusClosedError at the end of file, after all that came before it.
        """
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(
                    DATAGRAM_MAX, socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)
                )
            except BlockingIOError:
                return
            except ConnectionResetError as error:
                raise BusClosedError from error
            descriptor = _first_descriptor(ancillary)
            if not data:
                raise BusClosedError
            yield unpack(data, Message), descriptor  # type: ignore[arg-type]

    def close(self) -> None:
        """Close this end; the other reads its end of file."""
        self._socket.close()


def _first_descriptor(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """The first descriptor of an SCM_RIGHTS message; any further ones are closed."""
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    for extra in found[1:]:
        os.close(extra)
    return found[0] if found else None
