# SPDX-License-Identifier: Apache-2.0
"""Telling a segment where an address is now: gratuitous ARP, and for IPv6 unsolicited neighbour advertisements.

ARP in exactly keepalived's form (RFC 5227 3: an ARP announcement, a request for one's own address): it fills the
target's hardware address with ones where RFC 5227 has zeros; both are ignored by receivers. The neighbour advertisement
(RFC 4861 4.4, 7.2.6) has the router flag, which RFC 9568 8.2.1 asks for, and the override flag, so that it is believed.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct

from bascule.linux.netlink import NetlinkError
from bascule.model.base import IPAddress

_ETHERTYPE_ARP, _ETHERTYPE_IPV6 = 0x0806, 0x86DD
_BROADCAST = b"\xff" * 6
_ETHERNET = struct.Struct("!6s6sH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ARP_ETHERNET, _ARP_IPV4, _ARP_REQUEST = 1, 0x0800, 1

_IPV6 = struct.Struct("!IHBB16s16s")
_NEIGHBOUR_ADVERTISEMENT = struct.Struct("!BBHI16sBB6s")
_ICMPV6, _HOP_LIMIT = 58, 255
_ADVERTISES, _ROUTER_AND_OVERRIDE = 136, 0xA0000000
_TARGET_LINK_LAYER, _EIGHT_BYTES = 2, 1
_ALL_NODES = ipaddress.IPv6Address("ff02::1")
_ALL_NODES_ETHERNET = bytes.fromhex("333300000001")


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


def neighbour_advertisement(hardware_address: bytes, address: ipaddress.IPv6Address) -> bytes:
    """The Ethernet frame (86 bytes) that tells a segment: `address` is at `hardware_address`, and a router."""
    message = _advertisement(hardware_address, address, 0)
    pseudo = address.packed + _ALL_NODES.packed + struct.pack("!II", len(message), _ICMPV6)
    message = _advertisement(hardware_address, address, _checksum(pseudo + message))
    ethernet = _ETHERNET.pack(_ALL_NODES_ETHERNET, hardware_address, _ETHERTYPE_IPV6)
    header = _IPV6.pack(6 << 28, len(message), _ICMPV6, _HOP_LIMIT, address.packed, _ALL_NODES.packed)
    return ethernet + header + message


def _advertisement(hardware_address: bytes, address: ipaddress.IPv6Address, checksum: int) -> bytes:
    option = (_TARGET_LINK_LAYER, _EIGHT_BYTES, hardware_address)
    return _NEIGHBOUR_ADVERTISEMENT.pack(_ADVERTISES, 0, checksum, _ROUTER_AND_OVERRIDE, address.packed, *option)


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Announcer:
    """A socket that sends frames on any interface. It receives nothing.

    One for a process: the kernel takes about ten milliseconds to close one, and there may be hundreds of interfaces.
    """

    def __init__(self) -> None:
        """Open it. Raises NetlinkError (a KernelRefusedError)."""
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, "open a packet socket") from error
        self._socket.setblocking(False)

    def announce(self, interface: str, hardware_address: bytes, address: IPAddress) -> None:
        """Send one gratuitous ARP or unsolicited neighbour advertisement; an Ethernet address has 6 bytes.

        Raises NetlinkError.
        """
        if isinstance(address, ipaddress.IPv4Address):
            frame = gratuitous_arp(hardware_address, address)
        else:
            frame = neighbour_advertisement(hardware_address, address)
        try:
            self._socket.sendto(frame, (interface, 0))
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, f"announce {address} on {interface}") from error

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
