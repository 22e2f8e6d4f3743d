# SPDX-License-Identifier: Apache-2.0
"""The netlink core: requests with acknowledgement, dumps, and listening to groups (RFC 3549, netlink(7), rtnetlink(7)).

Synchronous and small, so that a realtime process can use it; every exchange has a deadline. What the messages mean is
said in the modules that make them (addresses.py, interfaces.py). Numbers are in host order, as netlink wants them.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import select
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from types import TracebackType

from bascule.errors import KernelRefusedError

ROUTE = 0
"""NETLINK_ROUTE."""

REQUEST, ACK, ROOT_DUMP, REPLACE, EXCLUSIVE, CREATE, APPEND = 0x1, 0x4, 0x300, 0x100, 0x200, 0x400, 0x800
"""Header flags of netlink(7)."""

GROUP_LINK, GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS = 1, 5, 9
ROUTE_GROUPS = (7, 8, 11, 19)
"""RTNLGRP numbers; those of ROUTE_GROUPS tell of routes and rules of both families."""

TIMEOUT = 1.0
RECEIVE_BUFFER = 1 << 20
_DATAGRAM = 1 << 16
_ADD_MEMBERSHIP = 1
_EXTENDED_ACK = 11
_SOL_NETLINK = 270
_ERROR, _DONE, _OVERRUN = 2, 3, 4
_FLAG_INTERRUPTED = 0x10
_DUMP_ATTEMPTS = 5

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ATTRIBUTE_KIND = 0x3FFF


class NetlinkError(KernelRefusedError):
    """The kernel answered a request with an error."""

    def __init__(self, number: int, what: str) -> None:
        """Give the errno and what was asked for."""
        super().__init__(f"{what}: {os.strerror(number)}")
        self.errno = number


class NetlinkTimeoutError(KernelRefusedError):
    """The kernel did not answer in time; a dump tells what it did."""


@dataclasses.dataclass(slots=True, frozen=True)
class NetlinkMessage:
    """One message: its type, and what follows the header."""

    kind: int
    body: bytes
    port: int = 0
    """Of what the kernel tells unasked: the port of the socket whose request it follows from; 0 = from none."""


@dataclasses.dataclass(slots=True, frozen=True)
class Order:
    """Something to have done: a message to the kernel, and in words what it is."""

    kind: int
    flags: int
    body: bytes
    what: str


def attribute(kind: int, payload: bytes) -> bytes:
    """An attribute with its header, filled to four bytes."""
    length = _ATTRIBUTE.size + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + bytes(-length % 4)


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes in `data` by number, the flags of the number removed; what is cut short is left out."""
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            break
        found[kind & _ATTRIBUTE_KIND] = data[at + _ATTRIBUTE.size : at + length]
        at += length + -length % 4
    return found


