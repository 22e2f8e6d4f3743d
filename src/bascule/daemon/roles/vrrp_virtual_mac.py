# SPDX-License-Identifier: Apache-2.0
"""The macvlans and ipvlans of instances: made, adopted from a predecessor, made again, removed.

Only what carries our mark (an alias) is adopted or removed. Two instances whose virtual MAC on an interface is the same
share a macvlan. All ipvlans of an interface have one MAC: theirs are told apart by the mark, which names the instance's
virtual router.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_seats
from bascule.daemon.roles.vrrp_groups import Groups, Membership, memberships, speaks_ipv6
from bascule.daemon.roles.vrrp_seats import Apart, Seat, Wanted
from bascule.errors import KernelRefusedError
from bascule.linux import addresses, interfaces, ipvlan, links, macvlan, own_links
from bascule.linux.addresses import InterfaceAddress
from bascule.linux.common_settings import CommonSettings
from bascule.linux.links import Link
from bascule.linux.netlink import Netlink
from bascule.model.configuration import VrrpInstance

_FIRST_GROUP = 0x62736331
"""Where the search for a group of links that nobody uses begins."""

KINDS = (macvlan.KIND, ipvlan.KIND)


class VirtualLinks:
    """The interfaces that this process keeps, by name."""

    def __init__(self, netlink: Netlink, log: Log) -> None:
        """None yet; what a predecessor left is looked at when it is asked for."""
        self._netlink = netlink
        self._log = log
        self._kept: dict[str, tuple[Wanted, ...]] = {}
        """By name: who wants it. They differ in IP version and VRID at most."""
        self._common = CommonSettings()
        self._groups = Groups(log)
        self._memberships: frozenset[Membership] = frozenset()

    def seats(self, entries: Iterable[VrrpInstance]) -> tuple[dict[str, Seat], dict[str, str]]:
        """Have the interfaces of instances, adopted or made, and up.

        Those of the instances come first, which may have names that were asked for; then those of single addresses.
        Returns by instance where it works, and of those that cannot work why, in words.
        """
        entries = tuple(entries)
        self._memberships = memberships(entries)
        self._kept = {}
        refused: dict[str, str] = {}
        wanted = [(entry, vrrp_seats.own(entry), tuple(vrrp_seats.apart(entry))) for entry in entries]
        found = self._links() if any(own is not None or aparts for _, own, aparts in wanted) else {}
        made: dict[str, str | None] = {}
        for entry, own, _ in wanted:
            try:
                made[entry.name] = None if own is None else self._have(own, found)
            except KernelRefusedError as error:
                refused[entry.name] = str(error)
        seats: dict[str, Seat] = {}
        for entry, _, aparts in wanted:
            if entry.name in refused:
                continue
            try:
                places = tuple(Apart(base=w.base, family=w.family, holds=self._have(w, found)) for w in aparts)
                seats[entry.name] = vrrp_seats.seated(entry, made[entry.name], places)
            except KernelRefusedError as error:
                refused[entry.name] = str(error)
        return seats, refused

    def mend(self, names: Collection[str]) -> frozenset[str]:
        """Make those of ours again that are gone, of some interfaces (they or what is beneath them changed).

        Returns the names of those that were made.
        """
        concerned = {n: wanted for n, wanted in self._kept.items() if n in names or wanted[0].base in names}
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

    def put_back(self, lost: Iterable[InterfaceAddress]) -> None:
        """Put the own addresses of ipvlans back that others took off."""
        for entry in lost:
            for name, wanted in self._kept.items():
                between = wanted[0].ipvlan
                if between is not None and between.address == entry.address:
                    self._put_back(name, entry, between.prefix_length)

    def _put_back(self, name: str, lost: InterfaceAddress, prefix_length: int) -> None:
        try:
            found = interfaces.find(self._netlink, name)
            if found is not None and found.index == lost.index:
                addresses.add(self._netlink, lost.index, lost.address, prefix_length)
                self._log.warning("address_put_back", address=lost.address, interface=name)
        except KernelRefusedError as error:
            self._log.error("address_not_put", address=lost.address, interface=name, error=error)

    def keep(self, names: Collection[str]) -> None:
        """Remove everything of ours but these, also what a predecessor left."""
        found = self._links()
        unwanted = [link for link in found.values() if _is_marked(link) and link.name not in names]
        try:
            own_links.remove_together(self._netlink, (link.index for link in unwanted), _free_group(found.values()))
        except KernelRefusedError as error:
            self._log.error("interfaces_not_removed", interfaces=len(unwanted), error=error)
        self._kept = {name: wanted for name, wanted in self._kept.items() if name in names}
        there = self._links() if self._kept else {}
        mute = (name for name, wanted in self._kept.items() if any(map(speaks_ipv6, wanted)))
        quiet = (there[name].index for name in mute if name in there)
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

    def _have(self, wanted: Wanted, found: dict[str, Link]) -> str:
        """The name of an interface, `found` again or made; what is made is in `found` then."""
        base = _named(found, wanted.base)
        for link in tuple(found.values()):
            if link.parent != base.index or not _is_meant(link, wanted):
                continue
            if wanted.name in (None, link.name) and _is_alike(link, wanted):
                self._share(link.name, wanted)
                self._set_up(link, self._kept[link.name])
                return link.name
            self._remove(link)
            del found[link.name]
            self._kept.pop(link.name, None)
        name = self._name(wanted, found)
        self._make(name, (wanted,), found)
        self._kept[name] = (wanted,)
        return name

    def _share(self, name: str, wanted: Wanted) -> None:
        others = self._kept.get(name, ())
        self._kept[name] = tuple(dict.fromkeys((*others, wanted)))

    def _name(self, wanted: Wanted, taken: Collection[str]) -> str:
        asked = wanted.name
        if asked is not None and asked not in taken:
            return asked
        if asked is not None:
            self._log.warning("name_taken", interface=asked, why="it is there and not ours: another name is used")
        return next(name for name in _names(wanted) if name not in taken)

    def _make(self, name: str, wanted: tuple[Wanted, ...], found: dict[str, Link]) -> None:
        first = wanted[0]
        base = _named(found, first.base)
        if first.ipvlan is not None:
            ipvlan.create(self._netlink, base.index, name, first.ipvlan.mode, _mark(first))
        else:
            macvlan.create(self._netlink, base.index, name, first.hardware_address)
        link = next((link for link in self._links().values() if link.name == name), None)
        if link is None:
            raise KernelRefusedError(f"the interface {name} is gone again")
        try:
            self._set_up(link, wanted)
        except KernelRefusedError:
            self._remove(link)
            raise
        found[name] = link

    def _set_up(self, link: Link, wanted: tuple[Wanted, ...]) -> None:
        first = wanted[0]
        families = {each.family for each in wanted}
        if first.ipvlan is None:
            if 4 in families:
                self._common.change()
                macvlan.apply(macvlan.BASE_4, first.base)
            if 6 in families:
                self._groups.hush(link.index)
            macvlan.apply(macvlan.holder(families), link.name)
        if not link.up:
            own_links.set_up(self._netlink, link.index)
        if first.ipvlan is not None and first.ipvlan.address is not None:
            addresses.add(self._netlink, link.index, first.ipvlan.address, first.ipvlan.prefix_length)

    def _remove(self, link: Link) -> None:
        try:
            own_links.remove(self._netlink, link.index)
        except KernelRefusedError as error:
            self._log.error("interface_not_removed", interface=link.name, error=error)

    def _links(self) -> dict[str, Link]:
        return {link.name: link for link in links.dump(self._netlink).values()}


def _names(wanted: Wanted) -> Iterator[str]:
    """Generated names, as keepalived makes them: `vrrp.51`, `vrrp6.51`, `vrrp1.51` ..."""
    tails = itertools.chain(("", "6") if wanted.family == 6 else ("",), map(str, itertools.count(1)))
    for tail in tails:
        end = f"{tail}.{wanted.vrid}"
        yield wanted.prefix[: own_links.NAME_MAX - len(end)] + end


def _named(found: dict[str, Link], name: str) -> Link:
    if name not in found:
        raise KernelRefusedError(f"there is no interface {name}")
    return found[name]


def _is_marked(link: Link) -> bool:
    return link.kind in KINDS and link.alias.startswith(links.OWN_ALIAS)


def _free_group(found: Iterable[Link]) -> int:
    """A group of links that none is in."""
    taken = {link.group for link in found}
    return next(number for number in itertools.count(_FIRST_GROUP) if number not in taken)


def _router_mark(wanted: Wanted) -> str:
    return f"{links.OWN_ALIAS} {wanted.vrid} over IPv{wanted.family}"


def _mark(wanted: Wanted) -> str:
    """Of an ipvlan: whose it is, and the address that it was given."""
    assert wanted.ipvlan is not None
    at = f" at {wanted.ipvlan.address}/{wanted.ipvlan.prefix_length}" if wanted.ipvlan.address is not None else ""
    return _router_mark(wanted) + at


def _is_meant(link: Link, wanted: Wanted) -> bool:
    """It is ours, and for this."""
    if wanted.ipvlan is not None:
        mark = _router_mark(wanted)
        return link.kind == ipvlan.KIND and (link.alias == mark or link.alias.startswith(f"{mark} at "))
    private = link.kind == macvlan.KIND and link.mode == macvlan.PRIVATE
    return private and _is_marked(link) and link.hardware_address == wanted.hardware_address


def _is_alike(link: Link, wanted: Wanted) -> bool:
    """It can stay as it is."""
    if wanted.ipvlan is None:
        return True
    return (link.alias, link.mode) == (_mark(wanted), ipvlan.FLAGS[wanted.ipvlan.mode])
