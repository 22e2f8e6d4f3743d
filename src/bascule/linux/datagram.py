# SPDX-License-Identifier: Apache-2.0
"""UDP on one interface, by multicast and to single hosts, with a chosen source and what came's TTL (udp(7), ip(7)).

As rawsocket.py, for a protocol of our own beside one that has its own number. Knows nothing of the payload's meaning.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

from bascule.linux.arrivals import IP_PKTINFO, SPACE, Received, arrived
from bascule.linux.netlink import NetlinkError
from bascule.linux.rawsocket import CLASS_OF_SERVICE
from bascule.linux.stamps import STAMP_SPACE, Stamps
from bascule.model.base import IPAddress

TTL = 255
RECEIVE_BUFFER = 1 << 18
LENGTH_MAX = 2048
"""Longer datagrams are cut, and then no message any more."""

_TC_PRIO_CONTROL = 7
_IP_RECVTTL, _IP_MULTICAST_ALL, _IPV6_MULTICAST_ALL = 12, 49, 29
_PACKET_INFO = struct.Struct("=i4s4s")
_IPV6_PACKET_INFO = struct.Struct("=16si")
_MEMBERSHIP = struct.Struct("=4s4si")
_IPV6_MEMBERSHIP = struct.Struct("=16si")


class DatagramSocket:
    """One interface's socket for a UDP port, over one IP version. Never blocks."""

    def __init__(self, interface: str, family: int, port: int, group: IPAddress) -> None:
        """Bind to an interface by name and join a group there. Raises NetlinkError (a KernelRefusedError)."""
        self._interface, self._family, self._port = interface, family, port
        self._stamps = Stamps()
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        try:
            self._socket = socket.socket(kind, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, "open a UDP socket") from error
        try:
            self._index = socket.if_nametoindex(interface)
            self._set_up()
            (self._set_up_4 if family == 4 else self._set_up_6)(group)
            self._socket.bind(("" if family == 4 else "::", port))
        except OSError as error:
            self._socket.close()
            raise NetlinkError(error.errno or errno.EIO, f"use UDP port {port} on {interface}") from error

    def _set_up(self) -> None:
        sock = self._socket
        sock.setblocking(False)
        # While a process is replaced, the one before still has the port.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._interface.encode() + b"\0")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._stamps.ask(sock)

    def _set_up_4(self, group: IPAddress) -> None:
        sock, level = self._socket, socket.IPPROTO_IP
        sock.setsockopt(level, socket.IP_TOS, CLASS_OF_SERVICE)
        # After IP_TOS, which sets a priority of its own.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _TC_PRIO_CONTROL)
        sock.setsockopt(level, socket.IP_TTL, TTL)
        sock.setsockopt(level, socket.IP_MULTICAST_TTL, TTL)
        sock.setsockopt(level, socket.IP_MULTICAST_LOOP, 0)
        sock.setsockopt(level, _IP_MULTICAST_ALL, 0)
        sock.setsockopt(level, IP_PKTINFO, 1)
        sock.setsockopt(level, _IP_RECVTTL, 1)
        sock.setsockopt(level, socket.IP_MULTICAST_IF, _MEMBERSHIP.pack(bytes(4), bytes(4), self._index))
        sock.setsockopt(level, socket.IP_ADD_MEMBERSHIP, _MEMBERSHIP.pack(group.packed, bytes(4), self._index))

    def _set_up_6(self, group: IPAddress) -> None:
        sock, level = self._socket, socket.IPPROTO_IPV6
        sock.setsockopt(level, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(level, socket.IPV6_TCLASS, CLASS_OF_SERVICE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _TC_PRIO_CONTROL)
        sock.setsockopt(level, socket.IPV6_UNICAST_HOPS, TTL)
        sock.setsockopt(level, socket.IPV6_MULTICAST_HOPS, TTL)
        sock.setsockopt(level, socket.IPV6_MULTICAST_LOOP, 0)
        sock.setsockopt(level, _IPV6_MULTICAST_ALL, 0)
        sock.setsockopt(level, socket.IPV6_MULTICAST_IF, self._index)
        sock.setsockopt(level, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(level, socket.IPV6_RECVHOPLIMIT, 1)
        sock.setsockopt(level, socket.IPV6_JOIN_GROUP, _IPV6_MEMBERSHIP.pack(group.packed, self._index))

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket; the group is left."""
        self._socket.close()

    def send(self, payload: bytes, source: IPAddress, destination: IPAddress) -> None:
        """Send a datagram from `source`, an address of this host, to the same port there. Raises NetlinkError."""
        where: tuple[object, ...]
        if self._family == 4:
            ancillary = [(socket.IPPROTO_IP, IP_PKTINFO, _PACKET_INFO.pack(0, source.packed, bytes(4)))]
            where = (str(destination), self._port)
        else:
            info = _IPV6_PACKET_INFO.pack(source.packed, self._index)
            ancillary = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)]
            scope = self._index if destination.is_link_local or destination.is_multicast else 0
            where = (str(destination), self._port, 0, scope)
        try:
            self._socket.sendmsg([payload], ancillary, 0, where)
        except OSError as error:
            what = f"send from {source} to {destination} on {self._interface}"
            raise NetlinkError(error.errno or errno.EIO, what) from error

    def receive(self) -> Iterator[Received]:
        """Every datagram that waits. Raises NetlinkError."""
        while True:
            try:
                data, ancillary, _, sender = self._socket.recvmsg(LENGTH_MAX, SPACE + STAMP_SPACE)
            except BlockingIOError:
                self._stamps.emptied()
                return
            except OSError as error:
                raise NetlinkError(error.errno or errno.EIO, f"receive on {self._interface}") from error
            found = arrived(self._family, data, ancillary, str(sender[0]), self._stamps.age(ancillary))
            if found is not None:
                yield found
