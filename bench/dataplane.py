# SPDX-License-Identifier: Apache-2.0
"""The data plane's CPU time a packet: ours beside a director on the kernel's own hash maps, and beside doing nothing.

    bench/dataplane.py [--json FILE] [--quick]          as root

Method: a driver program writes the next flow's headers into the packet and tail-calls the program under test. Measured
is the thread's CPU time around BPF_PROG_TEST_RUN with many repetitions, pinned to one CPU; the same driver with an
empty program, interleaved, is taken off. Reported is the median of the rounds, in nanoseconds a packet. Absolute times
drift with the machine and its neighbours; the ratios to the yardstick of the same run are what to compare.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from ipaddress import IPv4Address

import msgspec
import numpy as np

from bascule.dataplane.xdp import layout
from bascule.dataplane.xdp.layout import SERVICE_PERSISTENT, SERVICE_PRESENT, SchedulerNumber
from bascule.dataplane.xdp.libbpf import TestRun, check, library
from bascule.dataplane.xdp.loader import OBJECT, Director
from bascule.dataplane.xdp.maps import MappedArray
from bascule.dataplane.xdp.objectfile import FOLDER, ObjectFile
from bascule.errors import BasculeError
from bench.report import BenchReport, BenchRow

HERE = pathlib.Path(__file__).resolve().parent
VIP = IPv4Address("192.168.2.240")
PORT, TCP, LOOPBACK = 80, 6, 1
DIRECTOR_MAC = bytes.fromhex("02000000d001")
SYN, ACK = 2, 16
COURSE = np.dtype([("state", "<u8"), ("flows", "<u4"), ("flags", "<u4")])
LINES = 2**20
PERSISTENCE_SECONDS = 600
EMPTY, SWAP, YARDSTICK, OURS = "empty", "mac swap", "yardstick", "bascule"
TARGETS = {"1 flow": 0.75, "1k flows": 0.75, "1M flows": 0.6, "new, 16 servers": 0.8}
"""The most that ours may cost, as a part of the yardstick's cost in the same run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the table."""

    name: str
    flows: int
    """Established flows, drawn at random; 0 = every packet begins a connection."""
    servers: int = 16
    persistent: bool = False


CASES = (
    Case(name="1 flow", flows=1),
    Case(name="1k flows", flows=1_000),
    Case(name="100k flows", flows=100_000),
    Case(name="1M flows", flows=1_000_000),
    Case(name="new, 2 servers", flows=0, servers=2),
    Case(name="new, 16 servers", flows=0, servers=16),
    Case(name="new, 256 servers", flows=0, servers=256),
    Case(name="new, 16 servers, persistent", flows=0, servers=16, persistent=True),
)


@dataclasses.dataclass(frozen=True)
class Extent:
    """How much to measure."""

    rounds: int
    established: int
    """Packets a run over established flows."""
    new: int
    """Packets a run of new connections."""


WHOLE = Extent(rounds=11, established=1_000_000, new=30_000)
QUICK = Extent(rounds=3, established=200_000, new=10_000)


