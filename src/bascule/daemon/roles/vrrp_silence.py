# SPDX-License-Identifier: Apache-2.0
"""`no_accept`: an active that is not the owner (priority 255) does not take what is sent to its virtual addresses
(RFC 9568 6.1, Accept_Mode). ARP and neighbour discovery for them are answered all the same; what is forwarded passes.

The kernel's packet filter does it, in a table of ours that is there only while it has something to drop.
"""

from __future__ import annotations

from collections.abc import Iterable

from bascule.daemon.log import Log
from bascule.errors import KernelRefusedError
from bascule.linux import nftables
from bascule.model.base import IPAddress


class Silence:
    """Which addresses do not answer, by instance."""

    def __init__(self, log: Log) -> None:
        """All answer."""
        self._log = log
        self._quiet: dict[str, frozenset[IPAddress]] = {}
        self._kept = frozenset[IPAddress]()

    def keep(self, owner: str, addresses: Iterable[IPAddress]) -> None:
        """Have `owner`'s addresses answer nothing, and those of before that are not among them answer again.

        To be called before they are put on, and with none after they were taken off.
        """
        wanted = frozenset(addresses)
        if wanted == self._quiet.get(owner, frozenset()):
            return
        self._quiet[owner] = wanted
        every = frozenset().union(*self._quiet.values())
        if every == self._kept:
            return
        try:
            nftables.drop_for(every)
        except KernelRefusedError as error:
            self._log.error("no_accept_not_kept", instance=owner, why=error)
        else:
            self._kept = every

    def clear(self) -> None:
        """Take away what a predecessor that was killed may have left. A kernel without such a filter has nothing."""
        try:
            nftables.drop_for(())
        except KernelRefusedError as error:
            self._log.debug("no_packet_filter", why=error)
