# SPDX-License-Identifier: Apache-2.0
"""The interfaces that instances live on: their sockets, what the kernel says of them, and this host's addresses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from bascule.daemon.roles.vrrp_refusals import Refusals
from bascule.errors import ConfigurationError, KernelRefusedError
from bascule.linux import addresses, interfaces
from bascule.linux.addresses import InterfaceAddress
from bascule.linux.announce import Announcer
from bascule.linux.interfaces import Interface
from bascule.linux.netlink import Netlink, NetlinkMessage
from bascule.linux.rawsocket import AH, RawSocket, open_socket, open_whole
from bascule.model.base import IPAddress
from bascule.model.configuration import VrrpInstance

_ETHERNET_ADDRESS = 6


class Port:
    """One interface. Its sockets belong to one incarnation of it: `refresh` opens new ones for the next."""

    def __init__(self, found: Interface) -> None:
        """Nothing is heard yet: `listen` opens what hears."""
        self.facts = found
        self.refusals = Refusals()
        """Packets that could not be told to belong to an instance."""
        self.sockets: dict[int, RawSocket] = {}
        """By IP version: the kernel may not have both, and an interface may only carry addresses.

        Under `AH` the one for IPv4 packets with an authentication header.
        """
        self._listening: list[tuple[IPAddress, bool]] = []
        self._opened_for = (found.index, found.hardware_address)

    def listen(self, group: IPAddress, authenticated: bool = False) -> None:
        """Have a socket for adverts to a group, or by unicast over its IP version. Raises KernelRefusedError.

        `authenticated`: for those behind an authentication header.
        """
        if (group, authenticated) in self._listening:
            return
        key = AH if authenticated else group.version
        opened = self.sockets.get(key)
        if opened is not None:
            opened.join(group)
        elif authenticated:
            self.sockets[key] = open_whole(self.name, group)
        else:
            self.sockets[key] = open_socket(self.name, group.version, group)
        self._listening.append((group, authenticated))

    @property
    def name(self) -> str:
        """The interface's name."""
        return self.facts.name

    @property
    def groups(self) -> tuple[IPAddress, ...]:
        """The multicast groups of the instances here, also of those that speak by unicast."""
        return tuple(group for group, _ in self._listening)

    @property
    def up(self) -> bool:
        """Whether the interface is up and has a carrier."""
        return self.facts.up and self.facts.running

    def refresh(self, found: Interface) -> None:
        """Take over what the kernel says now.

        An interface that was made anew gets new sockets; one that is gone again before it has them counts as down.
        """
        self.facts = found
        if not found.up or (found.index, found.hardware_address) == self._opened_for:
            return
        try:
            fresh = _opened(found, self._listening)
        except KernelRefusedError:
            self.facts = dataclasses.replace(found, up=False, running=False)
            return
        self.close()
        self.sockets, self._opened_for = fresh.sockets, fresh._opened_for

    def close(self) -> None:
        """Close the sockets."""
        for opened in self.sockets.values():
            opened.close()


def _opened(found: Interface, listening: Iterable[tuple[IPAddress, bool]]) -> Port:
    """All sockets of an interface or none. Raises KernelRefusedError."""
    port = Port(found)
    try:
        for group, authenticated in listening:
            port.listen(group, authenticated)
    except KernelRefusedError:
        port.close()
        raise
    return port


@dataclasses.dataclass(slots=True, frozen=True)
class Changes:
    """What a round of the kernel's messages changed."""

    ports: frozenset[str]
    """Interfaces in use whose link or addresses changed."""
    lost: tuple[InterfaceAddress, ...]
    """Addresses that were taken off."""


