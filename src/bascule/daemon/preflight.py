# SPDX-License-Identifier: Apache-2.0
"""What this machine must offer before a director touches anything: rights, kernel. One line names what is missing.

What the data plane needs beyond that is bascule.dataplane.choose's to know.
"""

from __future__ import annotations

import os
import re
import sys

from bascule.errors import KernelRefusedError
from bascule.linux import privileges

KERNEL_MIN = (5, 10)
"""Debian 11's; pidfd_open(2) is 5.3, MCL_ONFAULT 4.4, close-on-exec everywhere."""

CAPABILITIES: dict[str, int] = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}
"""Needed by every director (capabilities(7), capability.h)."""


def check() -> None:
    """Raise KernelRefusedError, naming all that is missing in one line; returns when nothing is."""
    missing = [*_platform(), *_rights()]
    if missing:
        raise KernelRefusedError("cannot run: " + "; ".join(missing))


def _platform() -> list[str]:
    if sys.platform != "linux":
        return [f"a director needs Linux, this is {sys.platform}"]
    release = os.uname().release
    found = re.match(r"(\d+)\.(\d+)", release)
    if found is None or (int(found[1]), int(found[2])) < KERNEL_MIN:
        return [f"kernel {KERNEL_MIN[0]}.{KERNEL_MIN[1]} or later is needed, this is {release}"]
    return []


def _rights() -> list[str]:
    if os.geteuid() != 0:
        return [f"root is needed, this is user {os.geteuid()}"]
    held = privileges.effective()
    lacking = [name for name, bit in CAPABILITIES.items() if not held >> bit & 1]
    return [f"root without {' and '.join(lacking)}"] if lacking else []
