# SPDX-License-Identifier: Apache-2.0
"""`use_vmac`, `use_vmac_addr`, `use_ipvlan` and their prefixes into the model (keepalived.conf(5), VRRP INSTANCE)."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import msgspec

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.base import Vrid
from bascule.model.configuration import VirtualAddress
from bascule.model.virtual_mac import NAME_PREFIX, IpVlan, IpVlanMode, VirtualMac, hardware_address

INTERFACE_NAME_MAX = 15

_MAC = re.compile(r"(?:[0-9a-f]{1,2}:){4,5}[0-9a-f]{1,2}", re.IGNORECASE)
_OCTETS = 6
_MULTICAST = 0x01
_MODES = frozenset(mode.value for mode in IpVlanMode)


def virtual_mac(section: Section, defaults: Section, family: int, findings: Findings) -> VirtualMac | None:
    """What a block with a VRID says of a virtual MAC; None = nothing. `defaults`: the values of `global_defs`."""
    if "use_vmac" not in section.values or "use_ipvlan" in section.values:
        return None
    vrid: Vrid = section.values["virtual_router_id"]
    given = section.values["use_vmac"]
    words: tuple[str, ...] = () if given is True else given
    name, address = _told_apart(words)
    where = section.where["use_vmac"]
    if len(words) > len([word for word in (name, address) if word]):
        findings.add("meaning/extra-words", where, len(words), f"'{words[-1]}' is one word too many for 'use_vmac'")
    if name is not None and len(name.encode()) > INTERFACE_NAME_MAX:
        findings.add("bad-word", where, 1, f"'{name}' is longer than an interface's name can be: it is made up instead")
        name = None
    octets = _octets(address, vrid) if address else b""
    if octets and octets[0] & _MULTICAST:
        findings.add("bad-word", where, words.index(str(address)) + 1, f"{address} is a multicast MAC: it is not used")
        octets = b""
    return VirtualMac(
        address=octets.hex(":") or hardware_address(vrid, family),
        name=name,
        prefix=defaults.get("vmac_prefix", NAME_PREFIX),
        sends_from_base="vmac_xmit_base" in section.values,
    )


def ipvlan(section: Section, defaults: Section, family: int) -> IpVlan | None:
    """What a block says of an ipvlan; None = nothing. An address of the other IP version counts for nothing."""
    if "use_ipvlan" not in section.values:
        return None
    given = section.values["use_ipvlan"]
    name, address, mode = None, None, IpVlanMode.BRIDGE
    for word in () if given is True else given:
        if word in _MODES:
            mode = IpVlanMode(word)
            continue
        try:
            address = ipaddress.ip_interface(word)
        except ValueError:
            name = word
    address = address if address is not None and address.version == family else None
    return IpVlan(
        name=name,
        prefix=defaults.get("vmac_prefix", NAME_PREFIX),
        address=address.ip if address is not None else None,
        prefix_length=address.network.prefixlen if address is not None else 0,
        mode=mode,
        holds_addresses="use_vmac" in section.values,
    )


def address_prefix(defaults: Section) -> str:
    """What generated names of macvlans of single addresses begin with."""
    prefix: str = defaults.get("vmac_addr_prefix", defaults.get("vmac_prefix", NAME_PREFIX))
    return prefix


def with_own_mac(section: Section, addresses: tuple[VirtualAddress, ...], family: int) -> tuple[VirtualAddress, ...]:
    """The addresses of a block; with `use_vmac_addr` those that are elsewhere than its adverts have `use_vmac`."""
    if "use_vmac_addr" not in section.values:
        return addresses
    base: Any = section.get("interface")
    return tuple(
        msgspec.structs.replace(each, use_vmac=True)
        if each.device not in (None, base) or each.address.version != family
        else each
        for each in addresses
    )


def _told_apart(words: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Name and MAC address, each of which may be missing."""
    if not words:
        return None, None
    if _MAC.fullmatch(words[0]):
        return None, words[0]
    address = words[1] if len(words) > 1 and _MAC.fullmatch(words[1]) else None
    return words[0], address


def _octets(address: str, vrid: Vrid) -> bytes:
    """The last of six may be left out: it is the VRID then."""
    octets = bytes(int(part, 16) for part in address.split(":"))
    return octets if len(octets) == _OCTETS else octets + bytes((vrid,))