def build(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Compile one of the programs beside this file."""
    target = folder / f"{name}.bpf.o"
    flags = ["-O2", "-g", "-Wall", "-Wextra", "-Werror", "-target", "bpf", "-mcpu=v3", "-DSOURCE_HASH=0ULL"]
    include = [f"-I{FOLDER}", f"-I/usr/include/{os.uname().machine}-linux-gnu"]
    source = HERE / "bpf" / f"{name}.bpf.c"
    compiler = os.environ.get("CLANG", "clang-19")
    subprocess.run([compiler, *flags, *include, "-c", str(source), "-o", str(target)], check=True, timeout=60)
    return target


def packet() -> bytes:
    """A TCP packet to the service; the driver fills in the rest."""
    ethernet = DIRECTOR_MAC + bytes(6) + b"\x08\x00"
    ip = b"\x45\0\0\x28\0\0\0\0\x40\x06\0\0" + bytes(4) + VIP.packed
    return ethernet + ip + bytes(2) + PORT.to_bytes(2, "big") + bytes(8) + b"\x50\x10" + bytes(6)


def put(descriptor: int, key: bytes, value: int) -> None:
    """Write a 32-bit value into a map of the kernel."""
    result = library().bpf_map_update_elem(descriptor, key, ctypes.byref(ctypes.c_uint32(value)), ctypes.c_uint64(0))
    check(result, "cannot write a map")


class Contender:
    """A director under test: `name` and a service whose servers can be set anew."""

    def __init__(self, name: str, path: pathlib.Path) -> None:
        self.name = name
        self.director = Director.open(None, lines=LINES, path=path)
        self.director.accept([(LOOPBACK, DIRECTOR_MAC)])
        self.program = self.director.program()
        if name == YARDSTICK:
            key = VIP.packed + PORT.to_bytes(2, "big") + TCP.to_bytes(2, "little")
            put(self.director.map("services_by_key"), key, 1)
        else:
            self.director.publish_service(VIP, PORT, TCP, 1)

    def arrange(self, case: Case) -> None:
        """The service with this case's servers; new connections begin with no load."""
        d = self.director
        for index in range(1, case.servers + 1):
            record = d.servers[index]
            record["mac"] = layout.mac_word(b"\x02\0\0\x05" + index.to_bytes(2, "big"))
            record["source_mac"] = layout.mac_word(DIRECTOR_MAC)
            record["ifindex"], record["weight"], record["flags"] = LOOPBACK, 1, layout.SERVER_PRESENT
            if not case.flows:
                record["active"], record["inactive"] = 0, 0
        d.lists[1][: case.servers] = np.arange(1, case.servers + 1)
        service = d.services[1]
        service["flags"] = SERVICE_PRESENT | (SERVICE_PERSISTENT if case.persistent else 0)
        service["scheduler"], service["server_count"] = int(SchedulerNumber.WLC), case.servers
        service["client_mask"], service["persistence"] = 0xFFFFFFFF, PERSISTENCE_SECONDS * d.hz


class Bench:
    """The driver, and what it can put under test."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._driver = ObjectFile(build(folder, "driver"))
        self._driver.load()
        self.contenders = [Contender(OURS, OBJECT), Contender(YARDSTICK, build(folder, "yardstick"))]
        self._programs = {EMPTY: self._driver.program("empty"), SWAP: self._driver.program("swap")}
        self._programs |= {contender.name: contender.program for contender in self.contenders}
        self._course = MappedArray(self._driver.map("course"), COURSE, writable=True).array
        self._next_flow = 0

    def run(self, name: str, packets: int, flags: int, *, flows: int = 0, state: int) -> float:
        """CPU nanoseconds a packet."""
        put(self._driver.map("under_test"), bytes(4), self._programs[name])
        self._course["state"], self._course["flows"], self._course["flags"] = state, flows, flags
        test = TestRun(self._driver.program("drive"), data=packet(), repeat=packets)
        before = time.thread_time_ns()
        test.run()
        return (time.thread_time_ns() - before) / packets

    def establish(self, case: Case) -> None:
        """All flows of a case, in every contender."""
        for contender in self.contenders:
            contender.arrange(case)
            for flags in (SYN, ACK):
                self.run(contender.name, case.flows, flags, state=0)
            active = int(contender.director.servers["active"][1 : case.servers + 1].sum())
            if active < case.flows:
                raise BasculeError(f"{contender.name} holds {active} of {case.flows} flows")
        self._next_flow = max(self._next_flow, case.flows)

    def measure(self, case: Case, extent: Extent) -> dict[str, float]:
        """Median nanoseconds a packet by program, the driver's own taken off."""
        one = self._established if case.flows else self._new
        if case.flows:
            self.establish(case)
        else:
            for contender in self.contenders:
                contender.arrange(case)
        rounds = [one(case, extent, seed) for seed in range(1, extent.rounds + 1)]
        return {
            name: statistics.median(taken[name] - taken[EMPTY] for taken in rounds) for name in (SWAP, YARDSTICK, OURS)
        }

    def _established(self, case: Case, extent: Extent, seed: int) -> dict[str, float]:
        return {
            name: self.run(name, extent.established, ACK, flows=case.flows, state=seed * 0x9E3779B97F4A7C15 % 2**64)
            for name in self._turns(seed)
        }

    def _turns(self, seed: int) -> list[str]:
        """Another order each round, so that nobody always follows the same one's traces in the caches."""
        names = list(self._programs)
        return names[seed % len(names) :] + names[: seed % len(names)]

    def _new(self, _case: Case, extent: Extent, seed: int) -> dict[str, float]:
        taken = {name: self.run(name, extent.new, SYN, state=self._next_flow) for name in self._turns(seed)}
        self._next_flow += extent.new
        return taken

    def close(self) -> None:
        """Let the kernel's memory go."""
        for contender in self.contenders:
            contender.director.close()
        self._driver.close()


def run_all(extent: Extent, show: Callable[[BenchRow], None]) -> tuple[BenchRow, ...]:
    """Every case on one CPU; `show` gets each row when it is there."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows: list[BenchRow] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(pathlib.Path(folder))
        try:
            for case in CASES:
                rows.append(as_row(case, bench.measure(case, extent)))
                show(rows[-1])
        finally:
            bench.close()
    return tuple(rows)


def as_row(case: Case, taken: dict[str, float]) -> BenchRow:
    """The medians of a case as a row of the report."""
    return BenchRow(
        case=case.name,
        mac_swap=round(taken[SWAP], 1),
        yardstick=round(taken[YARDSTICK], 1),
        bascule=round(taken[OURS], 1),
        ratio=round(taken[OURS] / taken[YARDSTICK], 3),
        target=TARGETS.get(case.name),
    )


def is_missed(row: BenchRow) -> bool:
    """Is the ratio over its target?"""
    return row.target is not None and row.ratio > row.target


def print_row(row: BenchRow) -> None:
    """One line of the table."""
    judged = "" if row.target is None else f"  target {row.target:.2f} {'MISSED' if is_missed(row) else 'met'}"
    costs = "".join(f"{cost:>12.0f}" for cost in (row.mac_swap, row.yardstick, row.bascule))
    print(f"{row.case:<28}{costs}{row.ratio:>10.2f}{judged}", flush=True)


def main() -> int:
    """Exit status: 0; 1 if a target was missed in a whole run, or the kernel refuses."""
    parser = argparse.ArgumentParser(description="CPU nanoseconds a packet of the XDP director, beside a yardstick")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="few rounds: shows that it runs, proves nothing")
    arguments = parser.parse_args()
    extent = QUICK if arguments.quick else WHOLE
    print(f"{'CPU ns a packet':<28}{SWAP:>12}{YARDSTICK:>12}{OURS:>12}{'ratio':>10}")
    try:
        rows = run_all(extent, print_row)
    except BasculeError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_status
    if arguments.json:
        report = BenchReport(kernel=os.uname().release, rounds=extent.rounds, rows=rows)
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    return 1 if any(map(is_missed, rows)) and not arguments.quick else 0


if __name__ == "__main__":
    sys.exit(main())
