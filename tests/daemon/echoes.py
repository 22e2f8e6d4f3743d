# SPDX-License-Identifier: Apache-2.0
"""Echo requests to a virtual address, a thousand a second, and which of them were answered."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time

from bascule.lab.network import LabHost
from bascule.lab.waiting import WaitedTooLongError, wait_for
from bascule.model.base import IPAddress
from bascule.vrrp import packet

A_SECOND = 1000
IDENTIFIER = 77
REQUESTS, REPLIES = {4: 8, 6: 128}, {4: 0, 6: 129}
_FILTER = {4: 20, 6: 0}
"""Bytes of IP header before what a raw socket gives."""


class Flood:
    """Between its making and `end`; safe to look at from another thread."""

    def __init__(self, host: LabHost, virtual: IPAddress) -> None:
        """Begin, from `host`; the first answer is there on return."""
        self._virtual = virtual
        protocol = socket.IPPROTO_ICMP if virtual.version == 4 else socket.IPPROTO_ICMPV6
        with host.entered():
            family = socket.AF_INET if virtual.version == 4 else socket.AF_INET6
            self._socket = socket.socket(family, socket.SOCK_RAW, protocol)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)
        self._answered: set[int] = set()
        self._sent = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        wait_for(lambda: self._answered, 10, "the first answer")

    def _run(self) -> None:
        start = time.monotonic()
        while not self._over.is_set():
            wait = start + self._sent / A_SECOND - time.monotonic()
            if wait > 0:
                self._receive(wait)
            else:
                self._send()

    def _send(self) -> None:
        head = struct.pack("!BBHHHI", REQUESTS[self._virtual.version], 0, 0, IDENTIFIER, 0, self._sent)
        # The kernel fills the checksum of ICMPv6 in.
        echo = head[:2] + packet.checksum(head).to_bytes(2, "big") + head[4:]
        self._socket.sendto(echo, (str(self._virtual), 0))
        self._sent += 1

    def _receive(self, seconds: float) -> None:
        if select.select([self._socket], [], [], seconds)[0]:
            data = self._socket.recv(2048)[_FILTER[self._virtual.version] :]
            if data[0] == REPLIES[self._virtual.version] and data[4:6] == struct.pack("!H", IDENTIFIER):
                self._answered.add(int.from_bytes(data[8:12], "big"))

    def until_sent(self, more: int) -> None:
        """Until so many more were sent."""
        wanted = self._sent + more
        wait_for(lambda: self._sent >= wanted, 30, "echo requests")

    def end(self) -> list[int]:
        """Send no more; the numbers of those that were never answered."""
        self._over.set()
        self._thread.join()
        with contextlib.suppress(WaitedTooLongError):
            wait_for(self._complete, 2, "the last answers")
        self._socket.close()
        return sorted(set(range(self._sent)) - self._answered)

    def _complete(self) -> bool:
        self._receive(0)
        return len(self._answered) == self._sent
