# SPDX-License-Identifier: Apache-2.0
"""The virtual MAC address of an instance (RFC 9568 7.3) and the interface of its own that has it."""

from __future__ import annotations

from bascule.model.base import Model, Vrid

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


def hardware_address(vrid: Vrid, family: int) -> str:
    """The virtual MAC address that the RFC gives a virtual router over IP version `family`."""
    return f"00:00:5e:00:0{1 if family == 4 else 2}:{vrid:02x}"
