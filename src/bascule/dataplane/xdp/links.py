# SPDX-License-Identifier: Apache-2.0
"""XDP links: a program on an interface, pinned so that it outlives us. Mechanism, no policy."""

from __future__ import annotations

import ctypes
import dataclasses
import enum
import os
from pathlib import Path

from bascule.dataplane.xdp.libbpf import LinkCreateOptions, check, get_pinned, library, link_info, pin

BPF_XDP = 37


class AttachMode(enum.Enum):
    """Where the program runs; values are the kernel's flags (XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE)."""

    GENERIC = 2
    NATIVE = 4


@dataclasses.dataclass(frozen=True, slots=True)
class LinkState:
    """What a pinned link holds."""

    ifindex: int
    """0: severed, the interface is gone."""
    program_id: int


def attach(program: int, ifindex: int, mode: AttachMode, path: Path) -> None:
    """Attach and pin. BpfError: EBUSY another program sits there, EOPNOTSUPP the driver has no native mode."""
    options = LinkCreateOptions(sz=ctypes.sizeof(LinkCreateOptions), flags=mode.value)
    result = library().bpf_link_create(program, ifindex, BPF_XDP, ctypes.byref(options))
    descriptor = check(result, f"cannot attach an XDP program to interface {ifindex} in {mode.name.lower()} mode")
    try:
        pin(descriptor, path)
    finally:
        os.close(descriptor)


def update(program: int, path: Path) -> None:
    """Put another program into a pinned link; no packet meets an interface without one."""
    descriptor = get_pinned(path)
    try:
        check(library().bpf_link_update(descriptor, program, None), f"cannot update the link {path}")
    finally:
        os.close(descriptor)


def state(path: Path) -> LinkState:
    """What the pinned link holds now."""
    descriptor = get_pinned(path)
    try:
        info = link_info(descriptor)
        return LinkState(ifindex=int(info.ifindex), program_id=int(info.prog_id))
    finally:
        os.close(descriptor)


def detach(path: Path) -> None:
    """Take the program off its interface, and the pin away. A severed link loses its pin only."""
    descriptor = get_pinned(path)
    try:
        if link_info(descriptor).ifindex:
            check(library().bpf_link_detach(descriptor), f"cannot detach the link {path}")
    finally:
        os.close(descriptor)
    path.unlink()
