# SPDX-License-Identifier: Apache-2.0
"""What a configuration means for the instances: which can run, which go on as they are, which interfaces they use.

Decisions only; vrrp_group.py carries them out.
"""

from __future__ import annotations

from bascule.model.base import IPAddress
from bascule.model.configuration import AuthType, VrrpInstance
from bascule.vrrp.packet import INTERVAL_MAX, PRIORITY_OWNER


def unsupported(entry: VrrpInstance, lasting: frozenset[IPAddress]) -> str | None:
    """Why an instance cannot run yet, in words; the others do. None = it can.

    `lasting` are this host's own addresses. An owner's address is one of them, and would be lost when the instance
    stops, because what an instance holds is taken off then.
    """
    if entry.auth_type is AuthType.AH:
        return "authentication by AH is not there yet"
    mixed = _mixed(entry)
    if mixed is not None:
        return mixed
    if entry.family == 6 and entry.version == 2:
        return "IPv6 needs VRRP version 3"
    if entry.version == 3 and not 1 <= round(entry.advert_interval * 100) <= INTERVAL_MAX:
        return f"an advert interval of {entry.advert_interval:g} s does not fit version 3 (0.01 to 40.95)"
    addresses = [virtual.address for virtual in entry.virtual_addresses]
    own = [str(address) for address in addresses if address in lasting]
    if entry.priority == PRIORITY_OWNER and own:
        return f"{', '.join(own)} is this host's own address: owning it (priority 255) is not there yet"
    return None


def _mixed(entry: VrrpInstance) -> str | None:
    spoken = [virtual.address for virtual in entry.virtual_addresses]
    spoken += [peer.address for peer in entry.unicast_peers]
    spoken += [entry.unicast_source] if entry.unicast_source is not None else []
    strange = [str(address) for address in spoken if address.version != entry.family]
    return f"{', '.join(strange)}: not IPv{entry.family} like the rest" if strange else None


def is_another(before: VrrpInstance, entry: VrrpInstance) -> bool:
    """Whether the same name stands for another virtual router now, which has to start from the beginning."""
    return router_of(before) != router_of(entry) or before.version != entry.version


def router_of(entry: VrrpInstance) -> tuple[str, int, int]:
    """What names a virtual router: interface, VRID, IP version. The same VRID over IPv4 and IPv6 is two routers."""
    return (entry.interface, entry.vrid, entry.family)


def remarks_on(entry: VrrpInstance) -> tuple[str, ...]:
    """What an operator should know of an instance that runs, in words."""
    addresses = [virtual.address for virtual in entry.virtual_addresses]
    if entry.family == 6 and not any(address.is_link_local for address in addresses):
        return ("has no link-local virtual address, which RFC 9568 5.2.9 wants as the first",)
    return ()


def interfaces_of(entry: VrrpInstance) -> tuple[str, ...]:
    """Every interface that an instance uses, its own first."""
    devices = (virtual.device for virtual in entry.virtual_addresses if virtual.device is not None)
    return tuple(dict.fromkeys((entry.interface, *devices)))
