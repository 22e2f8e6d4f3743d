# SPDX-License-Identifier: Apache-2.0
"""The entry of roles: what it hands over, how it ends, and that it dies with the supervisor."""

from __future__ import annotations

import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from bascule.daemon import exits, memfd
from bascule.daemon.bus import Bus
from bascule.daemon.roles.__main__ import BUS_DESCRIPTOR, ROLES
from bascule.lab.network import Network
from bascule.lab.topologies import PAIR
from bascule.lab.waiting import wait_for
from bascule.model.base import pack
from bascule.model.configuration import Configuration
from bascule.model.messages import Message, OnStandby, Refused, Role, StatusRequest

ENTRY = """
import sys, types
from bascule.daemon.roles import __main__ as entry
role = types.ModuleType("given")
exec(open(sys.argv.pop(1)).read(), role.__dict__)
sys.modules["given"] = role
sys.exit(entry.main(sys.argv[1:], {"checks": "given"}))
"""


class Rig:
    """One role's process, its program given as text."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.bus, self._theirs = Bus.pair()
        self._config = memfd.make("test", pack(Configuration(files=("a.conf",))))
        self.process: subprocess.Popen[str] | None = None

    def start(self, body: str, *more: str, within: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        role = self.folder / "role.py"
        role.write_text(body)
        with self._theirs as theirs:
            given = (theirs.fileno(), self._config)
            arguments = ["checks", f"--bus-fd={given[0]}", f"--config-fd={given[1]}", "--generation=7"]
            arguments += [f"--run-dir={self.folder}", *more]
            command = [*within, sys.executable, "-c", ENTRY, str(role), *arguments]
            self.process = subprocess.Popen(
                command, pass_fds=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        return self.process

    def next_message(self) -> Message:
        assert select.select([self.bus], [], [], 10)[0]
        return next(self.bus.receive())[0]

    def close(self) -> None:
        self.bus.close()
        os.close(self._config)
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def rig(tmp_path: pathlib.Path) -> Iterator[Rig]:
    one = Rig(tmp_path)
    yield one
    one.close()


def test_a_role_is_given_its_context(rig: Rig) -> None:
    body = "def run(c):\n print(c.generation, c.restarted, c.configuration.files, c.run_dir)\n return 5"
    process = rig.start(body, "--restarted")
    out, _ = process.communicate(timeout=10)
    assert out == f"7 True ('a.conf',) {rig.folder}\n"
    assert process.returncode == 5


GROUPS = """
import signal, socket, struct
from bascule.linux import privileges
def run(c):
    index = socket.if_nametoindex("eth0")
    privileges.allow_descriptors(4096)
    of_hundreds_of_virtual_macs = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(1500)]
    opened = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(150)]
    for one in opened:
        for last in range(20):
            group = struct.pack("=4s4si", bytes((239, 9, 9, last)), bytes(4), index)
            one.setsockopt(0, socket.IP_ADD_MEMBERSHIP, group)
    mark = socket.socket(socket.AF_UNIX)
    mark.connect(str(c.run_dir / "mark"))
    print("up", flush=True)
    signal.pause()
"""


@pytest.mark.root
@pytest.mark.lab
def test_a_killed_role_is_missed_before_its_sockets_have_left_their_groups(rig: Rig) -> None:
    """Each waits for the kernel's network lock, which others may hold for long: it takes most of an end's time."""
    with Network(PAIR) as network, network.host("d1").entered(), socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(rig.folder / "mark"))
        listening.listen()
        process = rig.start(GROUPS)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        opened_last, _ = listening.accept()
        with opened_last:
            process.kill()
            assert opened_last.recv(1) == b""
        assert select.select([rig.bus], [], [], 0)[0], "the bus comes before the latest of the others"


def test_the_bus_is_the_last_of_a_roles_files(rig: Rig) -> None:
    body = "import os\ndef run(c):\n print(c.bus.fileno(), *sorted(os.listdir('/proc/self/fd'), key=int))\n return 0"
    out, _ = rig.start(body).communicate(timeout=10)
    bus, *every = out.split()
    assert bus == every[-1], out
    assert int(bus) >= BUS_DESCRIPTOR


@pytest.mark.root
def test_of_few_files_that_a_role_may_have_the_bus_is_the_last(rig: Rig) -> None:
    few = ("setpriv", "--bounding-set=-sys_resource", "prlimit", "--nofile=256:256")
    out, _ = rig.start("def run(c):\n print(c.bus.fileno())\n return 0", within=few).communicate(timeout=10)
    assert out == "255\n"


def test_what_cannot_be_served_is_refused_in_words(rig: Rig) -> None:
    body = "from bascule.errors import KernelRefusedError\ndef run(c):\n raise KernelRefusedError('no such thing')"
    process = rig.start(body)
    assert rig.next_message() == Refused(role=Role.CHECKS, reason="no such thing")
    _, err = process.communicate(timeout=10)
    assert process.returncode == exits.REFUSED
    assert err.count("\n") == 1


def test_a_defect_is_one_line_that_says_where(rig: Rig) -> None:
    process = rig.start("def run(c):\n return {}['x']")
    _, err = process.communicate(timeout=10)
    assert process.returncode == exits.CRASHED
    assert err.count("\n") == 1
    assert "event=crashed error=KeyError('x') where=" in err


def test_on_standby_everything_is_loaded_and_run_waits_for_a_message(rig: Rig) -> None:
    body = "def run(c):\n print([m for m, _ in c.bus.receive()])\n return 0"
    process = rig.start(body, "--standby")
    assert rig.next_message() == OnStandby(role=Role.CHECKS)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    rig.bus.send(StatusRequest(number=3))
    out, _ = process.communicate(timeout=10)
    assert out == "[StatusRequest(number=3)]\n"


def test_signals_meant_for_the_supervisor_do_not_end_a_role(rig: Rig) -> None:
    body = "import time\ndef run(c):\n print('up', flush=True)\n time.sleep(1)\n return 0"
    process = rig.start(body)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    assert process.wait(10) == 0


def test_a_role_that_hangs_does_not_outlive_the_supervisor_for_long(tmp_path: pathlib.Path) -> None:
    hanging = tmp_path / "role.py"
    hanging.write_text(
        "import os, time\nfrom bascule.daemon.roles import __main__ as e\n"
        "def run(c):\n print(os.getpid(), flush=True)\n while True: time.sleep(60)"
    )
    parent = f"""
import os, socket, subprocess, sys
from bascule.daemon import memfd
from bascule.model.base import pack
from bascule.model.configuration import Configuration
entry = {ENTRY!r}.replace("sys.exit(", "entry.ORPHAN_GRACE = 1; sys.exit(")
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
config = memfd.make("c", pack(Configuration()))
child = subprocess.Popen([sys.executable, "-c", entry, {str(hanging)!r}, "checks", f"--bus-fd={{theirs.fileno()}}",
    f"--config-fd={{config}}", "--generation=1", "--run-dir=x"], pass_fds=[theirs.fileno(), config])
child.wait()
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        role = int(supervisor.stdout.readline())
        supervisor.kill()
        killed = time.monotonic()
        wait_for(lambda: _gone(role), 10.0, "the role's end")
        assert 0.5 < time.monotonic() - killed < 5.0


def _gone(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_only_known_roles_are_started() -> None:
    assert set(ROLES) == {role.value for role in Role if role is not Role.SUPERVISOR}
    done = subprocess.run(
        [sys.executable, "-m", "bascule.daemon.roles", "cook", "--bus-fd=0", "--config-fd=0", "--generation=1"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "invalid choice: 'cook'" in done.stderr
