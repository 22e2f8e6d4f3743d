# SPDX-License-Identifier: Apache-2.0
"""Tracked interfaces: up with a carrier, or not (`track_interface` of keepalived.conf(5)). Addresses do not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bascule.linux import interfaces
from bascule.linux.interfaces import DELETE_LINK, Interface
from bascule.linux.netlink import Netlink, NetlinkMessage


def words_for(found: Interface | None) -> str:
    """How an interface is, in words that stand after its name."""
    if found is None:
        return "does not exist"
    if not found.up:
        return "is set down"
    return "is up" if found.running else "has no carrier"


class Links:
    """The interfaces that are tracked."""

    def __init__(self, netlink: Netlink, report: Callable[[str, bool, str], None]) -> None:
        """None yet; `report` gets name, state and words of each."""
        self._netlink = netlink
        self._report = report
        self._names: frozenset[str] = frozenset()

    def configure(self, names: Iterable[str]) -> None:
        """Track these, and look at each. Raises KernelRefusedError."""
        self._names = frozenset(names)
        for name in sorted(self._names):
            self._tell(name, interfaces.find(self._netlink, name))

    def update(self, messages: Iterable[NetlinkMessage], complete: bool) -> None:
        """Take in what the kernel reported; when some of it was lost, look again. Raises KernelRefusedError."""
        if not complete:
            self.configure(self._names)
            return
        for message in messages:
            found = interfaces.parse(message)
            if found is not None and found.name in self._names:
                self._tell(found.name, None if message.kind == DELETE_LINK else found)

    def _tell(self, name: str, found: Interface | None) -> None:
        self._report(name, found is not None and found.up and found.running, words_for(found))
