# SPDX-License-Identifier: Apache-2.0
"""Work that keeps a machine busy: on each processor one process that reckons, one that copies memory, one that starts
processes, one that writes to a disk, one that makes and removes a network namespace with interfaces, as containers do.
All have ordinary priority, and an end: their parent's, or the with-block's.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

MEMORY = 64 << 20
FILE = 32 << 20
PIECE = 1 << 20
CHILDREN = 16
"""Processes that one of the third kind has at a time."""

LINKS = b"link add name a type veth peer name b\nlink set dev a up\nlink set dev b up\n"
PAUSE = 0.05
"""Seconds between two such: the kernel goes on with their end when nobody waits for it any more."""

END_SECONDS = 10.0


def reckon() -> None:
    """Nothing but arithmetic, some tens of milliseconds of it."""
    number = 1
    for step in range(200_000):
        number = (number * 6364136223846793005 + step) & 0xFFFFFFFFFFFFFFFF


def copy(memory: bytearray) -> None:
    """All of it from one half to the other: more than a cache holds."""
    half = len(memory) // 2
    memory[:half] = memory[half:]


def fork() -> None:
    """A handful of processes that end at once."""
    children = []
    for _ in range(CHILDREN):
        child = os.fork()
        if child == 0:
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def write(file: pathlib.Path) -> None:
    """A file, anew, down to the disk."""
    with file.open("wb") as opened:
        for _ in range(FILE // PIECE):
            opened.write(os.urandom(PIECE))
        opened.flush()
        os.fsync(opened.fileno())


def link() -> None:
    """A network namespace that has a pair of interfaces, and ends at once."""
    command = ["unshare", "--net", "ip", "-batch", "-"]
    subprocess.run(command, input=LINKS, stdout=subprocess.DEVNULL, timeout=END_SECONDS, check=False)
    time.sleep(PAUSE)


KINDS: dict[str, Callable[[pathlib.Path], Callable[[], None]]] = {
    "arithmetic": lambda _: reckon,
    "memory": lambda _: functools.partial(copy, bytearray(os.urandom(PIECE)) * (MEMORY // PIECE)),
    "processes": lambda _: fork,
    "interfaces": lambda _: link,
    "writing": lambda file: functools.partial(write, file),
}


def labour(kind: str, processor: int, file: pathlib.Path, parent: int) -> None:
    """Be one of these processes, until its parent is another."""
    os.sched_setaffinity(0, {processor})
    work = KINDS[kind](file)
    while os.getppid() == parent:
        work()


@contextlib.contextmanager
def loaded(folder: pathlib.Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Every processor has one of each kind, for the length of the block; `folder` is on the disk that is written to."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for processor in sorted(os.sched_getaffinity(0)):
            for kind in KINDS:
                file = folder / f"load-{processor}-{kind}"
                command = [sys.executable, "-m", __name__, kind, str(processor), str(file)]
                running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))
        yield running
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.wait(END_SECONDS)


if __name__ == "__main__":
    labour(sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3]), os.getppid())
