# SPDX-License-Identifier: Apache-2.0
"""Tests in a guest: Debian's user-mode Linux, a kernel that runs as a program, with this machine's files as its own.

For what the kernel that tests run on may lack. `Guest.run` boots one, runs pytest in it and gives its output; started
by the kernel as its first process, this file is the guest's inside: it needs nothing but Python's library then.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import signal
import subprocess
import sys

KERNEL = "linux.uml"
MODULES = pathlib.Path("/usr/lib/uml/modules")
MEMORY = "1G"
WORKERS = "2"
"""Tests at a time: they wait most of theirs, and the guest has one processor."""

_FINIT_MODULE = 313
_OUTPUT, _STATUS = "guest.log", "guest.status"


class Guest:
    """A kernel with some of its modules; ends with its run."""

    def __init__(self, folder: pathlib.Path, modules: tuple[str, ...]) -> None:
        """`folder` is where it writes."""
        self._folder = folder
        self._modules = modules

    def run(self, tests: pathlib.Path, seconds: float) -> tuple[int | None, str]:
        """The exit status of a pytest run of a file in a guest (None: it did not come to its end), and its output."""
        init = self._folder / "init"
        inside = [sys.executable, __file__, str(self._folder), ",".join(self._modules), sys.executable, str(tests)]
        init.write_text(f"#!/bin/sh\nexec {' '.join(inside)}\n")
        init.chmod(0o755)
        command = [KERNEL, f"mem={MEMORY}", "rootfstype=hostfs", "rootflags=/", "rw", "quiet", "con=null"]
        command += ["con0=null,fd:1", f"init={init}"]
        with (self._folder / "kernel.log").open("wb") as output:
            kernel = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "TMPDIR": str(self._folder)},
            )
            try:
                kernel.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
            finally:
                _end(kernel.pid)
        status = self._folder / _STATUS
        told = "".join(
            file.read_text(errors="replace")
            for file in (self._folder / "kernel.log", self._folder / _OUTPUT)
            if file.exists()
        )
        return int(status.read_text()) if status.exists() else None, told


def _end(group: int) -> None:
    """A guest is a group of processes."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
    os.waitpid(group, 0) if _is_child(group) else None


def _is_child(process: int) -> bool:
    try:
        os.waitpid(process, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def load(names: list[str]) -> None:
    """Load modules and what they need, in the guest."""
    root = MODULES / os.uname().release
    needs: dict[str, list[str]] = {}
    for line in (root / "modules.dep").read_text().splitlines():
        path, _, others = line.partition(":")
        needs[pathlib.Path(path).stem] = [*reversed(others.split()), path]
    library = ctypes.CDLL(None, use_errno=True)
    loaded: set[str] = set()
    for path in [path for name in names for path in needs[name]]:
        if path in loaded:
            continue
        loaded.add(path)
        with (root / path).open("rb") as module:
            if library.syscall(_FINIT_MODULE, module.fileno(), b"", 0) != 0:
                raise OSError(ctypes.get_errno(), f"load {path}")


def _inside(folder: pathlib.Path, modules: list[str], python: str, tests: str) -> int:
    """The guest's first process. Returns what pytest does."""
    os.environ |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    mounts = (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run"))
    with (folder / _OUTPUT).open("wb") as output:
        for kind, where in mounts:
            subprocess.run(["mount", "-t", kind, kind, where], stdout=output, stderr=output, check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], stdout=output, stderr=output, check=True)
        load(modules)
        command = [python, "-m", "pytest", "-q", "-n", WORKERS, "-p", "no:cacheprovider", tests]
        done = subprocess.run(command, stdout=output, stderr=output, check=False, cwd=pathlib.Path(__file__).parents[2])
    return done.returncode


if __name__ == "__main__":
    _folder = pathlib.Path(sys.argv[1])
    try:
        (_folder / _STATUS).write_text(str(_inside(_folder, sys.argv[2].split(","), *sys.argv[3:])))
    finally:
        subprocess.run(["sync"], check=False)
        pathlib.Path("/proc/sysrq-trigger").write_text("o")
        signal.pause()
