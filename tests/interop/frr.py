# SPDX-License-Identifier: Apache-2.0
"""FRR's vrrpd in a lab's host, with the virtual-MAC interfaces that it wants and the zebra that it speaks through."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import Any

import msgspec

from bascule.lab.network import LabHost
from bascule.lab.waiting import wait_for

FOLDER = "/usr/lib/frr"
USER = "frr"
"""Root is not in the group that its sockets want."""
VRID = 51
ADDRESSES = {4: "192.168.2.240/32", 6: "fd02::240/128"}
END_SECONDS = 10


class Frr:
    """A virtual router of FRR: over IPv4 and IPv6 at once in version 3, over IPv4 in version 2."""

    def __init__(self, host: LabHost, priority: int, version: int, interval: float) -> None:
        self._host = host
        self._folder = host.folder / "frr"
        self._folder.mkdir(exist_ok=True)
        shutil.chown(self._folder, USER, USER)
        self.families = (4, 6) if version == 3 else (4,)
        for family in self.families:
            self._make_interface(family)
        settings = [f"version {version}", f"priority {priority}", f"advertisement-interval {round(interval * 1000)}"]
        settings += [
            f"ip{'v6' if family == 6 else ''} {ADDRESSES[family].partition('/')[0]}" for family in self.families
        ]
        lines = [
            "log stdout debugging",
            "debug vrrp protocol",
            "interface eth0",
            *(f" vrrp {VRID} {s}" for s in settings),
        ]
        self._started: list[subprocess.Popen[bytes]] = []
        self._start("zebra", ["log stdout"])
        wait_for((self._folder / "zserv.api").exists, END_SECONDS, "zebra")
        self._start("vrrpd", lines)

    def _make_interface(self, family: int) -> None:
        name, kind = f"vrrp{family}-{VRID}", 1 if family == 4 else 2
        if self._host.run(["ip", "link", "show", name], check=False).returncode == 0:
            return
        mac = f"00:00:5e:00:{kind:02x}:{VRID:02x}"
        self._host.run(["ip", "link", "add", name, "link", "eth0", "address", mac, "type", "macvlan", "mode", "bridge"])
        nodad = ["nodad"] if family == 6 else []
        self._host.run(["ip", "address", "add", ADDRESSES[family], "dev", name, *nodad])
        self._host.run(["ip", "link", "set", name, "up"])

    def _start(self, name: str, lines: list[str]) -> None:
        config = self._folder / f"{name}.conf"
        config.write_text("\n".join((*lines, "")))
        command = [f"{FOLDER}/{name}", "-u", USER, "-g", USER, "-P", "0", "--vty_socket", str(self._folder)]
        command += ["-z", str(self._folder / "zserv.api"), "-i", str(self._folder / f"{name}.pid"), "-f", str(config)]
        self._started.append(self._host.popen(command, log=name))

    def log(self) -> str:
        return self._host.log_file("vrrpd").read_text()

    def states(self) -> set[str]:
        """Of its routers; empty as long as it cannot be asked."""
        command = ["vtysh", "--vty_socket", str(self._folder), "-d", "vrrpd", "-c", "show vrrp json"]
        answer = self._host.run(command, check=False)
        if answer.returncode != 0:
            return set()
        found: Any = msgspec.json.decode(answer.stdout)
        return {found[0][f"v{family}"]["status"] for family in self.families} if found else set()

    def until(self, state: str, seconds: float) -> None:
        """Wait until all of its routers are in a state."""
        wait_for(lambda: self.states() == {state}, seconds, f"FRR to be {state}", evidence=lambda: self.log()[-3000:])

    def stop(self) -> None:
        """SIGTERM to vrrpd first: it sends priority 0."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9 of all of it."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        for process in reversed(self._started):
            process.send_signal(number)
            process.wait(END_SECONDS)
        (self._folder / "zserv.api").unlink(missing_ok=True)
