# SPDX-License-Identifier: Apache-2.0
"""Where the XDP director's maps and links are pinned: a BPF file system of our own below the run directory.

    <run>/bpf/                        a bpffs, mounted in the host's mount namespace: under `ip netns exec` /sys is
                                      mounted anew, and a bpffs mounted inside dies with the command
    <run>/bpf/<namespace>/maps/       the maps of one network namespace's director
    <run>/bpf/<namespace>/links/<interface>/link

The namespace is named by its cookie (SO_NETNS_COOKIE), which is never used twice.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import subprocess

from bascule.errors import KernelRefusedError
from bascule.linux import namespaces

BPF_FS_MAGIC = 0xCAFE4A11
COMMAND_SECONDS = 10.0
_MOUNT_FLAGS = 0x2 | 0x4 | 0x8
"""MS_NOSUID | MS_NODEV | MS_NOEXEC."""
_MOUNT_OPTIONS = "mode=0700"
_DETACH = 2
_HOST = "/proc/1/ns/mnt"
PROC = pathlib.Path("/proc")


class Pins:
    """The paths of the calling thread's network namespace below a run directory."""

    def __init__(self, run_dir: pathlib.Path) -> None:
        """Work out the paths; makes nothing."""
        self.root = run_dir / "bpf"
        self.namespace = namespace_name()
        self.folder = self.root / self.namespace
        self.maps = self.folder / "maps"
        self.links = self.folder / "links"
        self.rates = run_dir / "state" / f"rates-{self.namespace}"
        self.note: str | None = None
        """What is to be said about the mount."""

    def link(self, interface: str) -> pathlib.Path:
        """The pin of an interface's link."""
        return self.links / _escaped(interface) / "link"

    def interfaces(self) -> tuple[str, ...]:
        """The interfaces that have a pinned link."""
        if not self.links.is_dir():
            return ()
        return tuple(sorted(_plain(entry.name) for entry in self.links.iterdir() if (entry / "link").exists()))

    def prepare(self) -> None:
        """Mount the file system unless it is there, and make the folders. Raises KernelRefusedError."""
        self.root.mkdir(parents=True, exist_ok=True)
        if not is_bpf_mounted(self.root) and not _mount(self.root):
            self.note = (
                f"{self.root} is mounted in this mount namespace only: table and links end with its last process"
            )
        for folder in (self.maps, self.links):
            folder.mkdir(parents=True, exist_ok=True)

    def release(self) -> None:
        """Remove this namespace's empty folders, and the mount when no other namespace uses it."""
        for folder in (*_subfolders(self.links), self.links, self.maps, self.folder):
            if folder.is_dir():
                folder.rmdir()
        self.rates.unlink(missing_ok=True)
        # The kernel puts files of its own into a fresh bpffs; every folder is some namespace's.
        if is_bpf_mounted(self.root) and not _subfolders(self.root):
            _unmount(self.root)


def namespace_name() -> str:
    """The calling thread's network namespace: its cookie in decimal."""
    return str(namespaces.cookie())


def is_bpf_mounted(path: pathlib.Path) -> bool:
    """Whether `path` is on a BPF file system."""
    return path.is_dir() and _file_system(path) == BPF_FS_MAGIC


def _file_system(path: pathlib.Path) -> int:
    """f_type of statfs(2)."""
    buffer = ctypes.create_string_buffer(256)
    if _libc().statfs(os.fsencode(path), buffer) != 0:
        raise KernelRefusedError(f"{path}: {os.strerror(ctypes.get_errno())}")
    return ctypes.c_long.from_buffer(buffer).value & 0xFFFFFFFF


def _mount(path: pathlib.Path) -> bool:
    """Mount a bpffs in the host's mount namespace. False: that one cannot be reached from here, so it is in ours."""
    reached = _in_host_namespace()
    if not reached:
        _in_host(["mount", "-t", "bpf", "-o", f"nosuid,nodev,noexec,{_MOUNT_OPTIONS}", "bascule", os.fspath(path)])
        if is_bpf_mounted(path):
            return True
        _in_host(["umount", os.fspath(path)])
    if _libc().mount(b"bascule", os.fsencode(path), b"bpf", _MOUNT_FLAGS, _MOUNT_OPTIONS.encode()) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise KernelRefusedError(f"cannot mount a BPF file system on {path}: {reason}")
    return reached


def _unmount(path: pathlib.Path) -> None:
    if not _in_host_namespace():
        _in_host(["umount", os.fspath(path)])
    if is_bpf_mounted(path) and _libc().umount2(os.fsencode(path), _DETACH) != 0:
        raise KernelRefusedError(f"cannot unmount {path}: {os.strerror(ctypes.get_errno())}")


def _in_host_namespace(proc: pathlib.Path = PROC, process: int | None = None) -> bool:
    """Whether our mounts are the first process's; where we may not look at that one, our first ancestor's that we may.

    Our parent's alone would not do: under `ip netns exec` the supervisor has the same mounts as its roles.
    """
    process = process or os.getpid()
    own = found = os.readlink(proc / str(process) / "ns" / "mnt")
    while process > 1:
        process = _parent(proc, process)
        with contextlib.suppress(OSError):
            found = os.readlink(proc / str(process) / "ns" / "mnt")
    return found == own


def _parent(proc: pathlib.Path, process: int) -> int:
    """The parent's number, 0 above the first process; proc(5): after the name, which may hold anything."""
    try:
        return int((proc / str(process) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _in_host(command: list[str]) -> None:
    """Run a command among the host's mounts. What it could not do shows in what is mounted afterwards."""
    try:
        subprocess.run(
            ["nsenter", f"--mount={_HOST}", "--", *command], capture_output=True, timeout=COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KernelRefusedError(f"cannot reach the host's mounts ({' '.join(command)}): {error}") from error


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _subfolders(folder: pathlib.Path) -> tuple[pathlib.Path, ...]:
    return tuple(entry for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else ()


def _escaped(interface: str) -> str:
    """A BPF file system takes no dots in names, and VLANs are called eth0.100."""
    return interface.replace("%", "%25").replace(".", "%2e")


def _plain(name: str) -> str:
    return name.replace("%2e", ".").replace("%25", "%")
