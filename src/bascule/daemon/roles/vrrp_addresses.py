# SPDX-License-Identifier: Apache-2.0
"""The virtual addresses that instances want on: put with a lifetime, renewed, put back when others take them off.

The lifetime is the last line of defence: when every process here dies at once, the kernel takes the addresses off.

They are renewed beside the loop (vrrp_renewals.py): the kernel lets one wait who changes addresses while others make or
remove interfaces, at times longer than adverts may be missed.
"""

from __future__ import annotations

import dataclasses
import math
import socket
from collections.abc import Collection, Iterable

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_agenda import Agenda
from bascule.daemon.roles.vrrp_renewals import Renewals
from bascule.errors import KernelRefusedError
from bascule.linux import addresses
from bascule.linux.addresses import InterfaceAddress
from bascule.linux.netlink import Netlink, Order
from bascule.linux.requesters import Requester, requester
from bascule.model.base import IPAddress, Seconds
from bascule.model.configuration import VirtualAddress

RENEWALS = 3
"""How often an address is renewed within its lifetime."""

AHEAD = 0.1
"""Seconds that an address may be renewed before its time, together with others."""

BATCH = 32
"""Instances whose addresses are renewed together: what the kernel then tells of them has to be read, too."""

GRANULARITY = Seconds(1.0)
"""The kernel counts lifetimes in whole seconds."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Placed:
    """A virtual address and the interface that it goes to."""

    interface: str
    address: IPAddress
    prefix_length: int
    label: str | None = None
    scope: int = 0
    peer: IPAddress | None = None
    broadcast: IPAddress | None = None
    preferred: int | None = None
    """Seconds; None = as keepalived has it."""
    flags: int | None = None
    """As `linux.addresses.add` takes them."""
    no_track: bool = False
    """It is not put back when others take it off."""


@dataclasses.dataclass(slots=True, frozen=True)
class Taken:
    """An address that somebody took off."""

    placed: Placed
    by: Requester


@dataclasses.dataclass(slots=True)
class _Want:
    placed: tuple[Placed, ...]
    lifetime: Seconds | None


def placed(virtual: Iterable[VirtualAddress], interface: str) -> tuple[Placed, ...]:
    """The virtual addresses of an instance on `interface` with the place of each."""
    return tuple(
        Placed(
            interface=entry.device or interface,
            address=entry.address,
            prefix_length=entry.prefix_length,
            label=entry.label,
            scope=entry.scope,
            peer=entry.peer,
            broadcast=entry.broadcast,
            preferred=entry.preferred_lifetime,
            flags=_flags(entry),
            no_track=entry.no_track,
        )
        for entry in virtual
    )


def _flags(entry: VirtualAddress) -> int | None:
    """None: nothing that is not so by default."""
    named = {name: getattr(entry, name) for name in ("home", "mngtmpaddr", "noprefixroute", "autojoin")}
    if not any(named.values()) and not entry.detect_duplicates:
        return None
    quick = addresses.NO_DAD if entry.address.version == 6 and not entry.detect_duplicates else 0
    return quick | sum(addresses.FLAGS[name] for name, given in named.items() if given)


def lifetime_of(setting: Seconds | None, down_interval: Seconds) -> Seconds | None:
    """The lifetime for an instance: as set (0 = for ever: None), else two down intervals, in whole seconds."""
    if setting is not None:
        return max(setting, GRANULARITY) if setting > 0 else None
    return Seconds(float(math.ceil(2 * down_interval)))


class Keeper:
    """Who wants which addresses, and what is done about it. Errors are logged here: nobody above can do better."""

    def __init__(self, netlink: Netlink, log: Log) -> None:
        """Nothing is wanted yet."""
        self._netlink = netlink
        self._log = log
        self._wants: dict[str, _Want] = {}
        self._agenda = Agenda()
        self._renewals = Renewals(log)

    def put(self, owner: str, wanted: tuple[Placed, ...], lifetime: Seconds | None, now: float) -> None:
        """Have `owner`'s addresses on, and those of before that are not among them off."""
        before = self._wants.get(owner)
        renew_at = math.inf if lifetime is None else now + lifetime / RENEWALS
        self._wants[owner] = _Want(wanted, lifetime)
        self._agenda.put(owner, renew_at)
        with self._renewals.halted(owner):
            self._add(owner, wanted, lifetime)
            if before is not None:
                self._remove(owner, [entry for entry in before.placed if entry not in wanted])

    def take(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        """Have `owner`'s addresses off: those it wanted, and `unwanted`, which a predecessor may have left."""
        before = self._wants.pop(owner, None)
        self._agenda.drop(owner)
        kept = before.placed if before is not None else ()
        with self._renewals.halted(owner):
            self._remove(owner, dict.fromkeys((*kept, *unwanted)))

    def close(self) -> None:
        """Renew nothing any more: what is on is left to its lifetime, or to a successor."""
        self._agenda = Agenda()
        self._renewals.close()

    def wanted(self, owner: str) -> tuple[Placed, ...]:
        """The addresses that `owner` has on."""
        found = self._wants.get(owner)
        return found.placed if found is not None else ()

    def deadline(self) -> float:
        """When the next renewal is due."""
        return self._agenda.deadline()

    def renew(self, now: float) -> None:
        """Renew what is due, and what soon will be: many at a time cost less, and stay together from then on."""
        due = self._agenda.due(now + AHEAD)[:BATCH]
        indices: dict[str, int] = {}
        for owner in due:
            want = self._wants[owner]
            self._agenda.put(owner, now + (want.lifetime or math.inf) / RENEWALS)
            for entry in want.placed:
                if entry.interface not in indices:
                    indices[entry.interface] = _index(entry)
        self._renewals.ask({owner: self._orders(owner, indices) for owner in due})

    def _orders(self, owner: str, indices: dict[str, int]) -> list[Order]:
        want = self._wants[owner]
        return [_order(entry, indices[entry.interface], want.lifetime) for entry in want.placed]

    def put_back(self, lost: Iterable[InterfaceAddress], made: Collection[str] = ()) -> dict[str, list[Taken]]:
        """Put back what others took off, and everything on interfaces that were made again, by name.

        Returns by owner, whose announcement is due, what was taken off by whom; nobody took what was made again.
        """
        gone = {(entry.index, entry.address, entry.prefix_length): entry.taken_by for entry in lost}
        owners: dict[str, list[Taken]] = {}
        for owner, want in self._wants.items() if gone or made else ():
            missing = [e for e in want.placed if e.interface in made or (_key(e) in gone and not e.no_track)]
            ports = {entry: gone[_key(entry)] for entry in missing if entry.interface not in made}
            # Who takes an address off may end at once; who has many sockets takes longer to find than to make good.
            seen = {port: requester(port, thorough=False) for port in set(ports.values())}
            self._add(owner, missing, want.lifetime)
            culprits = {port: found or requester(port) for port, found in seen.items()}
            for entry in missing:
                taken = owners.setdefault(owner, [])
                by = culprits[ports[entry]] if entry in ports else None
                words = "its interface was made again" if by is None else by.words
                self._log.warning(
                    "address_put_back", instance=owner, address=entry.address, interface=entry.interface, by=words
                )
                if by is not None:
                    taken.append(Taken(entry, by))
        return owners

    def _add(self, owner: str, wanted: Iterable[Placed], lifetime: Seconds | None) -> None:
        for entry in wanted:
            order = _order(entry, _index(entry), lifetime)
            try:
                self._netlink.request(order.kind, order.flags, order.body, order.what)
            except KernelRefusedError as error:
                self._log.error("address_not_put", instance=owner, address=entry.address, error=error)

    def _remove(self, owner: str, unwanted: Iterable[Placed]) -> None:
        for entry in unwanted:
            try:
                addresses.remove_named(self._netlink, entry.interface, entry.address, entry.prefix_length, entry.peer)
            except KernelRefusedError as error:
                self._log.error("address_not_taken", instance=owner, address=entry.address, error=error)


def _order(entry: Placed, index: int, lifetime: Seconds | None) -> Order:
    """What to ask the kernel for."""
    return addresses.put(
        index,
        entry.address,
        entry.prefix_length,
        lifetime=lifetime,
        label=entry.label,
        scope=entry.scope,
        preferred=entry.preferred,
        peer=entry.peer,
        broadcast=entry.broadcast,
        flags=entry.flags,
    )


def _key(entry: Placed) -> tuple[int, IPAddress, int]:
    """As the kernel names the address."""
    return (_index(entry), entry.address, entry.prefix_length)


def _index(entry: Placed) -> int:
    """The number of the address's interface; one that is gone has number 0, which the kernel refuses."""
    try:
        return socket.if_nametoindex(entry.interface)
    except OSError:
        return 0
