# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from bascule.model.base import Vrid
from bascule.model.virtual_mac import VirtualMac, hardware_address


def test_the_address_that_the_rfc_gives() -> None:
    assert hardware_address(Vrid(51), 4) == "00:00:5e:00:01:33"
    assert hardware_address(Vrid(255), 6) == "00:00:5e:00:02:ff"
    assert VirtualMac(address=hardware_address(Vrid(1), 4)).octets == bytes.fromhex("00005e000101")


def test_in_words() -> None:
    assert str(VirtualMac(address="00:00:5e:00:01:33")) == "vrrp.VRID 00:00:5e:00:01:33"
    named = VirtualMac(address="02:00:00:00:00:01", name="vm1", sends_from_base=True)
    assert str(named) == "vm1 02:00:00:00:00:01 from base"
