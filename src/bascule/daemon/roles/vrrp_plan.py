# SPDX-License-Identifier: Apache-2.0
"""What a configuration means for the instances: which can run, which go on as they are, which interfaces they use.

Decisions only; vrrp_group.py carries them out.
"""

from __future__ import annotations

from bascule.model.base import IPAddress
from bascule.model.configuration import VirtualAddress, VrrpInstance
from bascule.model.routing import Route, Rule
from bascule.vrrp import packet
from bascule.vrrp.packet import INTERVAL_MAX, PRIORITY_OWNER


def unsupported(entry: VrrpInstance) -> str | None:
    """Why an instance cannot run, in words; the others do. None = it can."""
    mixed = _mixed(entry)
    if mixed is not None:
        return mixed
    if entry.ipvlan is not None and entry.ipvlan.address is None and entry.family == 4:
        return "an ipvlan needs an IPv4 address (use_ipvlan NAME ADDRESS/LENGTH)"
    if entry.version == 3 and not 1 <= round(entry.advert_interval * 100) <= INTERVAL_MAX:
        return f"an advert interval of {entry.advert_interval:g} s does not fit version 3 (0.01 to 40.95)"
    return None


def owned(entry: VrrpInstance, lasting: frozenset[IPAddress], put: frozenset[IPAddress]) -> frozenset[IPAddress]:
    """The virtual addresses that are the host's own: an owner speaks for them, and leaves them where they are.

    `lasting` are the addresses on the interface that have no lifetime, `put` those that an instance has put there.
    keepalived 2.2.7 takes an owner's address off when it stops.
    """
    if entry.priority != PRIORITY_OWNER:
        return frozenset()
    virtual = (line.address for line in entry.virtual_addresses if line.device in (None, entry.interface))
    return frozenset(virtual) & lasting - put


def accepts(entry: VrrpInstance) -> bool:
    """Whether the virtual addresses take what is sent to them: an owner's do in any case."""
    return entry.accept or entry.priority == PRIORITY_OWNER


def _mixed(entry: VrrpInstance) -> str | None:
    spoken = [virtual.address for virtual in entry.virtual_addresses]
    spoken += [peer.address for peer in entry.unicast_peers]
    spoken += [entry.unicast_source] if entry.unicast_source is not None else []
    strange = [str(address) for address in spoken if address.version != entry.family]
    return f"{', '.join(strange)}: not IPv{entry.family} like the rest" if strange else None


def is_another(before: VrrpInstance, entry: VrrpInstance) -> bool:
    """Whether the same name stands for another virtual router now, which has to start from the beginning."""
    return _kind_of(before) != _kind_of(entry)


def _kind_of(entry: VrrpInstance) -> tuple[object, ...]:
    """What an instance cannot change as long as it runs."""
    apart = entry.virtual_mac is not None and bool(entry.unicast_peers)
    return (router_of(entry), entry.version, group_of(entry), entry.virtual_mac, entry.ipvlan, apart)


def router_of(entry: VrrpInstance) -> tuple[str, int, int]:
    """What names a virtual router: interface, VRID, IP version. The same VRID over IPv4 and IPv6 is two routers."""
    return (entry.interface, entry.vrid, entry.family)


def remarks_on(entry: VrrpInstance) -> tuple[str, ...]:
    """What an operator should know of an instance that runs, in words."""
    addresses = [virtual.address for virtual in entry.virtual_addresses]
    if entry.family == 6 and not any(address.is_link_local for address in addresses):
        return ("has no link-local virtual address, which RFC 9568 5.2.9 wants as the first",)
    return ()


def followed(entry: VrrpInstance) -> tuple[VirtualAddress, ...]:
    """The addresses elsewhere than on the instance's interface, whose interfaces must be up, as keepalived has it."""
    own = (None, entry.interface)
    tracked = (each for each in (*entry.virtual_addresses, *entry.excluded_addresses) if not each.no_track)
    return tuple(each for each in tracked if each.device not in own or each.use_vmac)


def entries_of(entry: VrrpInstance) -> tuple[Route | Rule, ...]:
    """The routes and rules that an instance has on while it is active."""
    return (*entry.virtual_routes, *entry.virtual_rules)


def group_of(entry: VrrpInstance) -> IPAddress:
    """The multicast group of an instance's adverts."""
    return entry.multicast_group or packet.group_of(entry.family)


def interfaces_of(entry: VrrpInstance) -> tuple[str, ...]:
    """Every interface that an instance uses, its own first."""
    listed = (*entry.virtual_addresses, *entry.excluded_addresses)
    devices = (virtual.device for virtual in listed if virtual.device is not None)
    return tuple(dict.fromkeys((entry.interface, *devices)))
