# SPDX-License-Identifier: Apache-2.0
"""Raw IPv4 and IPv6 sockets for a multicast protocol on one interface, as VRRP needs them (raw(7), ip(7), ipv6(7)).

Sends with a chosen source, TTL 255, network-control class of service, and no looping back; receives with what the IP
header said and the kernel's own receive time. Knows nothing of what the payload means.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import Any, ClassVar

from bascule.linux.arrivals import IP_PKTINFO, SPACE, Received, arrived
from bascule.linux.netlink import NetlinkError
from bascule.linux.stamps import STAMP_SPACE, Ancillary, Stamps
from bascule.model.base import IPAddress

VRRP = 112
AH = 51
TTL = 255
RECEIVE_BUFFER = 1 << 20

CLASS_OF_SERVICE = 0xC0
_TC_PRIO_CONTROL = 7
_IP_MTU_DISCOVER, _IP_MULTICAST_ALL = 10, 49
_PMTUDISC_DONT = 0
_IPV6_MULTICAST_ALL, _IPV6_FREEBIND = 29, 78
_IPV6_PACKET_INFO = struct.Struct("=16si")
_IPV6_MEMBERSHIP = struct.Struct("=16si")
_INTEGER = struct.Struct("=i")
_PACKET_INFO = struct.Struct("=i4s4s")
_MEMBERSHIP = struct.Struct("=4s4si")
_IP_HEADER = struct.Struct("!BBHHHBBH4s4s")
_DATAGRAM = 1 << 16


def take_apart(packet: bytes, age: float = 0.0) -> Received | None:
    """The parts of an IPv4 packet; None when it is not whole."""
    if len(packet) < _IP_HEADER.size:
        return None
    first, _, total, _, _, ttl, _, _, source, destination = _IP_HEADER.unpack_from(packet)
    header = (first & 0xF) * 4
    if first >> 4 != 4 or header < _IP_HEADER.size or not header <= total <= len(packet):
        return None
    return Received(
        payload=packet[header:total],
        source=ipaddress.IPv4Address(source),
        destination=ipaddress.IPv4Address(destination),
        ttl=ttl,
        age=age,
        header=packet[:header],
    )


class RawSocket:
    """One interface's socket for an IP protocol, over IPv4. Never blocks."""

    _FAMILY: ClassVar[int] = socket.AF_INET
    _ANCILLARY: ClassVar[int] = STAMP_SPACE

    def __init__(self, interface: str, protocol: int = VRRP, group: IPAddress | None = None) -> None:
        """Bind to an interface by name and join a multicast group there. Raises NetlinkError (a KernelRefusedError)."""
        self._interface = interface
        self._stamps = Stamps()
        try:
            self._socket = socket.socket(self._FAMILY, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, "open a raw socket") from error
        try:
            self._index = socket.if_nametoindex(interface)
            self._bind(interface)
            self._set_up(group)
        except OSError as error:
            self._socket.close()
            raise NetlinkError(error.errno or errno.EIO, f"use a raw socket on {interface}") from error
        # What came before the socket was bound may be another interface's.
        for _ in self.receive():
            pass

    def _bind(self, interface: str) -> None:
        sock = self._socket
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._stamps.ask(sock)

    def _set_up(self, group: IPAddress | None) -> None:
        sock = self._socket
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, CLASS_OF_SERVICE)
        # After IP_TOS, which sets a priority of its own.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _TC_PRIO_CONTROL)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, TTL)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, TTL)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DONT)
        here = _MEMBERSHIP.pack(bytes(4), bytes(4), self._index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        if group is not None:
            self._join(group)

    def join(self, group: IPAddress) -> None:
        """Hear one more multicast group; one that is heard already is no error. Raises NetlinkError."""
        try:
            self._join(group)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise NetlinkError(error.errno or errno.EIO, f"join {group} on {self._interface}") from error

    def _join(self, group: IPAddress) -> None:
        membership = _MEMBERSHIP.pack(group.packed, bytes(4), self._index)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket; the group is left."""
        self._socket.close()

    def send(self, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int = TTL) -> None:
        """Send a packet from `source`, an address of this host. The kernel makes the IP header.

        Raises NetlinkError, also when the interface's queue is full: an advert that waits is no advert.
        """
        try:
            self._send(payload, source, destination, ttl)
        except OSError as error:
            what = f"send from {source} to {destination} on {self._interface}"
            raise NetlinkError(error.errno or errno.EIO, what) from error

    def _send(self, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        ancillary = [
            (socket.IPPROTO_IP, IP_PKTINFO, _PACKET_INFO.pack(0, source.packed, bytes(4))),
            (socket.IPPROTO_IP, socket.IP_TTL, _INTEGER.pack(ttl)),
        ]
        self._socket.sendmsg([payload], ancillary, 0, (str(destination), 0))

    def receive(self) -> Iterator[Received]:
        """Every packet that waits. One that is not whole is skipped: the kernel passes none."""
        while True:
            try:
                data, ancillary, _, sender = self._socket.recvmsg(_DATAGRAM, self._ANCILLARY)
            except BlockingIOError:
                self._stamps.emptied()
                return
            except OSError as error:
                raise NetlinkError(error.errno or errno.EIO, f"receive on {self._interface}") from error
            found = self._take(data, ancillary, sender)
            if found is not None:
                yield found

    def _take(self, data: bytes, ancillary: Ancillary, sender: Any) -> Received | None:
        """`sender` is the socket address, whose form depends on the family."""
        del sender  # the IP header says it
        return take_apart(data, self._stamps.age(ancillary))


class WholeSocket(RawSocket):
    """One whose packets are given with their IPv4 header, because something in them depends on it."""

    def _set_up(self, group: IPAddress | None) -> None:
        super()._set_up(group)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)

    def _send(self, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        del source, ttl  # the packet says them
        self._socket.sendto(payload, (str(destination), 0))


class RawSocket6(RawSocket):
    """The same over IPv6, where the kernel keeps the header and tells what it said beside the payload."""

    _FAMILY: ClassVar[int] = socket.AF_INET6
    _ANCILLARY: ClassVar[int] = STAMP_SPACE + SPACE

    def _set_up(self, group: IPAddress | None) -> None:
        sock, level = self._socket, socket.IPPROTO_IPV6
        sock.setsockopt(level, socket.IPV6_TCLASS, CLASS_OF_SERVICE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _TC_PRIO_CONTROL)
        sock.setsockopt(level, socket.IPV6_UNICAST_HOPS, TTL)
        sock.setsockopt(level, socket.IPV6_MULTICAST_HOPS, TTL)
        sock.setsockopt(level, socket.IPV6_MULTICAST_LOOP, 0)
        sock.setsockopt(level, _IPV6_MULTICAST_ALL, 0)
        # A macvlan sends from the link-local address of the interface beneath, which it must not have itself.
        sock.setsockopt(level, _IPV6_FREEBIND, 1)
        sock.setsockopt(level, socket.IPV6_MULTICAST_IF, self._index)
        sock.setsockopt(level, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(level, socket.IPV6_RECVHOPLIMIT, 1)
        if group is not None:
            self._join(group)

    def _join(self, group: IPAddress) -> None:
        membership = _IPV6_MEMBERSHIP.pack(group.packed, self._index)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)

    def _send(self, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        ancillary = [
            (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _IPV6_PACKET_INFO.pack(source.packed, self._index)),
            (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, _INTEGER.pack(ttl)),
        ]
        scope = self._index if destination.is_link_local or destination.is_multicast else 0
        self._socket.sendmsg([payload], ancillary, 0, (str(destination), 0, 0, scope))

    def _take(self, data: bytes, ancillary: Ancillary, sender: Any) -> Received | None:
        return arrived(6, data, ancillary, str(sender[0]), self._stamps.age(ancillary))


def open_socket(interface: str, family: int, group: IPAddress | None = None) -> RawSocket:
    """A socket for VRRP over IP version `family` (4 or 6). Raises NetlinkError (a KernelRefusedError)."""
    kind = RawSocket if family == 4 else RawSocket6
    return kind(interface, VRRP, group)


def open_whole(interface: str, group: IPAddress | None = None) -> WholeSocket:
    """A socket for VRRP behind an authentication header. Raises NetlinkError (a KernelRefusedError)."""
    return WholeSocket(interface, AH, group)


def send_once(
    interface: str, source: IPAddress, destination: IPAddress, ttl: int, packet: bytes, whole: bool = False
) -> None:
    """Send one VRRP message over a socket of its own, or one IPv4 packet with an authentication header as it is.

    Raises NetlinkError (a KernelRefusedError).
    """
    opened = open_whole(interface) if whole else open_socket(interface, source.version)
    try:
        opened.send(packet, source, destination, ttl)
    finally:
        opened.close()
