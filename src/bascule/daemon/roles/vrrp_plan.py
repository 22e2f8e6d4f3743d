# SPDX-License-Identifier: Apache-2.0
"""What a configuration means for the instances: which can run, which go on as they are, which interfaces they use.

Decisions only; vrrp_group.py carries them out.
"""

from __future__ import annotations

from bascule.model.base import IPAddress
from bascule.model.configuration import AuthType, VrrpInstance
from bascule.vrrp.packet import PRIORITY_OWNER


def unsupported(entry: VrrpInstance, lasting: frozenset[IPAddress]) -> str | None:
    """Why an instance cannot run yet, in words; the others do. None = it can.

    `lasting` are this host's own addresses. An owner's address is one of them, and would be lost when the instance
    stops, because what an instance holds is taken off then.
    """
    if entry.version != 2:
        return f"VRRP version {entry.version} is not there yet"
    if entry.auth_type is AuthType.AH:
        return "authentication by AH is not there yet"
    addresses = [virtual.address for virtual in entry.virtual_addresses]
    if any(address.version != 4 for address in addresses):
        return "IPv6 needs VRRP version 3, which is not there yet"
    own = [str(address) for address in addresses if address in lasting]
    if entry.priority == PRIORITY_OWNER and own:
        return f"{', '.join(own)} is this host's own address: owning it (priority 255) is not there yet"
    return None


def is_another(before: VrrpInstance, entry: VrrpInstance) -> bool:
    """Whether the same name stands for another virtual router now, which has to start from the beginning."""
    return (before.interface, before.vrid, before.version) != (entry.interface, entry.vrid, entry.version)


def interfaces_of(entry: VrrpInstance) -> tuple[str, ...]:
    """Every interface that an instance uses, its own first."""
    devices = (virtual.device for virtual in entry.virtual_addresses if virtual.device is not None)
    return tuple(dict.fromkeys((entry.interface, *devices)))
