# SPDX-License-Identifier: Apache-2.0
"""The virtual MAC address of an instance (RFC 9568 7.3), and the interfaces of its own: macvlans and an ipvlan."""

from __future__ import annotations

import enum

from bascule.model.base import IPAddress, Model, Vrid

NAME_PREFIX = "vrrp"
"""Of generated names, unless `vmac_prefix` says otherwise."""


class VirtualMac(Model, frozen=True, kw_only=True):
    """`use_vmac`: a macvlan on the instance's interface has the virtual addresses."""

    address: str
    """`00:00:5e:00:01:33`."""
    name: str | None = None
    """Of the macvlan; None = made of the prefix and the VRID."""
    prefix: str = NAME_PREFIX
    sends_from_base: bool = False
    """`vmac_xmit_base`: adverts leave from and come to the instance's interface."""

    @property
    def octets(self) -> bytes:
        """The address's six bytes."""
        return bytes.fromhex(self.address.replace(":", ""))

    def __str__(self) -> str:
        """As `use_vmac` says it."""
        return f"{self.name or self.prefix + '.VRID'} {self.address}{' from base' if self.sends_from_base else ''}"


class IpVlanMode(enum.Enum):
    """What ipvlans of one interface hand to each other (ip-link(8)); the same for all on an interface."""

    BRIDGE = "bridge"
    """Everything."""
    PRIVATE = "private"
    """Nothing."""
    VEPA = "vepa"
    """Nothing but by way of the switch."""


class IpVlan(Model, frozen=True, kw_only=True):
    """`use_ipvlan`: an ipvlan on the instance's interface, with its MAC address, sends and hears adverts.

    The virtual addresses stay on the interface, as keepalived 2.2.7 has it; with `use_vmac` beside it they are on the
    ipvlan.
    """

    name: str | None = None
    """None = made of the prefix and the VRID."""
    prefix: str = NAME_PREFIX
    address: IPAddress | None = None
    """Of the ipvlan: where adverts come from. None = its link-local one, of IPv6 only."""
    prefix_length: int = 0
    mode: IpVlanMode = IpVlanMode.BRIDGE
    holds_addresses: bool = False
    """The virtual addresses are on it."""

    def __str__(self) -> str:
        """As `use_ipvlan` says it."""
        where = f" {self.address}/{self.prefix_length}" if self.address is not None else ""
        return f"{self.name or self.prefix + '.VRID'}{where} {self.mode.value}"


def hardware_address(vrid: Vrid, family: int) -> str:
    """The virtual MAC address that the RFC gives a virtual router over IP version `family`."""
    return f"00:00:5e:00:0{1 if family == 4 else 2}:{vrid:02x}"
