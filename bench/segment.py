# SPDX-License-Identifier: Apache-2.0
"""What passed a lab's segment, from a capture file that is read while tcpdump writes it: adverts, announcements, echo
replies, each with the kernel's time and the MAC address that sent it. Times are Unix seconds."""

from __future__ import annotations

import bisect
import collections
import enum
import pathlib
import re
import struct
from collections.abc import Iterator

from bascule.lab.network import Network
from bascule.lab.waiting import wait_for
from bascule.model.base import IPAddress

MAGIC_NANOSECONDS = 0xA1B23C4D
FILE_HEADER = struct.Struct("<I20x")
RECORD_HEADER = struct.Struct("<IIII")
SNAP = 64
ETHERTYPE_IP, ETHERTYPE_ARP = 0x0800, 0x0806
PROTOCOL_ICMP, PROTOCOL_VRRP = 1, 112
ECHO_REPLY = 0
START_SECONDS = 10.0
DROPPED = re.compile(r"(\d+) packets? dropped by kernel")
"""tcpdump's last words."""


class Kind(enum.Enum):
    """What a frame was."""

    ADVERT = "advert"
    STOP = "advert with priority 0"
    ANNOUNCEMENT = "gratuitous ARP"
    ANSWER = "echo reply"


class Segment:
    """A capture of a segment, as far as one virtual address goes. It ends with its network, if not before."""

    def __init__(self, network: Network, virtual: IPAddress, name: str | None = None) -> None:
        """Begin to capture the segment of this name; the network's first one when none is given."""
        name = name or network.topology.segments[0].name
        self._virtual = virtual.packed
        self._file = network.switch.folder / f"{name}.pcap"
        self._offset = FILE_HEADER.size
        self._times: collections.defaultdict[tuple[Kind, str], list[float]] = collections.defaultdict(list)
        command = ["tcpdump", "-i", name, "-s", str(SNAP), "-U", "--immediate-mode", "-n"]
        command += ["-B", "16384", "--time-stamp-precision=nano", "-Z", "root", "-w", str(self._file)]
        self._process = network.switch.popen([*command, "ip proto 112 or arp or icmp"], log=f"segment-{name}")
        self._words = network.switch.log_file(f"segment-{name}").read_text
        wait_for(lambda: _begun(self._file), START_SECONDS, "tcpdump to listen", evidence=self._words)

    def end(self) -> int:
        """Capture no more; returns how many frames the kernel had no room for, which `times` does not have."""
        self._process.terminate()
        self._process.wait(START_SECONDS)
        found = DROPPED.search(self._words())
        assert found is not None, self._words()
        return int(found[1])

    def times(self, kind: Kind, mac: str) -> list[float]:
        """When frames of this kind of a host passed, in order; all adverts are ADVERT, those that stop STOP as well."""
        self._read()
        return self._times[kind, mac]

    def last(self, kind: Kind, mac: str, before: float) -> float | None:
        """The last one up to a moment."""
        times = self.times(kind, mac)
        place = bisect.bisect_right(times, before)
        return times[place - 1] if place else None

    def first(self, kind: Kind, mac: str, after: float) -> float | None:
        """The first one after a moment."""
        times = self.times(kind, mac)
        place = bisect.bisect_right(times, after)
        return times[place] if place < len(times) else None

    def _read(self) -> None:
        with self._file.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        read = 0
        for at, frame, end in _records(data):
            for kind in _kinds(frame, self._virtual):
                self._times[kind, frame[6:12].hex(":")].append(at)
            read = end
        self._offset += read


def _begun(file: pathlib.Path) -> bool:
    if not file.exists():
        return False
    head = file.read_bytes()[: FILE_HEADER.size]
    return len(head) == FILE_HEADER.size and FILE_HEADER.unpack(head) == (MAGIC_NANOSECONDS,)


def _records(data: bytes) -> Iterator[tuple[float, bytes, int]]:
    """Time, frame and end of each whole record."""
    start = 0
    while start + RECORD_HEADER.size <= len(data):
        seconds, nanoseconds, length, _ = RECORD_HEADER.unpack_from(data, start)
        begin, start = start + RECORD_HEADER.size, start + RECORD_HEADER.size + length
        if start > len(data):
            return
        yield seconds + nanoseconds / 1e9, data[begin:start], start


def _kinds(frame: bytes, virtual: bytes) -> tuple[Kind, ...]:
    ethertype = int.from_bytes(frame[12:14], "big")
    if ethertype == ETHERTYPE_ARP and frame[28:32] == frame[38:42] == virtual:
        return (Kind.ANNOUNCEMENT,)
    if ethertype != ETHERTYPE_IP:
        return ()
    payload = 14 + (frame[14] & 0x0F) * 4
    if frame[23] == PROTOCOL_VRRP and len(frame) > payload + 2:
        return (Kind.ADVERT, Kind.STOP) if frame[payload + 2] == 0 else (Kind.ADVERT,)
    if frame[23] == PROTOCOL_ICMP and frame[26:30] == virtual and frame[payload] == ECHO_REPLY:
        return (Kind.ANSWER,)
    return ()
