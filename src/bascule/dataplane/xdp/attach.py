# SPDX-License-Identifier: Apache-2.0
"""Which interfaces the XDP program sits on, and keeping it there.

The interfaces are the configured ones, or those by which the services' addresses and the real servers are reached.
Native mode where the driver has it, else generic. A link whose interface went away (index 0) or was made anew under
the same name is replaced; the table knows nothing of it.
"""

from __future__ import annotations

import errno
import ipaddress

from bascule.dataplane.xdp.loader import AttachMode, Director, LinkState
from bascule.dataplane.xdp.pins import Pins
from bascule.errors import KernelRefusedError
from bascule.linux import addresses, routes
from bascule.linux.links import Link
from bascule.linux.netlink import Netlink
from bascule.model.base import IPAddress
from bascule.model.configuration import Configuration, XdpMode
from bascule.model.status import AttachmentStatus

LOOPBACK = 1
"""The index of lo in every network namespace."""

_TAKEN = (errno.EBUSY, errno.EEXIST)


class Attachments:
    """The program's links in this network namespace."""

    def __init__(self, director: Director, pins: Pins) -> None:
        """Nothing is attached or adopted yet."""
        self._director = director
        self._pins = pins
        self.mode = XdpMode.AUTO
        self._wanted: tuple[str, ...] = ()
        self._notes: dict[str, str] = {}
        self._updated: set[str] = set()

    def place(self, names: tuple[str, ...], mode: XdpMode, links: dict[int, Link]) -> None:
        """Sit on exactly these interfaces. Raises KernelRefusedError and then stands where it stood before."""
        by_name = {link.name: link for link in links.values()}
        for name in names:
            if name not in by_name:
                raise KernelRefusedError(f"there is no interface {name} for the XDP director")
        stood = {name: self._stands(by_name[name]) for name in names}
        touched: list[str] = []
        try:
            for name in names:
                touched.append(name)
                if not self._settle(by_name[name], mode):
                    touched.remove(name)
        except KernelRefusedError:
            for name in touched:
                self._return(by_name[name], stood[name])
            raise
        for name in self._pins.interfaces():
            if name not in names:
                self._leave(name)
        self._wanted, self.mode = names, mode

    def keep(self, links: dict[int, Link]) -> None:
        """Replace links that were severed since; what cannot be replaced now is noted and tried again next time."""
        by_name = {link.name: link for link in links.values()}
        for name in self._wanted:
            if name not in by_name:
                self._notes[name] = "the interface is gone; the director returns with it"
                continue
            try:
                self._settle(by_name[name], self.mode)
            except KernelRefusedError as error:
                self._notes[name] = str(error)

    def indexes(self, links: dict[int, Link]) -> tuple[int, ...]:
        """The interfaces that are there now, by index."""
        return tuple(link.index for link in links.values() if link.name in self._wanted)

    def status(self, links: dict[int, Link]) -> tuple[AttachmentStatus, ...]:
        """Where the program sits, and what is to be said about it."""
        modes = {link.name: link.xdp for link in links.values()}
        return tuple(
            AttachmentStatus(interface=name, mode=modes.get(name) or "none", note=self._notes.get(name))
            for name in self._wanted
        )

    def _stands(self, link: Link) -> XdpMode | None:
        """The mode in which our program sits on this interface; None = it does not."""
        state = self._state(link.name)
        if state is None or state.ifindex != link.index or link.xdp is None:
            return None
        # Beside another program in the other mode the kernel says only that there are several.
        return next((mode for mode in XdpMode if mode.value == link.xdp), XdpMode.AUTO)

    def _return(self, link: Link, mode: XdpMode | None) -> None:
        """Sit on an interface as before a change that was refused: in this mode, or not at all."""
        if self._state(link.name) is not None:
            self._leave(link.name)
        if mode is None:
            return
        try:
            self._attach(link, mode)
        except KernelRefusedError as error:
            # The next look tries again.
            self._notes[link.name] = str(error)

    def _settle(self, link: Link, mode: XdpMode) -> bool:
        """Have the current program on one interface; True when it had to be put there (anew)."""
        state = self._state(link.name)
        if state is not None and state.ifindex == link.index and mode.value in (XdpMode.AUTO.value, link.xdp):
            if link.name not in self._updated:
                self._director.update_link(self._pins.link(link.name))
                self._updated.add(link.name)
            return False
        if state is not None:
            Director.detach(self._pins.link(link.name))
        self._attach(link, mode)
        return True

    def _attach(self, link: Link, mode: XdpMode) -> None:
        pin = self._pins.link(link.name)
        pin.parent.mkdir(parents=True, exist_ok=True)
        self._notes.pop(link.name, None)
        try:
            self._attach_as(link, mode)
        except KernelRefusedError:
            pin.parent.rmdir()
            raise
        self._updated.add(link.name)

    def _attach_as(self, link: Link, mode: XdpMode) -> None:
        """Native where it can be had, unless a mode is asked for."""
        try:
            self._try(link, AttachMode.GENERIC if mode is XdpMode.GENERIC else AttachMode.NATIVE)
        except KernelRefusedError as error:
            if mode is not XdpMode.AUTO or getattr(error, "errno", None) in _TAKEN:
                raise
            self._try(link, AttachMode.GENERIC)
            self._notes[link.name] = f"generic mode, slower: native XDP was refused ({error})"

    def _try(self, link: Link, mode: AttachMode) -> None:
        try:
            self._director.attach(link.index, mode, self._pins.link(link.name))
        except KernelRefusedError as error:
            number = getattr(error, "errno", None)
            if number in _TAKEN:
                hint = "another XDP program sits there; `ip link set dev {0} xdp off` takes it off"
                raise _refused(f"{link.name}: {hint.format(link.name)} ({error})", number) from error
            raise _refused(f"{link.name}: {error}", number) from error

    def _leave(self, name: str) -> None:
        pin = self._pins.link(name)
        Director.detach(pin)
        pin.parent.rmdir()
        self._updated.discard(name)
        self._notes.pop(name, None)

    def _state(self, name: str) -> LinkState | None:
        pin = self._pins.link(name)
        return Director.link_state(pin) if pin.exists() else None


