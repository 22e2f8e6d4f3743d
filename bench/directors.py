# SPDX-License-Identifier: Apache-2.0
"""A director by either program, on the same file: what a bench starts, stops, kills and weighs."""

from __future__ import annotations

import ipaddress
import os
import pathlib
import signal
import subprocess
from collections.abc import Sequence

from bascule.lab.directors import program
from bascule.lab.network import LabHost
from bascule.linux import namespaces
from bascule.model.base import IPAddress, Priority

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

GLOBAL = "global_defs {{\n router_id {name}\n vrrp_rt_priority 50\n vrrp_rlimit_rttime 1000000\n}}\n"
INSTANCE = """vrrp_instance VI_{vrid} {{
 state BACKUP
 interface eth0
 virtual_router_id {vrid}
 priority {priority}
 version {version}
 advert_int {interval:g}
 virtual_ipaddress {{
  {address}/32
 }}
}}
"""


def configuration(
    name: str, priority: Priority, version: int, interval: float, addresses: Sequence[ipaddress.IPv4Address]
) -> str:
    """The file of one director, with an instance for each address; both programs read it."""
    instances = (
        INSTANCE.format(vrid=vrid, priority=priority, version=version, interval=interval, address=address)
        for vrid, address in enumerate(addresses, 1)
    )
    return GLOBAL.format(name=name) + "".join(instances)


class Program:
    """A program that runs a host as a director."""

    name: str

    def __init__(self, host: LabHost, file: pathlib.Path) -> None:
        """Nothing runs yet; `file` is its configuration."""
        self.host = host
        self.file = file
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Its command line."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin."""
        self._process = self.host.popen(self.command(), log=self.name)

    def stop(self) -> None:
        """SIGTERM; what it does then is what is measured, so nothing is waited for."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9 to all of its processes at once."""
        self.host.kill_all()

    def end(self, virtual: IPAddress) -> None:
        """Nothing of it is left, not the address either."""
        self.host.kill_all()
        self.host.run(["ip", "address", "flush", "to", str(virtual)])

    def log(self) -> str:
        """What it said."""
        return self.host.log_file(self.name).read_text(errors="replace")

    def processor_seconds(self) -> float:
        """What its processes have used so far, user and system."""
        fields = [_stat(pid) for pid in namespaces.processes(self.host.namespace)]
        return sum(int(entry[11]) + int(entry[12]) for entry in fields) / TICKS_A_SECOND

    def resident(self) -> int:
        """Bytes of memory that its processes have now; pages that they share count in each."""
        pids = namespaces.processes(self.host.namespace)
        return sum(int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE for pid in pids)


def _stat(pid: int) -> list[str]:
    """The fields of proc(5) stat from the state on: the command's name before it may hold spaces."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


class Bascule(Program):
    """Ours, whole: `bascule run`."""

    name = "bascule"

    def command(self) -> list[str]:
        """Its command line."""
        return [program(), "run", "-f", str(self.file), "--run-dir", str(self.host.folder / "run")]

    def switch(self) -> None:
        """A planned switch: `bascule failover`, to its end."""
        self.host.run([program(), "failover", "--run-dir", str(self.host.folder / "run")])


class Keepalived(Program):
    """keepalived, its VRRP part alone."""

    name = "keepalived"

    def command(self) -> list[str]:
        """Its command line."""
        files = self.host.folder / "keepalived.pid", self.host.folder / "vrrp.pid"
        for file in files:
            file.unlink(missing_ok=True)  # of one that was killed: the next would think that it still runs
        command = ["keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", str(self.file)]
        return [*command, "--pid", str(files[0]), "--vrrp_pid", str(files[1])]


PROGRAMS: tuple[type[Program], ...] = (Bascule, Keepalived)
