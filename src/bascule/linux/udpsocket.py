# SPDX-License-Identifier: Apache-2.0
"""UDP sockets for a protocol that is told from afar by its TTL: one that receives, and one to send from a session's own
port (udp(7), ip(7), ipv6(7)). They never block and know nothing of what the payload means.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

from bascule.linux.arrivals import IP_PKTINFO, SPACE, Received, arrived
from bascule.linux.netlink import NetlinkError
from bascule.linux.rawsocket import CLASS_OF_SERVICE
from bascule.linux.stamps import STAMP_SPACE, Stamps
from bascule.model.base import IPAddress

RECEIVE_BUFFER = 1 << 20

_DATAGRAM = 1 << 16
_IP_RECVTTL = 12
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_WILDCARDS = {4: "0.0.0.0", 6: "::"}


class UdpReceiver:
    """What comes to a port, over one IP version, with TTL and age."""

    def __init__(self, family: int, port: int) -> None:
        """Listen on every address. Raises NetlinkError (a KernelRefusedError), also when the port is taken."""
        self._family = family
        self._stamps = Stamps()
        self._socket = _opened(family)
        try:
            self._stamps.ask(self._socket)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            if family == 4:
                self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
                self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            else:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            self._socket.bind((_WILDCARDS[family], port))
        except OSError as error:
            self._socket.close()
            raise NetlinkError(error.errno or errno.EIO, f"listen on UDP port {port} over IPv{family}") from error

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def receive(self) -> Iterator[Received]:
        """Every packet that waits. Raises NetlinkError."""
        while True:
            try:
                data, ancillary, _, sender = self._socket.recvmsg(_DATAGRAM, STAMP_SPACE + SPACE)
            except BlockingIOError:
                self._stamps.emptied()
                return
            except OSError as error:
                raise NetlinkError(error.errno or errno.EIO, "receive over UDP") from error
            found = arrived(self._family, data, ancillary, str(sender[0]), self._stamps.age(ancillary))
            if found is not None:
                yield found


class UdpSender:
    """Packets from one address and port to one neighbour."""

    def __init__(self, source: IPAddress | None, port: int, destination: tuple[IPAddress, int], ttl: int) -> None:
        """`source` None: the kernel chooses it by its routes. Raises NetlinkError (a KernelRefusedError)."""
        family = destination[0].version
        self.port = port
        """That it sends from."""
        self._destination = (str(destination[0]), destination[1])
        self._socket = _opened(family)
        try:
            if family == 4:
                self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
                self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, CLASS_OF_SERVICE)
            else:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, CLASS_OF_SERVICE)
            self._socket.bind((_WILDCARDS[family] if source is None else str(source), port))
        except OSError as error:
            self._socket.close()
            raise NetlinkError(
                error.errno or errno.EIO, f"use {source or 'any address'} port {port} over UDP"
            ) from error

    def send(self, payload: bytes) -> None:
        """Send a packet now or never. Raises NetlinkError."""
        try:
            self._socket.sendto(payload, self._destination)
        except OSError as error:
            what = f"send to {self._destination[0]} over UDP"
            raise NetlinkError(error.errno or errno.EIO, what) from error

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _opened(family: int) -> socket.socket:
    try:
        return socket.socket(_FAMILIES[family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    except OSError as error:
        raise NetlinkError(error.errno or errno.EIO, "open a UDP socket") from error
