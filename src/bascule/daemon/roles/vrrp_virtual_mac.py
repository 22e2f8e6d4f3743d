# SPDX-License-Identifier: Apache-2.0
"""The macvlans of instances with a virtual MAC address: made, adopted from a predecessor, made again, removed.

Only what carries our mark (an alias) is adopted or removed. Two instances whose virtual MAC on an interface is the same
share a macvlan.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Iterator

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_groups import Groups, Membership, memberships
from bascule.errors import KernelRefusedError
from bascule.linux import interfaces, links, macvlan
from bascule.linux.common_settings import CommonSettings
from bascule.linux.links import Link
from bascule.linux.netlink import Netlink
from bascule.model.configuration import VrrpInstance
from bascule.model.virtual_mac import VirtualMac

_FIRST_GROUP = 0x62736331
"""Where the search for a group of links that nobody uses begins."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Seat:
    """Where an instance works: names of interfaces."""

    base: str
    """The configured one, whose carrier counts and whose address adverts come from."""
    holds: str
    """Has the virtual addresses, and announces them."""
    talks: str
    """Sends and hears adverts."""

    @property
    def names(self) -> tuple[str, ...]:
        """Each interface once."""
        return tuple(dict.fromkeys((self.base, self.holds, self.talks)))


def plain(interface: str) -> Seat:
    """Everything on the interface itself."""
    return Seat(base=interface, holds=interface, talks=interface)


@dataclasses.dataclass(slots=True, frozen=True)
class _Wanted:
    base: str
    virtual: VirtualMac
    family: int
    vrid: int


