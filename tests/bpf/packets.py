# SPDX-License-Identifier: Apache-2.0
"""A builder of frames, and a reader of what comes out. Ethernet, IPv4, TCP, UDP, ICMP: what the tables need."""

from __future__ import annotations

import dataclasses
import struct
from ipaddress import IPv4Address

ETHERNET = struct.Struct("!6s6sH")
IP = struct.Struct("!BBHHHBBH4s4s")
TCP = struct.Struct("!HHIIBBHHH")
UDP = struct.Struct("!HHHH")
ETH_P_IP = 0x0800
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP_PROTOCOL, UDP_PROTOCOL, ICMP_PROTOCOL = 6, 17, 1

CLIENT_MAC = bytes.fromhex("02000000c001")
DIRECTOR_MAC = bytes.fromhex("02000000d001")
VIRTUAL_MAC = bytes.fromhex("00005e000133")
CLIENT = IPv4Address("192.168.2.20")
VIP = IPv4Address("192.168.2.240")


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclasses.dataclass(frozen=True, kw_only=True)
class Packet:
    """A frame from a client to a service, every field of which may be otherwise."""

    destination_mac: bytes = DIRECTOR_MAC
    source_mac: bytes = CLIENT_MAC
    ethertype: int = ETH_P_IP
    source: IPv4Address = CLIENT
    destination: IPv4Address = VIP
    ttl: int = 64
    protocol: int = TCP_PROTOCOL
    fragment: int = 0
    """The word of flags and offset."""
    options: bytes = b""
    source_port: int = 40000
    destination_port: int = 80
    flags: int = SYN
    sequence: int = 1000
    payload: bytes = b""
    total_length: int | None = None
    """What the IP header says; None = the truth."""
    version: int = 4

    def transport(self) -> bytes:
        """TCP or UDP with its checksum; for other protocols the payload alone."""
        if self.protocol == TCP_PROTOCOL:
            ports = (self.source_port, self.destination_port)
            raw = TCP.pack(*ports, self.sequence, 0, 5 << 4, self.flags, 64240, 0, 0) + self.payload
            return raw[:16] + struct.pack("!H", self.transport_sum(raw)) + raw[18:]
        if self.protocol == UDP_PROTOCOL:
            raw = UDP.pack(self.source_port, self.destination_port, UDP.size + len(self.payload), 0) + self.payload
            return raw[:6] + struct.pack("!H", self.transport_sum(raw)) + raw[8:]
        return self.payload

    def transport_sum(self, raw: bytes) -> int:
        """The checksum over a transport header and payload, its own field as it stands."""
        pseudo = self.source.packed + self.destination.packed + struct.pack("!HH", self.protocol, len(raw))
        return checksum(pseudo + raw)

    def __bytes__(self) -> bytes:
        transport = self.transport()
        words = 5 + len(self.options) // 4
        length = words * 4 + len(transport) if self.total_length is None else self.total_length
        addresses = (self.source.packed, self.destination.packed)
        start = (self.version << 4 | words, 0, length, 7, self.fragment, self.ttl, self.protocol)
        header = IP.pack(*start, 0, *addresses) + self.options
        header = IP.pack(*start, checksum(header), *addresses) + self.options
        return ETHERNET.pack(self.destination_mac, self.source_mac, self.ethertype) + header + transport

    def with_(self, **changes: object) -> Packet:
        """The same but for these fields."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


def icmp_error(destination: IPv4Address = VIP, kind: int = 3) -> Packet:
    """An ICMP message with eight bytes of header and as many of another packet."""
    return Packet(destination=destination, protocol=ICMP_PROTOCOL, payload=bytes([kind, 4]) + bytes(14))


def ip_is_sound(frame: bytes) -> bool:
    """Does the IPv4 header's checksum hold?"""
    return checksum(frame[14 : 14 + (frame[14] & 15) * 4]) == 0


def transport_is_sound(frame: bytes) -> bool:
    """Does the transport checksum hold (TCP, UDP)?"""
    segment = frame[34 : 14 + struct.unpack("!H", frame[16:18])[0]]
    return checksum(frame[26:34] + bytes((0, frame[23])) + struct.pack("!H", len(segment)) + segment) == 0
