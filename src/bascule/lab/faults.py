# SPDX-License-Identifier: Apache-2.0
"""Faults that a demonstration must notice: injected on purpose, to see that it can fail."""

from __future__ import annotations

import ctypes
import enum
import os
import pathlib

from bascule.errors import KernelRefusedError
from bascule.lab.directors import Director
from bascule.lab.network import LabHost, pass_object
from bascule.lab.waiting import wait_for
from bascule.model.base import IPAddress

INTERFACE = "eth0"
TAKE_SECONDS = 5.0
LIBBPF = "libbpf.so.1"


class Fault(enum.Enum):
    """What `--fault` takes."""

    SINK = "sink"
    """No director's mail relay listens."""
    VIP = "vip"
    """The first real server loses the VIP on its loopback."""
    XDP = "xdp"
    """Another program takes the first director's interface from it for some seconds."""


def take_address_off(host: LabHost, address: IPAddress) -> None:
    """Remove the VIP from a real server's loopback, behind everybody's back."""
    host.run(["ip", "address", "del", f"{address}/32", "dev", "lo"])


def take_interface(director: Director) -> None:
    """Sever the director's XDP link and put a program there that passes everything to the stack.

    Raises WaitedTooLongError when the director is always quicker to return.
    """
    wait_for(
        lambda: _taken(director), TAKE_SECONDS, f"another XDP program to get hold of {director.name}'s {INTERFACE}"
    )


def give_interface_back(director: Director) -> None:
    """Remove that program; the director may return."""
    director.host.run(["ip", "link", "set", INTERFACE, "xdp", "off"])


def _taken(director: Director) -> bool:
    for pin in director.run_dir.glob(f"bpf/*/links/{INTERFACE}/link"):
        _detach(pin)
    command = ["ip", "link", "set", INTERFACE, "xdp", "obj", str(pass_object()), "sec", "xdp"]
    return director.host.run(command, check=False).returncode == 0


def _detach(pin: pathlib.Path) -> None:
    """Detach a pinned bpf_link from its interface; the pin stays. Raises KernelRefusedError."""
    library = ctypes.CDLL(LIBBPF, use_errno=True)
    descriptor = library.bpf_obj_get(os.fsencode(pin))
    if descriptor < 0:
        raise KernelRefusedError(f"cannot open {pin}: {os.strerror(ctypes.get_errno())}")
    try:
        if library.bpf_link_detach(descriptor) < 0:
            raise KernelRefusedError(f"cannot detach {pin}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(descriptor)