class Ports:
    """All interfaces in use, by name, and every address of the network namespace."""

    def __init__(self, netlink: Netlink) -> None:
        """Read the addresses, and open what announces. Raises KernelRefusedError."""
        self._netlink = netlink
        self._ports: dict[str, Port] = {}
        self._addresses: dict[tuple[int, IPAddress, int], InterfaceAddress] = {}
        self._own: dict[int, frozenset[IPAddress]] = {}
        self._read_addresses()
        self._announcer = Announcer()

    def __iter__(self) -> Iterator[Port]:
        return iter(tuple(self._ports.values()))

    @property
    def local(self) -> frozenset[IPAddress]:
        """Every address of this host."""
        return self._local

    def own(self, port: Port) -> frozenset[IPAddress]:
        """The addresses that nobody else can have who is heard on `port`: link-local ones count on their own link.

        Worked out once after each change, because every packet asks.
        """
        here = port.facts.index
        if here not in self._own:
            entries = self._addresses.values()
            self._own[here] = frozenset(e.address for e in entries if e.index == here or not e.address.is_link_local)
        return self._own[here]

    def holds(self, index: int, address: IPAddress) -> bool:
        """Whether an interface, by number, has an address."""
        return any(entry.index == index and entry.address == address for entry in self._addresses.values())

    def _settle(self) -> None:
        self._local = frozenset(entry.address for entry in self._addresses.values())
        self._own.clear()

    def lasting(self, name: str) -> frozenset[IPAddress]:
        """The addresses without a lifetime of an interface in use."""
        index = self.require(name).facts.index
        found = (entry for entry in self._addresses.values() if entry.index == index)
        return frozenset(entry.address for entry in found if entry.lifetime is None)

    def get(self, name: str) -> Port | None:
        """The port of an interface in use."""
        return self._ports.get(name)

    def require(self, name: str) -> Port:
        """The port of an interface, opened if it is not in use yet.

        Raises ConfigurationError that names the interface when there is none.
        """
        if name not in self._ports:
            found = interfaces.find(self._netlink, name)
            if found is None:
                raise ConfigurationError(f"there is no interface {name}")
            self._ports[name] = Port(found)
        return self._ports[name]

    def keep(self, names: Iterable[str]) -> None:
        """Close every port but these."""
        for name in set(self._ports) - set(names):
            self._ports.pop(name).close()

    def announce(self, name: str, address: IPAddress) -> None:
        """Send one gratuitous ARP or neighbour advertisement on an interface in use. Raises KernelRefusedError.

        An interface without Ethernet has nobody to tell.
        """
        hardware_address = self.require(name).facts.hardware_address
        if len(hardware_address) == _ETHERNET_ADDRESS:
            self._announcer.announce(name, hardware_address, address)

    def close(self) -> None:
        """Close everything."""
        self.keep(())
        self._announcer.close()

    def source(self, port: Port, virtual: frozenset[IPAddress], entry: VrrpInstance) -> IPAddress | None:
        """Where an instance's adverts come from: the configured address if this host has it, else that of its ipvlan,
        else the interface's first one; over IPv6 a link-local one, unless its unicast peers are elsewhere.

        Never a virtual address: the kernel drops packets from a source that is local, so two actives that both had
        it would be deaf to each other. None = there is no such address, or not the one that unicast peers expect.
        """
        wanted = entry.unicast_source if entry.unicast_peers else entry.multicast_source
        if wanted is None and entry.ipvlan is not None:
            wanted = entry.ipvlan.address
        if wanted is not None and wanted in self._local and wanted not in virtual:
            return wanted
        if wanted is not None and entry.unicast_peers:
            return None
        near = all(peer.address.is_link_local for peer in entry.unicast_peers)
        return addresses.primary(self._addresses.values(), port.facts.index, virtual, entry.family, near)

    def read_addresses(self) -> None:
        """Read all addresses anew, because some were put that the next step needs. Raises KernelRefusedError."""
        self._read_addresses()

    def update(self, messages: Iterable[NetlinkMessage], complete: bool, virtual: frozenset[IPAddress]) -> Changes:
        """Take in what the kernel reported; when some of it was lost, read everything anew.

        Virtual addresses that come are no news of their port: adverts are never sent from them.
        """
        if not complete:
            return self._resync()
        touched: set[str] = set()
        lost: list[InterfaceAddress] = []
        others = False
        for message in messages:
            link = interfaces.parse(message)
            if link is not None:
                touched |= self._link(link)
            entry = addresses.parse(message)
            if entry is not None:
                gone = message.kind == addresses.DELETE_ADDRESS
                others |= self._note(entry, gone)
                touched |= self._ports_of(entry) if entry.address not in virtual else set()
                lost += [entry] if gone else []
        if others:
            self._settle()
        return Changes(frozenset(touched), tuple(lost))

    def look_at(self, names: Iterable[str]) -> None:
        """Take over at once what the kernel says of some interfaces in use. Raises KernelRefusedError."""
        for port in [self._ports[name] for name in names if name in self._ports]:
            found = interfaces.find(self._netlink, port.name)
            port.refresh(found or dataclasses.replace(port.facts, up=False, running=False))

    def _link(self, link: Interface) -> set[str]:
        port = self._ports.get(link.name)
        if port is None:
            return set()
        port.refresh(link)
        return {link.name}

    def _ports_of(self, entry: InterfaceAddress) -> set[str]:
        return {port.name for port in self._ports.values() if port.facts.index == entry.index}

    def _note(self, entry: InterfaceAddress, gone: bool) -> bool:
        """Whether this host has other addresses now: one that is renewed is reported too."""
        key = (entry.index, entry.address, entry.prefix_length)
        if gone:
            return self._addresses.pop(key, None) is not None
        known = key in self._addresses
        self._addresses[key] = entry
        return not known

    def _resync(self) -> Changes:
        before = dict(self._addresses)
        self._read_addresses()
        self.look_at(self._ports)
        lost = tuple(entry for key, entry in before.items() if key not in self._addresses)
        return Changes(frozenset(self._ports), lost)

    def _read_addresses(self) -> None:
        found = addresses.dump(self._netlink)
        self._addresses = {(entry.index, entry.address, entry.prefix_length): entry for entry in found}
        self._settle()