def split(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The messages of a datagram as (type, flags, sequence number, body); what is cut short is left out."""
    return ((kind, flags, sequence, body) for kind, flags, sequence, _, body in _messages(data))


def _messages(data: bytes) -> Iterator[tuple[int, int, int, int, bytes]]:
    """The same with the port before the body."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, sequence, port = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > len(data):
            break
        yield kind, flags, sequence, port, data[at + _HEADER.size : at + length]
        at += length + -length % 4


class Netlink:
    """A socket for requests. Not thread-safe; an exchange that fails leaves it usable."""

    def __init__(self, protocol: int = ROUTE, timeout: float = TIMEOUT) -> None:
        """Open a socket of a netlink family; `timeout` (seconds) is each exchange's deadline."""
        self._socket = _open(protocol)
        self._timeout = timeout
        self._sequence = 0

    def __enter__(self) -> Netlink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def request(self, kind: int, flags: int, body: bytes, what: str) -> None:
        """Have something done. `what` says it in words for the error.

        Raises NetlinkError with the kernel's errno, or NetlinkTimeoutError.
        """
        deadline = self._send(kind, REQUEST | ACK | flags, body, what)
        for answer_kind, _, answer in self._answers(deadline, what):
            if answer_kind == _ERROR:
                _raise_error(answer, what)
                return

    def request_all(self, orders: Sequence[Order]) -> list[NetlinkError]:
        """Have several things done with one system call; returns what the kernel refused: the others are done.

        Raises NetlinkError or NetlinkTimeoutError when it is not known what was done.
        """
        if not orders:
            return []
        waiting, message = {}, b""
        for order in orders:
            # Errors are told unasked; that the last one is done says that all are through.
            wanted = REQUEST | order.flags | (ACK if order is orders[-1] else 0)
            message += self._message(order.kind, wanted, order.body)
            waiting[self._sequence] = order
        what, last = orders[-1].what, self._sequence
        refused: list[NetlinkError] = []
        for kind, _, sequence, answer in self._messages(self._hand_in(message, what), what):
            if kind == _ERROR and sequence in waiting:
                try:
                    _raise_error(answer, waiting[sequence].what)
                except NetlinkError as error:
                    refused.append(error)
                if sequence == last:
                    break
        return refused

    def get(self, kind: int, body: bytes, what: str) -> list[NetlinkMessage]:
        """One thing. Raises NetlinkError with the kernel's errno, or NetlinkTimeoutError."""
        deadline = self._send(kind, REQUEST | ACK, body, what)
        found: list[NetlinkMessage] = []
        for answer_kind, _, answer in self._answers(deadline, what):
            if answer_kind == _ERROR:
                _raise_error(answer, what)
                break
            found.append(NetlinkMessage(answer_kind, answer))
        return found

    def dump(self, kind: int, body: bytes, what: str) -> list[NetlinkMessage]:
        """Everything of a kind. A dump that a change interrupted is asked for again, a bounded number of times.

        Raises NetlinkError or NetlinkTimeoutError.
        """
        for _ in range(_DUMP_ATTEMPTS):
            found = self._dump_once(kind, body, what)
            if found is not None:
                return found
        raise NetlinkError(errno.EINTR, what)

    def _dump_once(self, kind: int, body: bytes, what: str) -> list[NetlinkMessage] | None:
        deadline = self._send(kind, REQUEST | ROOT_DUMP, body, what)
        found: list[NetlinkMessage] = []
        whole = True
        for answer_kind, flags, answer in self._answers(deadline, what):
            whole = whole and not flags & _FLAG_INTERRUPTED
            if answer_kind == _ERROR:
                _raise_error(answer, what)
            if answer_kind in (_DONE, _ERROR):
                break
            found.append(NetlinkMessage(answer_kind, answer))
        return found if whole else None

    def _send(self, kind: int, flags: int, body: bytes, what: str) -> float:
        return self._hand_in(self._message(kind, flags, body), what)

    def _message(self, kind: int, flags: int, body: bytes) -> bytes:
        """With the next sequence number."""
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        filled = bytes(-len(body) % 4)
        return _HEADER.pack(_HEADER.size + len(body), kind, flags, self._sequence, 0) + body + filled

    def _hand_in(self, message: bytes, what: str) -> float:
        """Returns the deadline for the answer."""
        try:
            self._socket.send(message)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, what) from error
        return time.monotonic() + self._timeout

    def _answers(self, deadline: float, what: str) -> Iterator[tuple[int, int, bytes]]:
        """The answers to the last request until the deadline; those to an earlier one that came late are dropped."""
        for kind, flags, sequence, body in self._messages(deadline, what):
            if sequence == self._sequence:
                yield kind, flags, body

    def _messages(self, deadline: float, what: str) -> Iterator[tuple[int, int, int, bytes]]:
        """Whatever comes until the deadline. Most is there already: the kernel answers while it is asked."""
        while True:
            try:
                data = self._socket.recv(_DATAGRAM, socket.MSG_DONTWAIT)
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise NetlinkTimeoutError(f"{what}: no answer from the kernel within {self._timeout:g} s") from None
                waiting = select.poll()
                waiting.register(self._socket, select.POLLIN)
                waiting.poll(left * 1000)
                continue
            except OSError as error:
                raise NetlinkError(error.errno or errno.EIO, what) from error
            yield from split(data)


class Monitor:
    """A socket that hears what changes. Use `fileno` with a selector; never blocks."""

    def __init__(self, groups: tuple[int, ...], protocol: int = ROUTE) -> None:
        """Join multicast groups (RTNLGRP numbers)."""
        self._socket = _open(protocol)
        self._socket.setblocking(False)
        self.join(groups)

    def join(self, groups: tuple[int, ...]) -> None:
        """Hear of more."""
        for group in groups:
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def receive(self) -> tuple[list[NetlinkMessage], bool]:
        """What waits, and whether it is complete: False says that the kernel had to drop some; dump then."""
        found: list[NetlinkMessage] = []
        complete = True
        while True:
            try:
                data = self._socket.recv(_DATAGRAM)
            except BlockingIOError:
                return found, complete
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise NetlinkError(error.errno or errno.EIO, "listen to the kernel's changes") from error
                complete = False
                continue
            told = ((kind, port, body) for kind, _, _, port, body in _messages(data) if kind > _OVERRUN)
            found.extend(NetlinkMessage(kind, body, port) for kind, port, body in told)


def _open(protocol: int) -> socket.socket:
    try:
        opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    except OSError as error:
        raise NetlinkError(error.errno or errno.EIO, "open a netlink socket") from error
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    opened.setsockopt(_SOL_NETLINK, _EXTENDED_ACK, 1)
    opened.bind((0, 0))
    return opened


def _raise_error(answer: bytes, what: str) -> None:
    if len(answer) < 4:
        raise NetlinkError(errno.EBADMSG, what)
    number = -int.from_bytes(answer[:4], "little" if struct.pack("=H", 1)[0] else "big", signed=True)
    if number:
        raise NetlinkError(number, what)
