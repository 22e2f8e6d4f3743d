# SPDX-License-Identifier: Apache-2.0
"""Settings of the whole network namespace that virtual MAC addresses need otherwise than they are by default.

Reverse-path filtering: an interface with virtual addresses must not have it, and cannot be without it as long as it is
set for all (ip-sysctl: the kernel uses the greater of `all` and the own).
Group reports: one that leaves with a virtual MAC tells the switches that this MAC is here, also when another director
is active. The groups of 224.0.0.0/24, VRRP's among them, need none (RFC 4541 2.1.2).
"""

from __future__ import annotations

from bascule.linux import sysctl

_FOLDER = "net/ipv4/conf"
_FILTER_ALL = f"{_FOLDER}/all/rp_filter"
_REPORTS = "net/ipv4/igmp_link_local_mcast_reports"


class CommonSettings:
    """What was changed, to be put back."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._before: dict[str, int] = {}

    def change(self) -> None:
        """Give each interface, present or future, the filter that is set for all, and set none for all; no reports.

        No interface's effective filter changes. Raises KernelRefusedError.
        """
        common = int(sysctl.read(_FILTER_ALL))
        if common:
            for entry in sorted((sysctl.ROOT / _FOLDER).iterdir()):
                name = f"{_FOLDER}/{entry.name}/rp_filter"
                if entry.name != "all" and int(sysctl.read(name)) < common:
                    sysctl.write(name, common)
            self._clear(_FILTER_ALL, common)
        if sysctl.read(_REPORTS) != "0":
            self._clear(_REPORTS, 1)

    def put_back(self) -> None:
        """What `change` found, unless somebody has set something else since. Raises KernelRefusedError."""
        while self._before:
            name, value = self._before.popitem()
            if sysctl.read(name) == "0":
                sysctl.write(name, value)

    def _clear(self, name: str, value: int) -> None:
        self._before.setdefault(name, value)
        sysctl.write(name, 0)
