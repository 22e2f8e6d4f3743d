# SPDX-License-Identifier: Apache-2.0
"""Gratuitous ARP in exactly keepalived's form (RFC 5227 3: an ARP announcement, a request for one's own address).

keepalived fills the target's hardware address with ones where RFC 5227 has zeros; both are ignored by receivers.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct

from bascule.linux.netlink import NetlinkError

_ETHERTYPE_ARP = 0x0806
_BROADCAST = b"\xff" * 6
_ETHERNET = struct.Struct("!6s6sH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ARP_ETHERNET, _ARP_IPV4, _ARP_REQUEST = 1, 0x0800, 1


def gratuitous_arp(hardware_address: bytes, address: ipaddress.IPv4Address) -> bytes:
    """The Ethernet frame (42 bytes) that tells a segment: `address` is at `hardware_address`."""
    ethernet = _ETHERNET.pack(_BROADCAST, hardware_address, _ETHERTYPE_ARP)
    arp = _ARP.pack(
        _ARP_ETHERNET,
        _ARP_IPV4,
        len(hardware_address),
        4,
        _ARP_REQUEST,
        hardware_address,
        address.packed,
        _BROADCAST,
        address.packed,
    )
    return ethernet + arp


class Announcer:
    """A socket that sends frames on one interface. It receives nothing."""

    def __init__(self, interface: str, hardware_address: bytes) -> None:
        """Bind to an interface with an Ethernet address of 6 bytes. Raises NetlinkError (a KernelRefusedError)."""
        self._hardware_address = hardware_address
        self._interface = interface
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, "open a packet socket") from error
        try:
            self._socket.setblocking(False)
            self._socket.bind((interface, 0))
        except OSError as error:
            self._socket.close()
            raise NetlinkError(error.errno or errno.EIO, f"send frames on {interface}") from error

    def announce(self, address: ipaddress.IPv4Address) -> None:
        """Send one gratuitous ARP. Raises NetlinkError."""
        try:
            self._socket.send(gratuitous_arp(self._hardware_address, address))
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, f"announce {address} on {self._interface}") from error

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
