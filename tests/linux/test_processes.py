# SPDX-License-Identifier: Apache-2.0
"""Processes as `/proc` and the kernel's events show them."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.errors import KernelRefusedError
from bascule.lab.waiting import wait_for
from bascule.linux import processes
from bascule.linux.processes import FIRST_PROCESS_NAMESPACE, ProcessEvents, command_line_of, name_of, running


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "600"])
    # A program that has just been executed has its name before its command line.
    wait_for(lambda: name_of(child.pid) == "sleep" and command_line_of(child.pid), 5.0, "the program")
    yield child
    child.kill()
    child.wait()


def test_a_process_has_a_name_and_a_command_line(sleeper: subprocess.Popen[bytes]) -> None:
    assert sleeper.pid in running()
    assert command_line_of(sleeper.pid) == ("sleep", "600")


def test_one_that_has_ended_has_none_though_nobody_waited_for_it(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    wait_for(lambda: name_of(sleeper.pid) is None, 5.0, "the end")
    assert command_line_of(sleeper.pid) == ()
    sleeper.wait()
    assert name_of(sleeper.pid) is None


def test_names_may_hold_anything(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_bytes(b"7 (a) b (c)) S 1 7 7")
    (tmp_path / "notes").mkdir()
    assert (name_of(7, tmp_path), list(running(tmp_path))) == ("a) b (c)", [7])
    assert list(running(tmp_path / "none")) == []


def _message(what: int, *ids: int) -> bytes:
    event = struct.pack("=IIQ", what, 0, 0) + struct.pack(f"={len(ids)}I", *ids) + bytes(16)
    return bytes(processes._HEADER.size + processes._MESSAGE.size) + event


@pytest.mark.parametrize(
    ("data", "changed", "ended"),
    [
        (_message(0x1, 1, 1, 5, 5), {5}, set()),
        (_message(0x1, 1, 1, 6, 5), set(), set()),
        (_message(0x2, 5, 5), {5}, set()),
        (_message(0x200, 5, 5), {5}, set()),
        (_message(0x200, 6, 5), set(), set()),
        (_message(0x80000000, 5, 5), set(), {5}),
        (_message(0x4, 5, 5), set(), set()),
        (b"short", set(), set()),
    ],
)
def test_events_of_threads_are_not_those_of_processes(data: bytes, changed: set[int], ended: set[int]) -> None:
    came: set[int] = set()
    went: set[int] = set()
    processes._take(data, came, went)
    assert (came, went) == (changed, ended)


@pytest.mark.root
def test_the_kernel_tells_of_a_process_that_comes_and_ends() -> None:
    """In the first network namespace, where `make test` runs; that others are refused is tested in the lab.

    In a container the kernel tells nobody: there it must be said.
    """
    if Path("/proc/self/ns/pid").stat().st_ino != FIRST_PROCESS_NAMESPACE:
        with pytest.raises(KernelRefusedError, match="not in a container"):
            ProcessEvents()
        return
    events = ProcessEvents()
    try:
        with subprocess.Popen([os.fsencode("/bin/true")]) as child:
            pass
        seen: set[int] = set()

        def ended() -> bool:
            changed, gone, _ = events.receive()
            seen.update(changed | gone)
            return child.pid in seen

        wait_for(ended, 5.0, "the event")
    finally:
        events.close()


@pytest.mark.root
def test_in_a_process_namespace_of_its_own_it_is_refused() -> None:
    program = "from bascule.linux.processes import ProcessEvents; ProcessEvents()"
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr.strip().splitlines()[-1].endswith("not in a container")