class VirtualLinks:
    """The macvlans that this process keeps, by name."""

    def __init__(self, netlink: Netlink, log: Log) -> None:
        """None yet; what a predecessor left is looked at when it is asked for."""
        self._netlink = netlink
        self._log = log
        self._kept: dict[str, _Wanted] = {}
        self._common = CommonSettings()
        self._groups = Groups(log)
        self._memberships: frozenset[Membership] = frozenset()

    def seats(self, entries: Iterable[VrrpInstance]) -> tuple[dict[str, Seat], dict[str, str]]:
        """Have the macvlans of instances, adopted or made, and up.

        Returns by instance where it works, and of those that cannot work why, in words.
        """
        entries = tuple(entries)
        self._memberships = memberships(entries)
        seats: dict[str, Seat] = {}
        refused: dict[str, str] = {}
        found: dict[str, Link] | None = None
        for entry in entries:
            if entry.virtual_mac is None:
                seats[entry.name] = plain(entry.interface)
                continue
            try:
                found = self._links() if found is None else found
                seats[entry.name] = self._seat(entry, entry.virtual_mac, found)
            except KernelRefusedError as error:
                refused[entry.name] = str(error)
        return seats, refused

    def _seat(self, entry: VrrpInstance, virtual: VirtualMac, found: dict[str, Link]) -> Seat:
        wanted = _Wanted(entry.interface, virtual, entry.family, entry.vrid)
        name = self._have(wanted, found)
        self._kept[name] = wanted
        talks = entry.interface if virtual.sends_from_base or entry.unicast_peers else name
        return Seat(base=entry.interface, holds=name, talks=talks)

    def mend(self, names: Collection[str]) -> frozenset[str]:
        """Make those of our macvlans again that are gone, of some interfaces (they or what is beneath them changed).

        Returns the names of those that were made.
        """
        concerned = {name: wanted for name, wanted in self._kept.items() if name in names or wanted.base in names}
        found = self._links() if concerned else {}
        made: set[str] = set()
        for name, wanted in concerned.items():
            if name in found:
                continue
            try:
                self._make(name, wanted, found)
            except KernelRefusedError as error:
                self._log.warning("interface_gone", interface=name, error=error)
                continue
            self._log.warning("interface_made_again", interface=name, why="somebody removed it")
            made.add(name)
        return frozenset(made)

    def keep(self, names: Collection[str]) -> None:
        """Remove every macvlan of ours but these, also those that a predecessor left."""
        found = self._links()
        unwanted = [link for link in found.values() if _is_marked(link) and link.name not in names]
        try:
            macvlan.remove_together(self._netlink, (link.index for link in unwanted), _free_group(found.values()))
        except KernelRefusedError as error:
            self._log.error("interfaces_not_removed", interfaces=len(unwanted), error=error)
        self._kept = {name: wanted for name, wanted in self._kept.items() if name in names}
        there = self._links() if self._kept else {}
        quiet = (there[name].index for name, wanted in self._kept.items() if wanted.family == 6 and name in there)
        self._groups.keep(quiet, self._memberships if self._kept else frozenset())

    def release(self) -> None:
        """Remove all of ours."""
        if not self._kept:
            return
        self.keep(())
        try:
            self._common.put_back()
        except KernelRefusedError as error:
            self._log.warning("setting_not_put_back", error=error)

    def _have(self, wanted: _Wanted, found: dict[str, Link]) -> str:
        """The name of a macvlan, `found` again or made; what is made is in `found` then."""
        base = _named(found, wanted.base)
        for link in tuple(found.values()):
            if not _is_ours(link) or (link.parent, link.hardware_address) != (base.index, wanted.virtual.octets):
                continue
            if wanted.virtual.name in (None, link.name):
                self._set_up(link, wanted)
                return link.name
            self._remove(link)
            del found[link.name]
        name = self._name(wanted, found)
        self._make(name, wanted, found)
        return name

    def _name(self, wanted: _Wanted, taken: Collection[str]) -> str:
        asked = wanted.virtual.name
        if asked is not None and asked not in taken:
            return asked
        if asked is not None:
            self._log.warning("name_taken", interface=asked, why="it is there and not ours: another name is used")
        return next(name for name in _names(wanted) if name not in taken)

    def _make(self, name: str, wanted: _Wanted, found: dict[str, Link]) -> None:
        base = _named(found, wanted.base)
        macvlan.create(self._netlink, base.index, name, wanted.virtual.octets)
        made = interfaces.find(self._netlink, name)
        if made is None:
            raise KernelRefusedError(f"the macvlan {name} is gone again")
        link = Link(
            index=made.index,
            name=name,
            hardware_address=made.hardware_address,
            up=made.up,
            running=made.running,
            parent=base.index,
            kind="macvlan",
            alias=links.OWN_ALIAS,
            mode=macvlan.PRIVATE,
        )
        try:
            self._set_up(link, wanted)
        except KernelRefusedError:
            self._remove(link)
            raise
        found[name] = link

    def _set_up(self, link: Link, wanted: _Wanted) -> None:
        if wanted.family == 4:
            self._common.change()
            macvlan.apply(macvlan.BASE_4, wanted.base)
        else:
            self._groups.hush(link.index)
        macvlan.apply(macvlan.HOLDER_4 if wanted.family == 4 else macvlan.HOLDER_6, link.name)
        if not link.up:
            macvlan.set_up(self._netlink, link.index)

    def _remove(self, link: Link) -> None:
        try:
            macvlan.remove(self._netlink, link.index)
        except KernelRefusedError as error:
            self._log.error("interface_not_removed", interface=link.name, error=error)

    def _links(self) -> dict[str, Link]:
        return {link.name: link for link in links.dump(self._netlink).values()}


def _names(wanted: _Wanted) -> Iterator[str]:
    """Generated names, as keepalived makes them: `vrrp.51`, `vrrp6.51`, `vrrp1.51` ..."""
    prefix = wanted.virtual.prefix
    tails = itertools.chain(("", "6") if wanted.family == 6 else ("",), map(str, itertools.count(1)))
    for tail in tails:
        end = f"{tail}.{wanted.vrid}"
        yield prefix[: macvlan.NAME_MAX - len(end)] + end


def _named(found: dict[str, Link], name: str) -> Link:
    if name not in found:
        raise KernelRefusedError(f"there is no interface {name}")
    return found[name]


def _is_marked(link: Link) -> bool:
    return link.kind == "macvlan" and link.alias.startswith(links.OWN_ALIAS)


def _is_ours(link: Link) -> bool:
    return _is_marked(link) and link.mode == macvlan.PRIVATE


def _free_group(found: Iterable[Link]) -> int:
    """A group of links that none is in."""
    taken = {link.group for link in found}
    return next(number for number in itertools.count(_FIRST_GROUP) if number not in taken)
