# SPDX-License-Identifier: Apache-2.0
"""Where instances work: by which interfaces they speak, where their addresses are, and what has to be made for that.

Decisions only; vrrp_virtual_mac.py makes the interfaces. As keepalived 2.2.7 has it: an address with `use_vmac` is on
a macvlan of its own interface, unless the instance's macvlan is the same one; an ipvlan carries adverts alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from bascule.model.configuration import VirtualAddress, VrrpInstance
from bascule.model.virtual_mac import IpVlan, hardware_address


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Apart:
    """Where the addresses of one IP version are that have a macvlan of their own."""

    base: str
    family: int
    holds: str


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Seat:
    """Where an instance works: names of interfaces."""

    base: str
    """The configured one, whose carrier counts and whose address adverts come from."""
    holds: str
    """Has the virtual addresses, and announces them."""
    talks: str
    """Sends and hears adverts."""
    aparts: tuple[Apart, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Each interface once that the adverts need."""
        return tuple(dict.fromkeys((self.base, self.holds, self.talks)))

    @property
    def every(self) -> tuple[str, ...]:
        """Each interface once."""
        return tuple(dict.fromkeys((*self.names, *(name for a in self.aparts for name in (a.base, a.holds)))))

    @property
    def made(self) -> frozenset[str]:
        """Those that are on others, and are made for the instance."""
        return frozenset((self.holds, self.talks, *(apart.holds for apart in self.aparts))) - {self.base}

    @property
    def holders(self) -> tuple[tuple[str, str], ...]:
        """Each interface that is made for addresses, after the one beneath it."""
        own = ((self.base, self.holds),) if self.holds != self.base else ()
        return (*own, *((apart.base, apart.holds) for apart in self.aparts))

    def place(self, entry: VirtualAddress, family: int) -> str:
        """The interface of an address; `family`: the IP version of the instance, whose macvlan is for that one."""
        device = entry.device or self.base
        if entry.use_vmac:
            for apart in self.aparts:
                if (apart.base, apart.family) == (device, entry.address.version):
                    return apart.holds
        return self.holds if device == self.base and entry.address.version == family else device


def plain(interface: str) -> Seat:
    """Everything on the interface itself."""
    return Seat(base=interface, holds=interface, talks=interface)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Wanted:
    """An interface to be made on another one: a macvlan, or an ipvlan."""

    base: str
    family: int
    vrid: int
    prefix: str
    name: str | None = None
    """None = made of prefix and VRID."""
    hardware_address: bytes = b""
    """Of a macvlan."""
    ipvlan: IpVlan | None = None


def own(entry: VrrpInstance) -> Wanted | None:
    """What is to be made for an instance's adverts; None = nothing."""
    if entry.ipvlan is not None:
        between = entry.ipvlan
        return Wanted(
            base=entry.interface,
            family=entry.family,
            vrid=entry.vrid,
            prefix=between.prefix,
            name=between.name,
            ipvlan=between,
        )
    virtual = entry.virtual_mac
    if virtual is None:
        return None
    return Wanted(
        base=entry.interface,
        family=entry.family,
        vrid=entry.vrid,
        prefix=virtual.prefix,
        name=virtual.name,
        hardware_address=virtual.octets,
    )


def apart(entry: VrrpInstance) -> Iterator[Wanted]:
    """What is to be made for single addresses of an instance, each once."""
    for base, family in dict.fromkeys(
        (each.device or entry.interface, each.address.version)
        for each in (*entry.virtual_addresses, *entry.excluded_addresses)
        if each.use_vmac
    ):
        if entry.virtual_mac is not None and (base, family) == (entry.interface, entry.family):
            continue
        if entry.ipvlan is not None and base == entry.interface:
            continue  # The kernel has no macvlan beside an ipvlan.
        yield Wanted(
            base=base,
            family=family,
            vrid=entry.vrid,
            prefix=entry.address_mac_prefix,
            hardware_address=bytes.fromhex(_mac(entry, family).replace(":", "")),
        )


def seated(entry: VrrpInstance, made: str | None, aparts: tuple[Apart, ...]) -> Seat:
    """Where an instance works with what was made for it: `made` for its adverts, `aparts` for single addresses."""
    base = entry.interface
    if made is None:
        return Seat(base=base, holds=base, talks=base, aparts=aparts)
    if entry.ipvlan is not None:
        return Seat(base=base, holds=made if entry.ipvlan.holds_addresses else base, talks=made, aparts=aparts)
    from_base = bool(entry.unicast_peers) or (entry.virtual_mac is not None and entry.virtual_mac.sends_from_base)
    return Seat(base=base, holds=made, talks=base if from_base else made, aparts=aparts)


def _mac(entry: VrrpInstance, family: int) -> str:
    """A MAC address that the instance was given is that of its single addresses, too."""
    virtual = entry.virtual_mac
    if virtual is not None and virtual.address != hardware_address(entry.vrid, entry.family):
        return virtual.address
    return hardware_address(entry.vrid, family)
