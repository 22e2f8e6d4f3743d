# SPDX-License-Identifier: Apache-2.0
"""What a TCP_CHECK costs: the `checks` role with many checks a second, beside bare connects in the same run.

    .venv/bin/python bench/checks.py [--checks 1000 5000] [--seconds 8] [--json FILE]

Method: servers on loopback that accept and hang up; every check every second (delay_loop 1); processor time of
the role's process from /proc over some seconds of steady running, divided by the attempts that it reports. The floor
is a loop of blocking connect(2) and close(2) against the same servers, before and after each run. Both contain the
loopback's own work for both ends; ratios travel from machine to machine, microseconds do not.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import pathlib
import select
import socket
import subprocess
import sys
import time

from bascule.daemon import memfd
from bascule.daemon.bus import Bus
from bascule.model.base import Model, Seconds, from_json, pack, to_json
from bascule.model.configuration import Configuration, RealServerConfig, TcpCheck, VirtualServerConfig
from bascule.model.messages import Role, StatusReply, StatusRequest, Stop
from bascule.model.service import Protocol, ServiceId
from bascule.model.status import ChecksStatus

HERE = ipaddress.ip_address("127.0.0.1")
LISTENERS = 8
FLOOR_ROUNDS = 2000

ACCEPT = """
import os, select, socket, sys
servers = {int(number): socket.socket(fileno=int(number)) for number in sys.argv[1:]}
epoll = select.epoll()
for number, server in servers.items():
    server.setblocking(False)
    epoll.register(number, select.EPOLLIN)
while True:
    for number, _ in epoll.poll():
        try:
            for _ in range(64):
                os.close(servers[number]._accept()[0])
        except BlockingIOError:
            pass
"""


class Measurement(Model, frozen=True, kw_only=True):
    """One number of checks."""

    checks: int
    per_second: float
    """Attempts completed each second."""
    failed: int
    """Checks whose last verdict was down: 0 in a valid run."""
    microseconds: float
    """Processor time of the role for each attempt, in user space and kernel together."""
    microseconds_user: float
    processor: float
    """Share of one processor."""
    floor_microseconds: float
    """A bare blocking connect and close, before and after."""
    ratio_to_floor: float
    memory: int
    """Resident bytes of the role."""


class ChecksReport(Model, frozen=True, kw_only=True):
    """The whole run."""

    measurements: tuple[Measurement, ...]


class ChecksRole:
    """The checks role as a process, with this one as its supervisor."""

    def __init__(self, configuration: Configuration) -> None:
        self._bus, theirs = Bus.pair()
        text = memfd.make("configuration", pack(configuration))
        command = [sys.executable, "-m", "bascule.daemon.roles", Role.CHECKS.value, "--bus-fd", str(theirs.fileno())]
        command += ["--config-fd", str(text), "--generation", "1", "--run-dir", "/nonexistent"]
        with theirs:
            self.process = subprocess.Popen(
                command, pass_fds=(theirs.fileno(), text), stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
            )
        os.close(text)

    def listen(self, seconds: float) -> None:
        """Take in verdicts for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._bus], [], [], left)[0]:
                for _ in self._bus.receive():
                    pass

    def status(self) -> ChecksStatus:
        """Its snapshot."""
        self._bus.send(StatusRequest(number=0))
        end = time.monotonic() + 30.0
        while (left := end - time.monotonic()) > 0:
            if select.select([self._bus], [], [], left)[0]:
                for message, _ in self._bus.receive():
                    if isinstance(message, StatusReply):
                        return from_json(message.body, ChecksStatus)
        raise TimeoutError("the role does not answer")

    def processor(self) -> tuple[float, float]:
        """Seconds of processor time so far, in user space and in the kernel."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        tick = os.sysconf("SC_CLK_TCK")
        return int(fields[11]) / tick, int(fields[12]) / tick

    def memory(self) -> int:
        """Resident bytes."""
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        """End it."""
        self._bus.send(Stop())
        self.process.wait(10.0)
        self._bus.close()


def configuration(count: int, ports: list[int]) -> Configuration:
    """`count` checks, two a service, each every second."""
    check = TcpCheck(delay_loop=Seconds(1.0))
    services = []
    for number in range(0, count, 2):
        name = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address(0xC0000000 + number), port=80)
        servers = tuple(
            RealServerConfig(address=HERE, port=ports[each % len(ports)], checks=(check,))
            for each in (number, number + 1)
        )
        services.append(VirtualServerConfig(id=name, real_servers=servers))
    return Configuration(virtual_servers=tuple(services))


def floor(port: int, rounds: int = FLOOR_ROUNDS) -> float:
    """Microseconds of processor time for a bare connect and close."""
    begun = time.process_time()
    for _ in range(rounds):
        with socket.socket() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, -1)
            sock.connect(("127.0.0.1", port))
    return (time.process_time() - begun) / rounds * 1e6


def measure(count: int, ports: list[int], seconds: float, warm_up: float) -> Measurement:
    """Run one number of checks."""
    bare = floor(ports[0])
    role = ChecksRole(configuration(count, ports))
    try:
        role.listen(warm_up)
        before, user, kernel = attempts(role.status()), *role.processor()
        begun = time.monotonic()
        role.listen(seconds)
        after_user, after_kernel = role.processor()
        took = time.monotonic() - begun
        status = role.status()
        memory = role.memory()
    finally:
        role.stop()
    bare = (bare + floor(ports[0])) / 2
    done = attempts(status) - before
    spent = after_user - user + after_kernel - kernel
    microseconds = spent / done * 1e6
    return Measurement(
        checks=count,
        per_second=done / took,
        failed=sum(not check.up for check in status.checks),
        microseconds=microseconds,
        microseconds_user=(after_user - user) / done * 1e6,
        processor=spent / took,
        floor_microseconds=bare,
        ratio_to_floor=microseconds / bare,
        memory=memory,
    )


def attempts(status: ChecksStatus) -> int:
    """Completed attempts of all checks."""
    return sum(check.attempts for check in status.checks)


def run(counts: list[int], seconds: float, warm_up: float = 4.0) -> ChecksReport:
    """The whole benchmark."""
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=4096) for _ in range(LISTENERS)]
    numbers = [listener.fileno() for listener in listeners]
    ports = [listener.getsockname()[1] for listener in listeners]
    acceptor = subprocess.Popen([sys.executable, "-c", ACCEPT, *map(str, numbers)], pass_fds=numbers)
    try:
        measurements = tuple(measure(count, ports, seconds, warm_up) for count in counts)
    finally:
        acceptor.kill()
        acceptor.wait()
        for listener in listeners:
            listener.close()
    return ChecksReport(measurements=measurements)


def as_text(report: ChecksReport) -> str:
    """A table."""
    lines = [
        "  checks   done/s  us each  in user  bare us  ratio  processor    memory  failed",
    ]
    lines += [
        f"{m.checks:>8}{m.per_second:>9.0f}{m.microseconds:>9.0f}{m.microseconds_user:>9.0f}"
        f"{m.floor_microseconds:>9.0f}{m.ratio_to_floor:>7.2f}"
        f"{m.processor:>11.1%}{m.memory / 2**20:>7.1f} MB{m.failed:>8}"
        for m in report.measurements
    ]
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checks", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    report = run(options.checks, options.seconds)
    print(as_text(report))
    if options.json is not None:
        options.json.write_bytes(to_json(report))


if __name__ == "__main__":
    main()
