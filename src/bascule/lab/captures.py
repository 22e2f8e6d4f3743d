# SPDX-License-Identifier: Apache-2.0
"""What the directors' cables carry, seen at the switch: adverts, gratuitous ARPs and neighbour advertisements, messages
of planned switches, forwarded requests, and answers.

The capture sits on the bridge-side end of each cable, where a frame that XDP sent back passes too, and goes on when the
director is dead. Times are the kernel's, taken when the frame passed, as monotonic seconds.
"""

from __future__ import annotations

import collections
import errno
import selectors
import socket
import struct
import threading
import time
from typing import NamedTuple

from bascule.lab.network import LabHost, Network, port_name
from bascule.lab.records import Passing
from bascule.model.base import IPAddress
from bascule.vrrp.handover import PORT as HANDOVER_PORT
from bascule.vrrp.handover import Kind

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
SOL_PACKET, PACKET_STATISTICS = 263, 6
SO_TIMESTAMPNS = 35
PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMPV6, PROTOCOL_VRRP = 6, 17, 58, 112
GROUP_BIT = 0x01
"""Of a destination MAC: it is for many."""
NEIGHBOUR_ADVERTISEMENT = 136
IPV6_PAYLOAD = 54
"""Where what an IPv6 packet carries begins; nothing that is looked for has headers between."""
ORDER_KIND = 13
"""Where in a UDP datagram a message of a planned switch says what it is."""
TCP_FLAGS, TCP_RST = 13, 0x04
FRAME_BYTES = 128
"""Headers are all that is looked at."""
BUFFER_BYTES = 8 << 20
LOOK_SECONDS = 0.2


class Advert(NamedTuple):
    """A VRRP advert that a director sent."""

    at: float
    source: str
    priority: int


class Announcement(NamedTuple):
    """A gratuitous ARP or unsolicited neighbour advertisement that a director sent for the VIP."""

    at: float
    mac: str


class Order(NamedTuple):
    """A message of a planned switch that a director sent."""

    at: float
    kind: Kind


class Heard(NamedTuple):
    """What a frame was, as far as a capture cares."""

    kind: str
    """`advert`, `announcement`, `order` (of a planned switch), `request`, `answer` or `reset` (an answer that ends the
    connection at once)."""
    source: str = ""
    priority: int = 0
    """Of an advert; of an order its kind."""


def classify(frame: bytes, virtual: bytes, port: int) -> Heard | None:
    """What an Ethernet frame is to the service `virtual` (4 or 16 bytes): `port`; None = nothing of interest."""
    if len(frame) < 34:
        return None
    kind = int.from_bytes(frame[12:14], "big")
    if kind == ETH_P_ARP and len(frame) >= 42:
        sender, target = frame[28:32], frame[38:42]
        # The kernel of a host that has the address too may answer an announcement, which goes to one host alone.
        if sender == target == virtual and frame[0] & GROUP_BIT:
            return Heard("announcement", source=frame[22:28].hex(":"))
        return None
    if kind == ETH_P_IPV6:
        return _classify_6(frame, virtual)
    if kind != ETH_P_IP or frame[14] >> 4 != 4:
        return None
    header = 14 + (frame[14] & 0x0F) * 4
    if frame[23] == PROTOCOL_VRRP and len(frame) >= header + 3:
        return Heard("advert", source=socket.inet_ntoa(frame[26:30]), priority=frame[header + 2])
    if frame[23] == PROTOCOL_UDP:
        return _order(frame[header:])
    if frame[23] == PROTOCOL_TCP and len(frame) >= header + 4:
        sport, dport = struct.unpack_from("!HH", frame, header)
        if frame[26:30] == virtual and sport == port:
            resets = len(frame) > header + TCP_FLAGS and frame[header + TCP_FLAGS] & TCP_RST
            return Heard("reset" if resets else "answer")
        if frame[30:34] == virtual and dport == port:
            return Heard("request")
    return None


def _classify_6(frame: bytes, virtual: bytes) -> Heard | None:
    """Services over IPv6 have no requests and answers here."""
    if len(frame) < IPV6_PAYLOAD + 4:
        return None
    payload = frame[IPV6_PAYLOAD:]
    if frame[20] == PROTOCOL_VRRP:
        return Heard("advert", source=socket.inet_ntop(socket.AF_INET6, frame[22:38]), priority=payload[2])
    if frame[20] == PROTOCOL_UDP:
        return _order(payload)
    unsolicited = frame[38] == 0xFF
    if frame[20] == PROTOCOL_ICMPV6 and payload[0] == NEIGHBOUR_ADVERTISEMENT and unsolicited:
        return Heard("announcement", source=frame[6:12].hex(":")) if payload[8:24] == virtual else None
    return None


