# SPDX-License-Identifier: Apache-2.0
"""The verb's own part: what it needs, what it refuses, networks that stay up. The demonstration is in tests/lab."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess

import pytest
from click.testing import CliRunner

from bascule.cli import lab as lab_module
from bascule.cli.lab import FAULTS, lab
from bascule.errors import BasculeError, KernelRefusedError, UsageError
from bascule.lab.directors import program
from bascule.lab.faults import Fault
from bascule.lab.waiting import wait_for


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program(), "lab", *arguments], capture_output=True, text=True, timeout=60, check=False)


def refusal(*arguments: str) -> BasculeError:
    with pytest.raises(BasculeError) as caught:
        CliRunner().invoke(lab, arguments, catch_exceptions=False)
    return caught.value


def test_every_fault_is_offered() -> None:
    assert set(FAULTS) == {fault.value for fault in Fault}


def test_an_unknown_fault_is_refused() -> None:
    done = CliRunner().invoke(lab, ["demo", "--fault", "moon"])
    assert done.exit_code == 2
    assert "'moon' is not one of" in done.output


def test_what_is_missing_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", "/nowhere")
    assert str(refusal("demo")) == (
        "a lab needs root and the package ethtool and the package iproute2 and the package nginx"
    )


def test_an_object_that_was_not_built_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(lab_module, "TOOLS", {})
    monkeypatch.setattr("bascule.lab.network.PASS_OBJECT", pathlib.Path("/nowhere/pass.bpf.o"))
    error = refusal("up")
    assert isinstance(error, KernelRefusedError)
    assert "make bpf" in str(error)


def test_missing_mail_relays_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(lab_module, "TOOLS", {})
    monkeypatch.setattr("bascule.lab.network.PASS_OBJECT", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "install bascule with its extra `lab`" in str(refusal("demo"))


@pytest.mark.root
@pytest.mark.lab
def test_an_unknown_topology_is_refused() -> None:
    error = refusal("up", "moon")
    assert isinstance(error, UsageError)
    assert str(error) == "there is no topology moon: seed, pair"


@pytest.mark.root
@pytest.mark.lab
def test_a_network_stays_up_until_it_is_told_to_go(tmp_path: pathlib.Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        holder = subprocess.Popen([program(), "lab", "up", "pair"], stdout=file)
    try:
        wait_for(lambda: "Ctrl-C" in output.read_text(), 20, "the network")
        assert "d2         director     192.168.2.211/24" in output.read_text()
        listed = call("list").stdout
        (line,) = [line for line in listed.splitlines() if line.startswith(f"{holder.pid}-")]
        assert "running" in line
        assert {"d1", "d2", "switch"} <= set(line.split())
        owner = ("--owner", line.split()[0])
        done = call("exec", *owner, "d1", "ip", "-brief", "address", "show", "eth0")
        assert "192.168.2.210/24" in done.stdout, done.stderr
        assert call("exec", *owner, "d1", "false").returncode == 1
        assert call("exec", *owner, "moon", "true").stderr == "bascule: the lab has no host moon\n"
        missing = call("exec", *owner, "d1", "no-such-command")
        assert missing.stderr == "bascule: no-such-command: No such file or directory\n"
        holder.send_signal(signal.SIGTERM)
        assert holder.wait(20) == 0
    finally:
        holder.kill()
        holder.wait(20)
    assert f"{holder.pid}-" not in call("list").stdout
    assert "no such labs are up" in call("exec", *owner, "d1", "true").stderr


@pytest.mark.root
@pytest.mark.lab
@pytest.mark.alone  # any other lab would sweep the leftovers first
def test_what_a_killed_owner_left_is_removed(tmp_path: pathlib.Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        holder = subprocess.Popen([program(), "lab", "up", "pair"], stdout=file)
    wait_for(lambda: "Ctrl-C" in output.read_text(), 20, "the network")
    holder.kill()
    holder.wait(20)
    assert "its owner is dead" in call("list").stdout
    assert f"removed what {holder.pid}-" in call("down").stdout
    assert f"{holder.pid}-" not in call("list").stdout
