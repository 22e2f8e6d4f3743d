# SPDX-License-Identifier: Apache-2.0
"""A real supervisor over doubles of the roles, in a network namespace of its own."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bascule.daemon.client import NotRunningError, ask
from bascule.lab.waiting import wait_for
from bascule.model.control import ControlReply, Verb
from bascule.model.messages import Role
from bascule.model.status import DirectorStatus, RoleStatus

HERE = pathlib.Path(__file__).parent

INSTANCE = """
vrrp_instance VI_1 {
    state MASTER
    interface lo
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        192.168.2.240
    }
}
"""

SERVICE = """
virtual_server 192.168.2.240 80 {
    delay_loop 6
    lb_algo wlc
    lb_kind DR
    protocol TCP
    real_server 192.168.2.212 80 {
        weight 3
        TCP_CHECK {
            connect_timeout 3
        }
    }
}
"""

MAIL = """
global_defs {
    notification_email {
        admin@example.com
    }
    notification_email_from lvs@example.com
    smtp_server 127.0.0.1
}
"""

WHOLE = MAIL + INSTANCE + SERVICE

CLASHING = WHOLE + INSTANCE.replace("VI_1", "VI_2")
"""Cannot be run: two instances with one router id on one interface."""


class Director:
    """One supervisor's process and its folder."""

    def __init__(self, folder: pathlib.Path, text: str) -> None:
        self.run_dir = folder / "run"
        self.file = folder / "bascule.conf"
        self.log_file = folder / "log"
        self.file.write_text(text)
        self.process = self.launch()

    def launch(self, *, beside: bool = False) -> subprocess.Popen[bytes]:
        """Start a supervisor: in a new network namespace, or beside the one that runs."""
        script = [sys.executable, str(HERE / "director_with_doubles.py"), str(self.run_dir), str(self.file)]
        enter = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net"] if beside else ["unshare", "--net"]
        with self.log_file.open("ab") as log:
            return subprocess.Popen([*enter, *script], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def launch_in_its_place(self) -> subprocess.Popen[bytes]:
        """Start a supervisor in the namespace that the roles of a killed one still hold."""
        holder = self.record(Role.VRRP)[-1].split()[0]
        script = [sys.executable, str(HERE / "director_with_doubles.py"), str(self.run_dir), str(self.file)]
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                ["nsenter", f"--net=/proc/{holder}/ns/net", *script], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def ask(self, verb: Verb) -> ControlReply:
        return ask(self.run_dir, verb)

    def status(self) -> DirectorStatus:
        found = self.ask(Verb.STATUS).status
        assert found is not None
        return found

    def role(self, role: Role) -> RoleStatus:
        return next(entry for entry in self.status().roles if entry.role is role)

    def pid(self, role: Role) -> int:
        """The process of a running role."""
        pid = self.role(role).pid
        assert pid is not None
        return pid

    def pids(self) -> dict[Role, int | None]:
        return {entry.role: entry.pid for entry in self.status().roles}

    def record(self, role: Role) -> list[str]:
        """What a double wrote down, with its process number in front."""
        path = self.run_dir / f"{role.value}.record"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for_log(self, text: str, times: int = 1) -> None:
        wait_for(lambda: self.log.count(text) >= times, 15.0, f"{text!r} in the log", evidence=lambda: self.log)

    def wait_until_up(self) -> None:
        self.wait_for_log("event=start_done")

    def end(self) -> int:
        """SIGTERM and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def alive(pid: int) -> bool:
    """Whether a process runs (one that has ended and is not reaped does not)."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _end_whatever_runs(director: Director) -> None:
    try:
        pids = [pid for pid in director.pids().values() if pid]
    except (NotRunningError, OSError):
        pids = []
    for pid in (*pids, director.process.pid):
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
    director.process.wait(10)


@pytest.fixture
def director(tmp_path: pathlib.Path) -> Iterator[Director]:
    """A director with all roles, up."""
    one = Director(tmp_path, WHOLE)
    try:
        one.wait_until_up()
        yield one
    finally:
        _end_whatever_runs(one)


@pytest.fixture
def starting() -> Iterator[type[Director]]:
    """Directors that a test starts by itself with a text."""
    made: list[Director] = []

    class Kept(Director):
        def __init__(self, folder: pathlib.Path, text: str) -> None:
            super().__init__(folder, text)
            made.append(self)

    yield Kept
    for one in made:
        _end_whatever_runs(one)