def _order(datagram: bytes) -> Heard | None:
    if len(datagram) <= ORDER_KIND or datagram[2:4] != HANDOVER_PORT.to_bytes(2, "big"):
        return None
    kind = datagram[ORDER_KIND]
    return Heard("order", priority=kind) if kind in {each.value for each in Kind} else None


class Capture:
    """One director's cable."""

    def __init__(self, network: Network, host: LabHost, virtual: IPAddress, port: int) -> None:
        """Begin to capture."""
        self.host = host
        self.adverts: list[Advert] = []
        self.announcements: list[Announcement] = []
        self.orders: list[Order] = []
        self._counts: collections.Counter[str] = collections.Counter()
        self._unseen = 0
        self._virtual, self._port = virtual.packed, port
        (link, *_) = host.host.links
        with network.switch.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.socket.bind((port_name(host.host, link), ETH_P_ALL))
        self.socket.setblocking(False)

    def read(self) -> None:
        """Take everything that waits."""
        while True:
            try:
                frame, ancillary, _, address = self.socket.recvmsg(FRAME_BYTES, 64)
            except BlockingIOError:
                return
            except OSError as error:
                # A cable that is cut says so once; the capture goes on when it is mended.
                if error.errno != errno.ENETDOWN:
                    raise
                continue
            heard = classify(frame, self._virtual, self._port)
            if heard is not None:
                self._note(heard, from_director=address[2] != socket.PACKET_OUTGOING, at=_monotonic(ancillary))

    def _note(self, heard: Heard, *, from_director: bool, at: float) -> None:
        if heard.kind == "reset":
            # From the director it is its own stack's refusal; towards it, an answer that goes astray.
            self._counts["refusal" if from_director else "answer"] += 1
        elif heard.kind == "answer" or (heard.kind == "request" and from_director):
            self._counts[heard.kind] += 1
        elif heard.kind == "advert" and from_director:
            self.adverts.append(Advert(at, heard.source, heard.priority))
        elif heard.kind == "announcement" and from_director:
            self.announcements.append(Announcement(at, heard.source))
        elif heard.kind == "order" and from_director:
            self.orders.append(Order(at, Kind(heard.priority)))

    def passing(self) -> Passing:
        """The counts so far."""
        # The kernel counts its losses anew with each question.
        statistics = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self._unseen += int(struct.unpack("II", statistics)[1])
        return Passing(
            director=self.host.name,
            requests=self._counts["request"],
            answers=self._counts["answer"],
            refusals=self._counts["refusal"],
            unseen=self._unseen,
        )


def _monotonic(ancillary: list[tuple[int, int, bytes]]) -> float:
    """The kernel's time stamp as monotonic seconds: the clocks' distance is taken now, right after."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack_from("qq", data)
            return float(seconds + nanoseconds / 1e9 - time.time() + time.monotonic())
    return time.monotonic()


class Captures:
    """The cables of several directors, read by one thread from `with` to its end."""

    def __init__(self, network: Network, directors: tuple[LabHost, ...], virtual: IPAddress, port: int) -> None:
        """Begin to capture; nothing is read before the with-block."""
        self.of = {host.name: Capture(network, host, virtual, port) for host in directors}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Captures:
        """Start reading."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and close."""
        self._end.set()
        self._thread.join(5)
        for capture in self.of.values():
            capture.socket.close()

    def last_advert(self, director: str, before: float) -> float | None:
        """When a director's last advert before a moment passed."""
        return max((advert.at for advert in list(self.of[director].adverts) if advert.at <= before), default=None)

    def first_announcement(self, director: str, after: float) -> float | None:
        """When a director's first gratuitous ARP (or neighbour advertisement) for the VIP after a moment passed."""
        return min((a.at for a in list(self.of[director].announcements) if a.at >= after), default=None)

    def passing(self) -> tuple[Passing, ...]:
        """The counts of every cable."""
        return tuple(capture.passing() for capture in self.of.values())

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for capture in self.of.values():
                selector.register(capture.socket, selectors.EVENT_READ, capture)
            while not self._end.is_set():
                for key, _ in selector.select(LOOK_SECONDS):
                    key.data.read()
