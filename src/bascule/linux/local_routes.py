# SPDX-License-Identifier: Apache-2.0
"""IPv6 packets for an address taken in without the address: a route of type local (rtnetlink(7), RTM_NEWROUTE).

The kernel answers a request for an IPv6 address before it has made the address's own route, some time later in a work
queue. Until then what comes for the address finds no way in. A route is there at once. Nobody's neighbour
solicitation is answered because of it.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct

from bascule.linux.netlink import CREATE, REPLACE, Netlink, NetlinkError, attribute
from bascule.linux.route_messages import DESTINATION, INFO, OUT_INTERFACE, PRIORITY, TABLE
from bascule.linux.routes import DELETE_ROUTE, NEW_ROUTE
from bascule.model.routing import KEEPALIVED_PROTOCOL, RouteType

METRIC = 2048
"""Behind the kernel's own."""

_TABLE_LOCAL = 255
_SCOPE_UNIVERSE = 0
_EXPIRES = 23
_LOOPBACK = "lo"
_GONE = (errno.ESRCH, errno.ENOENT)


def put(netlink: Netlink, address: ipaddress.IPv6Address, seconds: int) -> None:
    """Take in what comes for `address`, for so long; anew if it is so already. Raises NetlinkError."""
    body = _body(address) + attribute(_EXPIRES, struct.pack("=I", seconds))
    netlink.request(NEW_ROUTE, CREATE | REPLACE, body, f"take in packets for {address}")


def remove(netlink: Netlink, address: ipaddress.IPv6Address) -> None:
    """No longer; one that is gone is no error. Raises NetlinkError."""
    try:
        netlink.request(DELETE_ROUTE, 0, _body(address), f"no longer take in packets for {address}")
    except NetlinkError as error:
        if error.errno not in _GONE:
            raise


def _body(address: ipaddress.IPv6Address) -> bytes:
    head = INFO.pack(
        socket.AF_INET6,
        address.max_prefixlen,
        0,
        0,
        _TABLE_LOCAL,
        KEEPALIVED_PROTOCOL,
        _SCOPE_UNIVERSE,
        RouteType.LOCAL,
        0,
    )
    loopback = struct.pack("=I", socket.if_nametoindex(_LOOPBACK))
    return (
        head
        + attribute(DESTINATION, address.packed)
        + attribute(TABLE, struct.pack("=I", _TABLE_LOCAL))
        + attribute(PRIORITY, struct.pack("=I", METRIC))
        + attribute(OUT_INTERFACE, loopback)
    )
