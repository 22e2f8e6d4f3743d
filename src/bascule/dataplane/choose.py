# SPDX-License-Identifier: Apache-2.0
"""Which data plane: `auto` or what the bascule block says; and whether this machine can run it."""

from __future__ import annotations

import pathlib

from bascule.dataplane.plane import Plane, PlaneReader
from bascule.dataplane.xdp.libbpf import library
from bascule.errors import ConfigurationError, KernelRefusedError
from bascule.linux import privileges
from bascule.model.configuration import Configuration, DataPlaneChoice

_CAPABILITIES = {12: "CAP_NET_ADMIN", 21: "CAP_SYS_ADMIN"}
"""What attaching programs, loading them and mounting their file system take."""


def preflight(proc: pathlib.Path = pathlib.Path("/proc"), system: pathlib.Path = pathlib.Path("/sys")) -> None:
    """Check what the kernel must offer, touching nothing. Raises KernelRefusedError naming what is missing."""
    held = privileges.effective(proc)
    missing = [name for bit, name in _CAPABILITIES.items() if not held >> bit & 1]
    if missing:
        raise KernelRefusedError(f"the XDP director needs root ({' and '.join(missing)} missing)")
    if "nodev\tbpf" not in (proc / "filesystems").read_text().splitlines():
        raise KernelRefusedError("the XDP director needs a kernel with BPF (CONFIG_BPF_SYSCALL); this one has none")
    if not (system / "kernel" / "btf" / "vmlinux").exists():
        raise KernelRefusedError("the XDP director needs a kernel with BTF (CONFIG_DEBUG_INFO_BTF); this one has none")
    library()


def open_plane(configuration: Configuration, run_dir: pathlib.Path) -> Plane:
    """The plane of this configuration, adopted or made anew, sitting where the configuration needs it.

    Raises ConfigurationError or KernelRefusedError; nothing is then half-done.
    """
    if configuration.options.data_plane is DataPlaneChoice.IPVS:
        raise ConfigurationError("data_plane ipvs is not built yet: say `data_plane xdp`, or leave it out")
    preflight()
    from bascule.dataplane.xdp.plane import XdpPlane

    plane = XdpPlane(run_dir, slots=configuration.options.connection_table_size)
    try:
        plane.configure(configuration)
    except KernelRefusedError:
        if plane.adopted:
            plane.close()
        else:
            plane.destroy()
        raise
    return plane


def open_reader(run_dir: pathlib.Path) -> PlaneReader:
    """The plane of this network namespace, read-only, whoever wrote it and whether or not that one lives.

    Raises KernelRefusedError when there is none.
    """
    from bascule.dataplane.xdp.reader import XdpReader

    return XdpReader(run_dir)