def wanted_interfaces(configuration: Configuration, netlink: Netlink, links: dict[int, Link]) -> tuple[str, ...]:
    """The configured interfaces, or those by which the services' addresses and the real servers are reached."""
    if configuration.options.xdp_interfaces:
        return configuration.options.xdp_interfaces
    virtual = {server.id.address for server in configuration.virtual_servers}
    real = {each.address for server in configuration.virtual_servers for each in server.real_servers}
    assigned = addresses.dump(netlink)
    indexes = {_index_of(address, assigned, netlink) for address in virtual}
    indexes |= {_reached_by(address, netlink) for address in real}
    names = tuple(sorted(links[index].name for index in indexes if index in links and index != LOOPBACK))
    if configuration.virtual_servers and not names:
        raise KernelRefusedError(
            "no interface reaches the services' addresses or the real servers: bring one up, or say `xdp_interface`"
        )
    return names


def _index_of(address: IPAddress, assigned: list[addresses.InterfaceAddress], netlink: Netlink) -> int | None:
    """The interface on whose segment a virtual address lies, whether or not this director holds it now."""
    for entry in assigned:
        network = ipaddress.ip_network(f"{entry.address}/{entry.prefix_length}", strict=False)
        if entry.index != LOOPBACK and network.num_addresses > 1 and address in network:
            return entry.index
    for entry in assigned:
        if entry.address == address and entry.index != LOOPBACK:
            return entry.index
    return _reached_by(address, netlink)


def _reached_by(address: IPAddress, netlink: Netlink) -> int | None:
    route = routes.reach(netlink, address)
    return route.index if route is not None and not route.local else None


def _refused(text: str, number: int | None) -> KernelRefusedError:
    error = KernelRefusedError(text)
    error.errno = number  # type: ignore[attr-defined]
    return error
