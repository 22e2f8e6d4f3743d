# SPDX-License-Identifier: Apache-2.0
"""Tracked processes: real ones, by events and by reading `/proc`."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_processes import AGAIN, SHARE, Processes
from bascule.errors import KernelRefusedError
from bascule.lab.waiting import wait_for
from bascule.linux.processes import ProcessEvents
from bascule.model.base import Seconds
from bascule.model.tracking import TrackProcess

NAME = f"tracked{os.getpid() % 100000}"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program with a name of its own."""
    path = tmp_path / NAME
    path.symlink_to("/bin/sleep")
    return path


class Seen(dict[str, bool]):
    """The last state of each."""

    def report(self, name: str, up: bool, why: str) -> None:
        assert "runs" in why
        self[name] = up


def refused() -> ProcessEvents:
    raise KernelRefusedError("hear of processes: connection refused")


WANTED = TrackProcess(name="p", command=NAME)


def test_without_events_proc_is_read_now_and_then_and_no_oftener(program: Path) -> None:
    seen, log = Seen(), Log("test")
    found = Processes(log, seen.report, time.monotonic, events=refused)
    found.configure((WANTED,), time.monotonic())
    assert (seen, found.fileno()) == ({"p": False}, None)
    with subprocess.Popen([program, "600"]) as child:
        assert 0 < found.deadline() - time.monotonic() <= AGAIN + SHARE
        found.timers(time.monotonic())

        def there() -> bool:
            found.timers(time.monotonic() + 100)
            return seen["p"]

        wait_for(there, 10.0, "the process")
        child.kill()
    found.timers(time.monotonic() + 100)
    assert seen == {"p": False}
    found.configure((), time.monotonic())
    assert found.deadline() == float("inf")


def test_delays_hold_and_unchanged_ones_go_on_over_a_reload(tmp_path: Path) -> None:
    clock = [100.0]
    entry = TrackProcess(name="p", command="a", fork_delay=Seconds(2.0), terminate_delay=Seconds(2.0))
    seen = Seen()
    found = Processes(Log("test"), seen.report, lambda: clock[0], proc=tmp_path, events=refused)
    found.configure((entry,), clock[0])
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text("7 (a) S 1")
    clock[0] = 101.0
    found.timers(clock[0])
    found.configure((entry,), clock[0])
    assert seen == {"p": False}
    clock[0] = 103.0
    found.timers(clock[0])
    assert seen == {"p": True}


@pytest.fixture
def listening() -> Iterator[tuple[Processes, Seen]]:
    seen = Seen()
    found = Processes(Log("test"), seen.report, time.monotonic)
    yield found, seen
    found.close()


@pytest.mark.root
def test_events_tell_at_once(listening: tuple[Processes, Seen], program: Path) -> None:
    found, seen = listening
    full = TrackProcess(name="full", command=str(program), parameters=("600",), full_command=True)
    found.configure((WANTED, full), time.monotonic())
    descriptor = found.fileno()
    # In a container there are no events, and `/proc` is read.
    assert (descriptor is None) == (found.deadline() < float("inf"))

    def heard(up: bool) -> bool:
        if descriptor is None:
            found.timers(time.monotonic() + 100)
        elif select.select([descriptor], [], [], 0.05)[0]:
            found.readable(time.monotonic())
        return seen == {"p": up, "full": up}

    with subprocess.Popen([program, "600"]) as child:
        try:
            wait_for(lambda: heard(True), 10.0, "the process")
        finally:
            child.kill()
    wait_for(lambda: heard(False), 10.0, "its end")
