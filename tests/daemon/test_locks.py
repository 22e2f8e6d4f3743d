# SPDX-License-Identifier: Apache-2.0
"""One daemon a network namespace, one a run directory; who holds is named."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from bascule.daemon import locks
from bascule.daemon.locks import AlreadyRunningError
from bascule.errors import BasculeError
from bascule.lab.waiting import wait_for

HOLD = """
import os, sys, time
from bascule.daemon import locks
sock = locks.lock_namespace()
child = os.fork() if sys.argv[1:] else 0
if child or not sys.argv[1:]:
    print(os.getpid(), child, flush=True)
time.sleep(60)
"""


def hold(*arguments: str) -> tuple[subprocess.Popen[str], int, int]:
    """A process in a network namespace of its own that holds the lock, and perhaps its child."""
    process = subprocess.Popen(
        ["unshare", "--net", sys.executable, "-c", HOLD, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    pid, child = map(int, process.stdout.readline().split())
    process.stdout.close()
    return process, pid, child


def attempt(beside: int, patience: float) -> subprocess.CompletedProcess[str]:
    program = f"from bascule.daemon import locks; locks.lock_namespace({patience}); print('mine')"
    command = ["nsenter", f"--net=/proc/{beside}/ns/net", sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.root
def test_the_holder_is_named_at_once() -> None:
    process, pid, _ = hold()
    try:
        done = attempt(pid, 10.0)
        assert f"process {pid} is already the director of this network namespace" in done.stderr
    finally:
        process.kill()
        process.wait()


@pytest.mark.root
def test_the_roles_of_a_dead_holder_are_waited_for() -> None:
    process, pid, child = hold("with-child")
    try:
        assert pid == process.pid
        process.kill()
        process.wait()
        assert "roles of an earlier daemon still run" in attempt(child, 0.2).stderr
        late = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {child}"])
        assert attempt(child, 10.0).stdout == "mine\n"
        late.wait()
    finally:
        wait_for(lambda: not pathlib.Path(f"/proc/{child}").exists(), 5.0, "the child's end")


@pytest.mark.root
def test_a_holder_that_is_only_not_reaped_is_dead() -> None:
    process, pid, _ = hold()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not locks._alive(pid)
    process.wait()
    assert not locks._alive(pid)
    assert locks._alive(os.getpid())


def test_a_run_directory_has_one_holder_that_is_named(tmp_path: pathlib.Path) -> None:
    run_dir = tmp_path / "deep" / "run"
    held = locks.lock_run_dir(run_dir)
    with pytest.raises(AlreadyRunningError, match=re.escape(f"process {os.getpid()} already runs with {run_dir}")):
        locks.lock_run_dir(run_dir)
    os.close(held)
    again = locks.lock_run_dir(run_dir)
    os.close(again)


@pytest.mark.root
def test_those_who_ask_are_turned_away() -> None:
    program = """
import socket
from bascule.daemon import locks
held = locks.lock_namespace()
for _ in range(50):
    client = socket.socket(socket.AF_UNIX)
    client.connect(locks.NAME)
    locks.turn_away(held)
    assert client.recv(1) == b""
    client.close()
"""
    subprocess.run(["unshare", "--net", sys.executable, "-c", program], check=True, timeout=20)


def test_a_run_directory_that_cannot_be_is_said(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BasculeError, match="file/run: Not a directory"):
        locks.lock_run_dir(tmp_path / "file" / "run")
