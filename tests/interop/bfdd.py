# SPDX-License-Identifier: Apache-2.0
"""FRR's bfdd in a lab's host, with one session."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import Any

import msgspec

from bascule.lab.network import LabHost
from bascule.lab.waiting import wait_for
from bascule.model.base import IPAddress

FOLDER = "/usr/lib/frr"
USER = "frr"
END_SECONDS = 10


class Bfdd:
    """bfdd with a session with one neighbour."""

    def __init__(self, host: LabHost, neighbour: IPAddress, *, multiplier: int = 3, milliseconds: int = 50) -> None:
        """It runs, and zebra with it."""
        self._host = host
        self._folder = host.folder / "bfdd"
        self._folder.mkdir(exist_ok=True)
        shutil.chown(self._folder, USER, USER)
        self._started: list[subprocess.Popen[bytes]] = []
        self._start("zebra", ["log stdout"])
        wait_for((self._folder / "zserv.api").exists, END_SECONDS, "zebra")
        lines = [f" peer {neighbour}", f"  detect-multiplier {multiplier}"]
        lines += [f"  receive-interval {milliseconds}", f"  transmit-interval {milliseconds}", " !", "!"]
        self._start("bfdd", ["log stdout debugging", "bfd", *lines])

    def _start(self, name: str, lines: list[str]) -> None:
        config = self._folder / f"{name}.conf"
        config.write_text("\n".join((*lines, "")))
        command = [f"{FOLDER}/{name}", "-u", USER, "-g", USER, "-P", "0", "--vty_socket", str(self._folder)]
        command += ["-z", str(self._folder / "zserv.api"), "-i", str(self._folder / f"{name}.pid"), "-f", str(config)]
        command += ["--bfdctl", str(self._folder / "bfdd.sock")] if name == "bfdd" else []
        self._started.append(self._host.popen(command, log=name))

    def session(self) -> dict[str, Any]:
        """What it says of its session; empty as long as it cannot be asked."""
        command = ["vtysh", "--vty_socket", str(self._folder), "-d", "bfdd", "-c", "show bfd peers json"]
        answer = self._host.run(command, check=False)
        found: list[dict[str, Any]] = msgspec.json.decode(answer.stdout) if answer.returncode == 0 else []
        return found[0] if found else {}

    def until(self, status: str, seconds: float) -> None:
        """Wait until its session is in a state."""
        wait_for(lambda: self.session().get("status") == status, seconds, f"bfdd: {status}", evidence=self.log)

    def log(self) -> str:
        """The end of what it said."""
        return self._host.log_file("bfdd").read_text()[-3000:]

    def kill(self) -> None:
        """kill -9 of all of it."""
        for process in reversed(self._started):
            process.send_signal(signal.SIGKILL)
            process.wait(END_SECONDS)
