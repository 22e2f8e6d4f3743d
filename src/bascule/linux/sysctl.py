# SPDX-License-Identifier: Apache-2.0
"""Kernel settings below /proc/sys, of the network namespace that the calling thread is in."""

from __future__ import annotations

import pathlib

from bascule.errors import KernelRefusedError

ROOT = pathlib.Path("/proc/sys")


def read(name: str) -> str:
    """The value of `name`, parts separated by slashes (`net/ipv4/conf/lo/arp_ignore`). Raises KernelRefusedError."""
    try:
        return (ROOT / name).read_text().strip()
    except OSError as error:
        raise KernelRefusedError(f"cannot read {name}: {error.strerror}") from error


def write(name: str, value: str | int) -> None:
    """Set `name`. Raises KernelRefusedError."""
    try:
        (ROOT / name).write_text(f"{value}\n")
    except OSError as error:
        raise KernelRefusedError(f"cannot set {name} to {value}: {error.strerror}") from error
