# SPDX-License-Identifier: Apache-2.0
"""The bus: one SOCK_SEQPACKET pair between the supervisor and each role; the supervisor forwards by `messages.ROUTES`.

An end never blocks. What the socket does not take waits in a bounded queue in which a state message replaces the
earlier one of its topic; past the bound the oldest event is dropped and counted. A message too large for a datagram
travels in a memfd.
"""

from __future__ import annotations

import array
import collections
import os
import select
import socket
from collections.abc import Iterator

import msgspec

from bascule.daemon import memfd
from bascule.model.base import pack, unpack
from bascule.model.messages import Message, topic

DATAGRAM_MAX = 1 << 16
"""Bytes of the largest datagram; a longer message goes as a memfd."""

BUFFER = 1 << 20
"""Bytes that the kernel is asked to hold for each direction."""

MESSAGE_MAX = 64 << 20
"""Bytes of the longest message that is read: no role can make the supervisor's memory grow without bound."""

QUEUE_MAX = 4096
"""Events that wait for a slow reader before the oldest is dropped."""

DESCRIPTORS_MAX = 4

_IN_MEMFD = b"\xc1"
"""The datagram beside the memfd of a long message: the one byte that MessagePack never begins with."""


class BusClosedError(Exception):
    """The other end is gone."""


class BusMessageError(Exception):
    """The other end sent what is no message."""


class Bus:
    """One end of the bus. Use `fileno` with any selector; `wants_write` says when writability matters."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over a connected SOCK_SEQPACKET socket."""
        sock.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        self._socket = sock
        self._events: collections.deque[tuple[Message, int | None]] = collections.deque()
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

    def wait(self, seconds: float | None = None) -> None:
        """Wait until something can be received, or the other end is gone, for so many seconds at the most."""
        self._poll(select.POLLIN, seconds)

    def wait_to_write(self, seconds: float) -> None:
        """The same for sending."""
        self._poll(select.POLLOUT, seconds)

    def _poll(self, wanted: int, seconds: float | None) -> None:
        poll = select.poll()  # select(2) cannot watch a role's end: its number is too high
        poll.register(self._socket, wanted)
        poll.poll(None if seconds is None else seconds * 1000)

    @property
    def wants_write(self) -> bool:
        """Something waits for the socket to become writable; then call `flush`."""
        return bool(self._events or self._states)

    def send(self, message: Message, descriptor: int | None = None) -> None:
        """Send now or queue, with a copy of `descriptor` beside it. Raises BusClosedError: the other end is gone."""
        key = topic(message)
        if key is not None and descriptor is None:
            self._states.pop(key, None)
            self._states[key] = message
        else:
            if len(self._events) >= QUEUE_MAX:
                _close(self._events.popleft()[1])
                self.dropped += 1
            self._events.append((message, None if descriptor is None else os.dup(descriptor)))
        self.flush()

    def flush(self) -> None:
        """Send what waits, events first, as far as the socket takes it. Raises BusClosedError."""
        while self._events:
            message, descriptor = self._events[0]
            if not self._put(message, descriptor):
                return
            self._events.popleft()
            _close(descriptor)
        while self._states:
            key = next(iter(self._states))
            if not self._put(self._states[key], None):
                return
            del self._states[key]

    def _put(self, message: Message, descriptor: int | None) -> bool:
        data = pack(message)
        beside = [] if descriptor is None else [descriptor]
        long = memfd.make("bascule-message", data) if len(data) > DATAGRAM_MAX else None
        try:
            if long is None:
                socket.send_fds(self._socket, [data], beside)
            else:
                socket.send_fds(self._socket, [_IN_MEMFD], [long, *beside])
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError) as error:
            raise BusClosedError from error
        finally:
            _close(long)
        return True

    def receive(self) -> Iterator[tuple[Message, int | None]]:
        """Every message that waits, with the descriptor that came beside it (the caller's to close).

        Raises BusClosedError at the end of file, after all that came before it; BusMessageError.
        """
        room = socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)
        reset = False
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(DATAGRAM_MAX, room, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                if reset:
                    raise BusClosedError from None
                return
            except ConnectionResetError:
                # The other end went without reading all of ours; the kernel says so first, its last words follow.
                reset = True
                continue
            if not data:
                raise BusClosedError
            descriptors = _descriptors(ancillary)
            try:
                if data == _IN_MEMFD and descriptors:
                    data = _take_long(descriptors.pop(0))
                message = _message(data)
            except BusMessageError:
                for descriptor in descriptors:
                    os.close(descriptor)
                raise
            for extra in descriptors[1:]:
                os.close(extra)
            yield message, descriptors[0] if descriptors else None

    def close(self) -> None:
        """Close this end; the other reads its end of file."""
        for _, descriptor in self._events:
            _close(descriptor)
        self._socket.close()


def _take_long(descriptor: int) -> bytes:
    try:
        if os.fstat(descriptor).st_size > MESSAGE_MAX:
            raise BusMessageError(f"a message of more than {MESSAGE_MAX} bytes")
        return memfd.read_all(descriptor)
    finally:
        os.close(descriptor)


def _message(data: bytes) -> Message:
    try:
        message: Message = unpack(data, Message)  # type: ignore[arg-type]
    except msgspec.MsgspecError as error:
        raise BusMessageError(str(error)) from error
    return message


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    """The descriptors of all SCM_RIGHTS messages."""
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)
