# SPDX-License-Identifier: Apache-2.0
"""The systemd units: what they start exists, and works with no more rights than they grant."""

from __future__ import annotations

import collections
import os
import pathlib
import shlex
import signal
import socket

import pytest

from bascule.cli.verbs import VERBS
from bascule.lab.directors import program
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import SEED
from bascule.lab.waiting import wait_for

VIP = "192.168.2.240"


class Unit:
    """A unit file as its assignments, each with all its values in their order."""

    def __init__(self, path: pathlib.Path) -> None:
        self.values: dict[str, list[str]] = collections.defaultdict(list)
        for line in path.read_text().splitlines():
            if line and not line.startswith(("#", "[")):
                key, _, value = line.partition("=")
                self.values[key].append(value)

    def one(self, key: str) -> str:
        (value,) = self.values[key]
        return value

    def command(self, key: str, **instead: str) -> list[str]:
        """The command line of an Exec key with its specifiers and variables replaced."""
        words = shlex.split(self.one(key).replace("%i", VIP))
        assert words[0] == "bascule"
        filled = [word for raw in words[1:] for word in shlex.split(instead.get(raw, raw))]
        return [program(), *filled]

    def confined(self, command: list[str]) -> list[str]:
        """The command with the unit's bounding set and no new privileges, as systemd would start it."""
        names = [name for value in self.values["CapabilityBoundingSet"] for name in value.split()]
        assert names
        assert self.one("NoNewPrivileges") == "yes"
        bounding = ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in names)])
        return ["setpriv", "--no-new-privs", "--bounding-set", bounding, *command]


@pytest.fixture
def director(root: pathlib.Path) -> Unit:
    return Unit(root / "packaging" / "systemd" / "bascule.service")


@pytest.fixture
def realserver(root: pathlib.Path) -> Unit:
    return Unit(root / "packaging" / "systemd" / "bascule-realserver@.service")


def test_every_command_is_a_verb(director: Unit, realserver: Unit) -> None:
    for unit, keys in ((director, ("ExecStart", "ExecReload")), (realserver, ("ExecStart", "ExecStop"))):
        for key in keys:
            assert unit.command(key)[1] in VERBS


def test_the_directors_pins_outlive_it_and_are_seen_by_all(director: Unit) -> None:
    assert director.one("Type") == "notify"
    assert director.one("RuntimeDirectoryPreserve") == "yes"
    assert f"/run/{director.one('RuntimeDirectory')}" in director.one("ExecStart")
    # The statuses of `bascule run` that another start would not change.
    assert director.one("RestartPreventExitStatus") == "2 4"
    for key in director.values:
        assert not key.startswith(("Private", "Protect")) or key in {"ProtectClock", "ProtectHostname"}, (
            f"{key} makes a mount namespace in which the BPF file system would be lost"
        )


@pytest.mark.root
@pytest.mark.lab
def test_a_director_works_with_the_units_rights(director: Unit, root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with Network(SEED) as network, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        host = network.host("d1")
        run_dir = host.folder / "run"
        address = tmp_path / "notify"
        manager.bind(str(address))
        manager.settimeout(20)
        options = {"/run/bascule": str(run_dir), "$BASCULE_OPTIONS": f"-f {root / 'examples' / 'keepalived.conf'}"}
        command = director.confined(director.command("ExecStart", **options))
        process = host.popen(["env", f"NOTIFY_SOCKET={address}", *command], log="bascule")
        told = manager.recv(4096).decode()
        assert "READY=1" in told, host.log_file("bascule").read_text()
        assert f"MAINPID={process.pid}" in told

        def table() -> str:
            return host.run([program(), "ipvsadm", "-Ln", "--run-dir", str(run_dir)]).stdout

        wait_for(lambda: f"{VIP}:80" in table(), 10, "the table", evidence=host.log_file("bascule").read_text)
        wait_for(lambda: _sits(host), 10, "XDP on eth0", evidence=host.log_file("bascule").read_text)
        reload = host.run(director.confined(director.command("ExecReload", **options)))
        assert "bascule:" in reload.stdout
        log = host.log_file("bascule").read_text()
        assert "cannot" not in log, log
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(float(director.one("TimeoutStopSec"))) == 0
        assert not _sits(host)


def _sits(host: LabHost) -> bool:
    return "xdp" in host.run(["ip", "link", "show", "eth0"]).stdout


@pytest.mark.root
@pytest.mark.lab
def test_a_real_server_works_with_the_units_rights(realserver: Unit, tmp_path: pathlib.Path) -> None:
    with Network(SEED) as network:
        host = network.host("rs1")
        run_dir = ["--run-dir", str(tmp_path)]
        before = host.run(["ip", "address", "show", "lo"]).stdout
        host.run(realserver.confined([*realserver.command("ExecStart"), *run_dir]))
        host.run([program(), "realserver", "status", "--vip", VIP, *run_dir])
        host.run(realserver.confined([*realserver.command("ExecStop"), *run_dir]))
        assert host.run(["ip", "address", "show", "lo"]).stdout == before
