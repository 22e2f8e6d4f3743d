# SPDX-License-Identifier: Apache-2.0
"""A director of a lab: `bascule run` in a host's namespace with a run directory of its own."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

from bascule.daemon.client import ask
from bascule.errors import BasculeError, UsageError
from bascule.lab.network import LabHost
from bascule.lab.waiting import WaitedTooLongError, wait_for
from bascule.model.base import IPAddress
from bascule.model.control import Verb
from bascule.model.status import DirectorStatus

LOG = "bascule"
LOG_LINES_SHOWN = 40
START_SECONDS = 15.0
COMMAND_SECONDS = 15.0


def program() -> str:
    """The `bascule` that belongs to this interpreter. Raises UsageError."""
    beside = pathlib.Path(sys.executable).with_name("bascule")
    found = str(beside) if beside.exists() else shutil.which("bascule")
    if found is None:
        raise UsageError("the program `bascule` is not beside this Python: install the package")
    return found


class Director:
    """One director; it may be started and killed many times, and keeps its run directory."""

    def __init__(self, host: LabHost, file: pathlib.Path) -> None:
        """Nothing is started yet."""
        self.host = host
        self.name = host.name
        self.file = file
        self.run_dir = host.folder / "run"
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it; `wait_started` waits until it works."""
        command = [program(), "run", "-f", str(self.file), "--run-dir", str(self.run_dir)]
        self._process = self.host.popen(command, log=LOG)

    def wait_started(self) -> None:
        """Wait until every role that it needs runs. Raises WaitedTooLongError with its log."""
        wait_for(self._answers, START_SECONDS, f"{self.name} to start", evidence=self.log)

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise WaitedTooLongError(f"{self.name} ended with status {self._process.returncode}\n{self.log()}")
        status = self.status()
        return status is not None and status.plane is not None and all(role.running for role in status.roles)

    def kill(self) -> tuple[int, ...]:
        """SIGKILL to all its processes at once: nobody says good-bye."""
        pids = self.host.kill_all()
        self._process = None
        return pids

    def status(self) -> DirectorStatus | None:
        """What it says of itself; None = it does not answer."""
        # The control socket is a file: it is reached from every network namespace, without a process for each look.
        try:
            return ask(self.run_dir, Verb.STATUS).status
        except BasculeError:
            return None

    def table(self) -> str:
        """What `bascule ipvsadm -Ln` prints here. Raises KernelRefusedError."""
        command = [program(), "ipvsadm", "-Ln", "--run-dir", str(self.run_dir)]
        return self.host.run(command, timeout=COMMAND_SECONDS).stdout

    def templates(self) -> str:
        """The persistence templates among what `bascule ipvsadm -Lnc` prints. Raises KernelRefusedError."""
        command = [program(), "ipvsadm", "-Lnc", "--run-dir", str(self.run_dir)]
        lines = self.host.run(command, timeout=COMMAND_SECONDS).stdout.splitlines(keepends=True)
        return "".join(line for line in lines if ":0 " in line)

    def holds(self, address: IPAddress) -> bool:
        """Whether the address is on one of its interfaces."""
        shown = self.host.run(["ip", "-brief", "address", "show"]).stdout
        return any(word.partition("/")[0] == str(address) for word in shown.split())

    def log(self) -> str:
        """The last lines of its log."""
        path = self.host.log_file(LOG)
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-LOG_LINES_SHOWN:])

    def evidence(self) -> str:
        """Log, table and addresses, for whoever has to find out what went wrong."""
        return os.linesep.join((f"log of {self.name}:", self.log(), "", self._table_or_why(), self._addresses()))

    def _table_or_why(self) -> str:
        try:
            return self.table() + self.templates()
        except (BasculeError, subprocess.TimeoutExpired) as error:
            return f"no table: {error}"

    def _addresses(self) -> str:
        return self.host.run(["ip", "-details", "address", "show"], check=False).stdout
