# SPDX-License-Identifier: Apache-2.0
"""Messages byte for byte, as linux/if_link.h has them; what a kernel makes of them is seen in a guest
(tests/interop/test_ipvlan.py), since not every kernel that tests run on has ipvlans.
"""

from __future__ import annotations

import errno

import pytest

from bascule.errors import KernelRefusedError
from bascule.linux import ipvlan, links
from bascule.linux.netlink import NetlinkError, NetlinkMessage
from bascule.model.virtual_mac import IpVlanMode

NEW_LINK, CREATE_EXCLUSIVE = 16, 0x600

MADE = bytes.fromhex(
    # struct ifinfomsg
    "00000000 00000000 00000000 00000000"
    # IFLA_LINK 7, IFLA_IFNAME "ip5"
    "0800 0500 07000000 0800 0300 69703500"
    # IFLA_LINKINFO: IFLA_INFO_KIND "ipvlan", IFLA_INFO_DATA: IFLA_IPVLAN_MODE 0, IFLA_IPVLAN_FLAGS 2
    "2400 1200 0a00 0100 6970766c616e 0000 1400 0200 0600 0100 0000 0000 0600 0200 0200 0000"
)
MARKED = bytes.fromhex("00000000 00000000 00000000 00000000 0800 0300 69703500 0800 1400 6d61726b")


class Kernel:
    """Takes requests down, or refuses the first."""

    def __init__(self, refusal: int | None = None) -> None:
        self.requests: list[tuple[int, int, bytes]] = []
        self._refusal = refusal

    def request(self, kind: int, flags: int, body: bytes, what: str) -> None:
        self.requests.append((kind, flags, body))
        if self._refusal is not None:
            raise NetlinkError(self._refusal, what)

    def dump(self, kind: int, body: bytes, what: str) -> list[NetlinkMessage]:
        """An ipvlan in mode `private` as the kernel tells of it."""
        del kind, body, what
        name, parent = "0800 0300 69703500", "0800 0500 07000000"
        data = "1400 0200 0600 0100 0000 0000 0600 0200 0100 0000"
        info = f"2400 1200 0a00 0100 6970766c616e 0000 {data}"
        told = bytes.fromhex("0000 0100 09000000 43000000 00000000" + name + parent + info)
        return [NetlinkMessage(kind=NEW_LINK, body=told)]


def test_the_messages_that_make_and_mark_one() -> None:
    kernel = Kernel()
    ipvlan.create(kernel, 7, "ip5", IpVlanMode.VEPA, "mark")  # type: ignore[arg-type]
    assert kernel.requests == [(NEW_LINK, CREATE_EXCLUSIVE, MADE), (NEW_LINK, 0, MARKED)]


def test_what_the_kernel_tells_of_one() -> None:
    found = links.dump(Kernel())[9]  # type: ignore[arg-type]
    assert (found.kind, found.parent, found.mode) == ("ipvlan", 7, ipvlan.FLAGS[IpVlanMode.PRIVATE])


def test_a_kernel_without_ipvlans_is_named() -> None:
    with pytest.raises(KernelRefusedError, match="this kernel has no ipvlan"):
        ipvlan.create(Kernel(errno.EOPNOTSUPP), 7, "ip5", IpVlanMode.BRIDGE, "m")  # type: ignore[arg-type]
    with pytest.raises(NetlinkError, match="make the ipvlan ip5: File exists"):
        ipvlan.create(Kernel(errno.EEXIST), 7, "ip5", IpVlanMode.BRIDGE, "m")  # type: ignore[arg-type]
