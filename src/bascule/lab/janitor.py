# SPDX-License-Identifier: Apache-2.0
"""Taking labs down: processes, mounts, namespaces and folders, of our own lab or of one whose owner died.

Everything that a lab makes carries its owner's name: process id and start time, so that a number used anew is no alibi.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
from collections.abc import Iterable

from bascule.lab.waiting import wait_for
from bascule.linux import namespaces

PREFIX = "bascule"
FOLDER = pathlib.Path("/run/bascule-lab")
"""Each lab's scratch folder: `FOLDER/<owner>`."""

END_SECONDS = 10.0
COMMAND_SECONDS = 10.0


def owner() -> str:
    """This process as an owner: `<pid>-<start in clock ticks since boot>`."""
    started = _started(os.getpid())
    assert started is not None
    return f"{os.getpid()}-{started}"


def alive(name: str) -> bool:
    """Whether the owner `name` still runs."""
    pid, _, started = name.partition("-")
    return pid.isdigit() and _started(int(pid)) == started


def _started(pid: int) -> str | None:
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name, in parentheses, may hold spaces; what follows it does not. Field 22 is the start time.
    return text.rpartition(")")[2].split()[19]


def namespace_name(owned_by: str, host: str) -> str:
    """The name of a host's namespace: `bascule-<owner>-<host>`."""
    return f"{PREFIX}-{owned_by}-{host}"


def namespaces_of(owned_by: str) -> tuple[str, ...]:
    """The namespaces that exist of this owner."""
    return tuple(name for name in namespaces.names() if name.startswith(f"{PREFIX}-{owned_by}-"))


def owners() -> tuple[str, ...]:
    """Every owner of whom a namespace or a folder exists, dead or alive."""
    found = set(os.listdir(FOLDER)) if FOLDER.is_dir() else set()
    for name in namespaces.names():
        parts = name.split("-", 3)
        if len(parts) == 4 and parts[0] == PREFIX and parts[1].isdigit() and parts[2].isdigit():
            found.add(f"{parts[1]}-{parts[2]}")
    return tuple(sorted(found))


def kill_processes(namespace: str) -> tuple[int, ...]:
    """SIGKILL to every process of a namespace at once, and wait until all are gone; returns who they were.

    All are stopped first: else the first one's end is seen by the others, who may still say good-bye.
    """
    pids = namespaces.processes(namespace)
    _signal(pids, signal.SIGSTOP)
    _signal(pids, signal.SIGKILL)
    wait_for(lambda: not _running(namespace), END_SECONDS, f"the processes of {namespace} to end")
    return pids


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _running(namespace: str) -> tuple[int, ...]:
    """The namespace's processes; killed again if some were born meanwhile. A zombie has no namespace any more."""
    pids = namespaces.processes(namespace)
    _signal(pids, signal.SIGKILL)
    return pids


def take_down(owned_by: str) -> None:
    """End everything of one owner: processes, mounts below its folder, namespaces with their links, the folder."""
    names = namespaces_of(owned_by)
    for name in names:
        kill_processes(name)
    folder = FOLDER / owned_by
    for mount in _mounts_below(folder):
        subprocess.run(["umount", "--lazy", mount], check=True, timeout=COMMAND_SECONDS)
    for name in names:
        namespaces.remove(name)
    if folder.exists():
        shutil.rmtree(folder)


def sweep() -> tuple[str, ...]:
    """Take down every lab whose owner is dead; returns those owners. While another sweeps, it is left to that one."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lock = os.open(FOLDER, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if not _locked(lock):
            return ()
        dead = tuple(name for name in owners() if not alive(name))
        for name in dead:
            take_down(name)
        return dead
    finally:
        os.close(lock)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _mounts_below(folder: pathlib.Path) -> list[str]:
    """Mount points below `folder`, the innermost first. The lab's folder has no character that the kernel escapes."""
    points = [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), key=len, reverse=True)
