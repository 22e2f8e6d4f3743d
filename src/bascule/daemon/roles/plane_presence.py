# SPDX-License-Identifier: Apache-2.0
"""Which addresses this machine holds now, watched by netlink: what `ha_suspend` goes by; needs no vrrp role."""

from __future__ import annotations

from bascule.linux import addresses
from bascule.linux.netlink import GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS, Monitor, Netlink
from bascule.model.base import IPAddress


class Presence:
    """The set of addresses, and the socket that says when to look again."""

    def __init__(self) -> None:
        """Listen first, then look, so that no change falls in between. Raises KernelRefusedError."""
        self._monitor = Monitor((GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS))
        self._netlink = Netlink()
        self.held: frozenset[IPAddress] = frozenset()
        self._look()

    def fileno(self) -> int:
        """Readable when addresses may have changed: then call `refresh`."""
        return self._monitor.fileno()

    def refresh(self) -> bool:
        """Look again; whether the set has changed."""
        self._monitor.receive()
        before = self.held
        self._look()
        return self.held != before

    def _look(self) -> None:
        self.held = frozenset(entry.address for entry in addresses.dump(self._netlink))

    def close(self) -> None:
        """Close both sockets."""
        self._monitor.close()
        self._netlink.close()
