# SPDX-License-Identifier: Apache-2.0
"""The director on trial: packets in by BPF_PROG_TEST_RUN, verdict, packet and counters out. No interface is touched."""

from __future__ import annotations

import dataclasses
import enum
import pathlib
import subprocess
from ipaddress import IPv4Address

import numpy as np

from bascule.dataplane.xdp import layout
from bascule.dataplane.xdp.layout import META_VALID, RAW_SLOT, SLOT, SchedulerNumber, State
from bascule.dataplane.xdp.libbpf import TestRun
from bascule.dataplane.xdp.loader import Director
from bascule.dataplane.xdp.maps import MappedArray
from bascule.dataplane.xdp.objectfile import FOLDER
from tests.bpf.packets import ACK, DIRECTOR_MAC, SYN, TCP_PROTOCOL, VIP, VIRTUAL_MAC, Packet

LOOPBACK = 1
"""BPF_PROG_TEST_RUN says that packets come in by the loopback interface."""
OTHER_INTERFACE = 7
ROOM = 2048
LINES = 2**10


class Xdp(enum.IntEnum):
    """What an XDP program answers."""

    ABORTED = 0
    DROP = 1
    PASS = 2
    TX = 3
    REDIRECT = 4


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a packet."""

    verdict: Xdp
    frame: bytes
    counted: dict[str, int]
    """The counters that moved."""

    @property
    def server(self) -> int:
        """The real server that the frame goes to: the last byte of the MAC that `Trial.server` gives it."""
        assert self.verdict in (Xdp.TX, Xdp.REDIRECT), self
        return int.from_bytes(self.frame[4:6], "big")


def build(folder: pathlib.Path, *defects: str, source: str = "director.bpf.c") -> pathlib.Path:
    """An object of the present sources with these defects."""
    target = folder / ("-".join(("object", *defects)) + ".bpf.o")
    machine = subprocess.run(["uname", "-m"], check=True, capture_output=True, text=True).stdout.strip()
    command = ["clang-19", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-target", "bpf", "-mcpu=v3"]
    command += [f"-I/usr/include/{machine}-linux-gnu", "-DSOURCE_HASH=0ULL", *(f"-D{name}" for name in defects)]
    subprocess.run([*command, "-c", str(FOLDER / source), "-o", str(target)], check=True, timeout=60)
    return target


class Trial:
    """A director with its tables at hand. `reset` makes it as new."""

    def __init__(self, pins: pathlib.Path, path: pathlib.Path, *, lines: int = LINES) -> None:
        self.director = Director.open(pins, lines=lines, path=path)
        self._table = MappedArray(self.director.map("table"), RAW_SLOT, writable=True)
        self.table = self._table.array
        self.slots = self.table.view(SLOT)
        self.reset()

    def reset(self) -> None:
        """No services, no servers, no connections."""
        d = self.director
        held = d.overflow()
        d.free_overflow(held["key"], held["value"])
        for key in d.directory_entries():
            d.withdraw_service(*key)
        d.forget_relays()
        self.table.view("<u8")[:] = 0
        for array in (d.services, d.servers, d.cursors):
            array.view("u1")[:] = 0
        d.lists[:] = 0
        d.accept([(LOOPBACK, DIRECTOR_MAC), (LOOPBACK, VIRTUAL_MAC)])
        self._services = 0
        self._servers = 0

    def service(
        self,
        *,
        address: IPv4Address = VIP,
        port: int = 80,
        protocol: int = TCP_PROTOCOL,
        scheduler: SchedulerNumber = SchedulerNumber.WLC,
        persistence: float = 0,
        weights: tuple[int, ...] = (1, 1),
        divisor: int = 1,
    ) -> int:
        """A service with a server for each weight; its index. Servers are numbered on from the last service's."""
        self._services += 1
        index = self._services
        record = self.director.services[index]
        record["address"], record["port"] = int(address), port
        record["protocol"], record["scheduler"] = protocol, int(scheduler)
        record["flags"] = layout.SERVICE_PRESENT | (layout.SERVICE_PERSISTENT if persistence else 0)
        record["persistence"] = int(persistence * self.director.hz)
        record["client_mask"] = 0xFFFFFFFF
        record["max_weight"], record["weight_gcd"] = max(weights, default=0), divisor
        for position, weight in enumerate(weights):
            self.director.lists[index][position] = self.server(index, weight)
        record["server_count"] = len(weights)
        self.director.publish_service(address, port, protocol, index)
        return index

    def server(self, service: int, weight: int, *, ifindex: int = LOOPBACK) -> int:
        """A real server of a service, not listed yet; its index, which is also the end of its MAC."""
        self._servers += 1
        index = self._servers
        record = self.director.servers[index]
        record["mac"] = layout.mac_word(b"\x02\0\0\x05" + index.to_bytes(2, "big"))
        record["source_mac"] = layout.mac_word(DIRECTOR_MAC)
        record["ifindex"], record["weight"], record["flags"] = ifindex, weight, layout.SERVER_PRESENT
        record["service"] = service
        return index

    def send(self, packet: Packet | bytes) -> Outcome:
        """One packet through the director."""
        before = self.director.verdicts()
        run = TestRun(self.director.program(), data=bytes(packet), room=ROOM)
        verdict = Xdp(run.run())
        after = self.director.verdicts()
        counted = {name: after[name] - before[name] for name in after if after[name] != before[name]}
        return Outcome(verdict, run.output(), counted)

    def establish(self, packet: Packet) -> int:
        """SYN and ACK of a connection; the server that took it."""
        server = self.send(packet.with_(flags=SYN)).server
        assert self.send(packet.with_(flags=ACK)).server == server
        return server

    def positions(self, *, template: bool = False) -> list[int]:
        """Where published connections (or templates) stand."""
        meta = self.slots["meta"]
        wanted = META_VALID | (layout.META_TEMPLATE if template else 0)
        return [int(i) for i in np.flatnonzero((meta & (META_VALID | layout.META_TEMPLATE)) == wanted)]

    def the_only(self, *, template: bool = False) -> int:
        """Where the one connection (or template) stands."""
        (position,) = self.positions(template=template)
        return position

    def state(self, position: int | None = None) -> State:
        """The state of a connection; of the only one if not said."""
        meta = int(self.slots["meta"][self.the_only() if position is None else position])
        return State((meta & layout.META_STATE_MASK) >> layout.META_STATE_SHIFT)

    def age(self, position: int, seconds: float) -> None:
        """Make a connection's last packet older."""
        stamp = self.director.now() - int(seconds * self.director.hz)
        self.slots["stamp"][position] = stamp & 0xFFFFFFFF

    def seconds_old(self, position: int) -> float:
        """How long ago the last packet of a connection came."""
        return ((self.director.now() - int(self.slots["stamp"][position])) & 0xFFFFFFFF) / self.director.hz

    def counts(self, server: int) -> tuple[int, int, int]:
        """Active, inactive and persistent of a server."""
        record = self.director.servers[server]
        return int(record["active"]), int(record["inactive"]), int(record["persistent"])
