# SPDX-License-Identifier: Apache-2.0
"""Making the ipvlans that adverts leave from (ip-link(8), rtnetlink(7)); removing them is own_links.py's.

Layer-2 mode: an ipvlan has the MAC address of the interface beneath it, and gets what is for its IP addresses, and
what is for everybody.
"""

from __future__ import annotations

import errno
import struct

from bascule.errors import KernelRefusedError
from bascule.linux import own_links
from bascule.linux.netlink import Netlink, NetlinkError, attribute
from bascule.model.virtual_mac import IpVlanMode

KIND = "ipvlan"

FLAGS = {IpVlanMode.BRIDGE: 0, IpVlanMode.PRIVATE: 1, IpVlanMode.VEPA: 2}
"""IFLA_IPVLAN_FLAGS."""

_MODE, _FLAGS, _LAYER_2 = 1, 2, 0


def create(netlink: Netlink, parent: int, name: str, mode: IpVlanMode, alias: str) -> None:
    """Make an ipvlan, marked by `alias`; it is down. Raises KernelRefusedError, also of a kernel that has none."""
    data = attribute(_MODE, struct.pack("=H", _LAYER_2)) + attribute(_FLAGS, struct.pack("=H", FLAGS[mode]))
    try:
        own_links.create(netlink, KIND, parent, name, data, alias=alias)
    except NetlinkError as error:
        if error.errno == errno.EOPNOTSUPP:
            raise KernelRefusedError("this kernel has no ipvlan, which use_ipvlan needs (module ipvlan)") from error
        raise
