# SPDX-License-Identifier: Apache-2.0
"""The kernel's news: links that went or came, addresses and routes that others took off, our own interfaces removed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_alarm import Bell
from bascule.daemon.roles.vrrp_footing import Footing
from bascule.daemon.roles.vrrp_hands import Hands
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_ports import Changes, Ports
from bascule.daemon.roles.vrrp_virtual_mac import VirtualLinks
from bascule.daemon.roles.vrrp_watch import Watch
from bascule.errors import KernelRefusedError
from bascule.linux.netlink import NetlinkMessage


class News:
    """What others did is mended here; what instances are to know of it they are told by `refreshed`."""

    def __init__(
        self,
        log: Log,
        watch: Watch,
        ports: Ports,
        links: VirtualLinks,
        hands: Hands,
        footing: Footing,
        bell: Bell,
        instances: Mapping[str, Instance],
        refreshed: Callable[[Instance, bool], None],
    ) -> None:
        """`refreshed`: something of an instance's interfaces is another; true = the address that it sends from is."""
        self._log = log
        self._watch = watch
        self._ports = ports
        self._links = links
        self._hands = hands
        self._footing = footing
        self._bell = bell
        self._instances = instances
        self._refreshed = refreshed

    def take(self, messages: Collection[NetlinkMessage], complete: bool) -> None:
        """Take in what changed in the kernel; not `complete` = some of it was lost."""
        try:
            self._watch.kernel(messages, complete)
            changes = self._ports.update(messages, complete, self._footing.virtual)
        except KernelRefusedError as error:
            self._log.error("interfaces_not_read", error=error)
            return
        self._links.put_back(changes.lost)
        made = self._mend(changes.ports)
        for instance in tuple(self._instances.values()) if changes.ports else ():
            if changes.ports.intersection(instance.interfaces):
                self._refresh(instance)
        self._put_back(changes, made)
        self._hands.routes.put_back(messages, complete)

    def _mend(self, changed: Collection[str]) -> frozenset[str]:
        """Make our own interfaces that are gone again, and open them before anybody misses them."""
        made = self._links.mend(changed)
        self._ports.look_at(made)
        self._hands.again(made)
        if made:
            self._ports.read_addresses()
        return made

    def _refresh(self, instance: Instance) -> None:
        """Follow an interface: its carrier, and the address that adverts come from."""
        source = self._footing.source(instance.config, instance.owned)
        moved = source is not None and source != instance.source
        if source is not None and moved:
            instance.move(source)
        self._refreshed(instance, moved)

    def _put_back(self, changes: Changes, made: frozenset[str]) -> None:
        for owner, taken in self._hands.put_back(changes.lost, made).items():
            self._instances[owner].announce(1, boottime())
            for each in taken:
                self._bell.taken(self._instances[owner], each.placed, each.by)
