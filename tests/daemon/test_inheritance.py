# SPDX-License-Identifier: Apache-2.0
"""What goes through execve: all descriptors and no other, or nothing at all when it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from bascule.daemon import inheritance
from bascule.daemon.inheritance import Inheritance, InheritedRole
from bascule.model.messages import LastWill, Ready, Role

PROGRAM = """
import os, signal, socket, sys
from bascule.daemon import inheritance
from bascule.daemon.inheritance import Inheritance, InheritedRole
from bascule.model.messages import LastWill, Ready, Role
found = inheritance.take()
if found is None:
    kept = [os.memfd_create(f"kept-{number}") for number in range(5)]
    other = os.memfd_create("not-kept")
    print(os.getpid(), flush=True)
    signal.signal(signal.SIGHUP, lambda *_: sys.exit("heard too early"))
    inheritance.leave(Inheritance(
        namespace_lock=kept[0], run_dir_lock=kept[1], control=kept[2], clients=(kept[3],),
        roles=(InheritedRole(role=Role.VRRP, pid=1, bus_fd=kept[4], since=2.0, deaths=3),),
        states=(LastWill(), Ready(ready=True, reason="r")), configuration=b"packed", generation=4, started=5.0))
os.kill(os.getpid(), signal.SIGHUP)
names = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if int(number) > 2
         and os.path.lexists(f"/proc/self/fd/{number}")]
print(os.getpid(), sorted(name for name in names if "kept" in name), len([n for n in names if "inherit" in n]))
print([os.get_inheritable(number) for number in found.descriptors()])
heard = []
signal.signal(signal.SIGHUP, lambda *_: heard.append("heard"))
inheritance.hear_signals()
print(heard)
print(found.roles[0].role, found.states, found.configuration, found.generation, found.started, inheritance.take())
"""


def test_the_program_after_finds_everything_and_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=True)
    before, after, inheritable, heard, values = done.stdout.splitlines()
    kept = [f"/memfd:kept-{number} (deleted)" for number in range(5)]
    assert after == f"{before} {kept} 0"
    assert inheritable == str([False] * 5)
    assert heard == "['heard']", "a signal that came meanwhile waits for its handler"
    assert values.startswith("Role.VRRP (LastWill(")
    assert values.endswith("b'packed' 4 5.0 None")


def test_a_program_that_cannot_be_started_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/does/not/exist")
    kept = os.memfd_create("kept")
    before = len(os.listdir("/proc/self/fd"))
    left = Inheritance(
        namespace_lock=kept,
        run_dir_lock=kept,
        control=kept,
        clients=(),
        roles=(InheritedRole(role=Role.PLANE, pid=1, bus_fd=kept, since=1.0),),
        states=(LastWill(), Ready(ready=False, reason="r")),
        configuration=b"",
        generation=1,
        started=1.0,
    )
    with pytest.raises(FileNotFoundError):
        inheritance.leave(left)
    assert not os.get_inheritable(kept)
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert len(os.listdir("/proc/self/fd")) == before
    os.close(kept)


def test_a_first_start_inherits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(inheritance.VARIABLE, raising=False)
    assert inheritance.take() is None
