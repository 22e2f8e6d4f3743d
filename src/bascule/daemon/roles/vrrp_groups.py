# SPDX-License-Identifier: Apache-2.0
"""IPv6 groups of instances with a virtual MAC (MLD, RFC 3810): joined beneath, and not told by the macvlan.

The kernel reports every group that an interface joins or leaves, from that interface's MAC. A macvlan of a backup that
does so tells the switches that the virtual MAC is here, and until the active's next advert packets go to the wrong
director. So the macvlan's reports are dropped, and the interface beneath joins the same groups: switches that look at
reports go on sending what the macvlan wants to hear. (Over IPv4 a setting does it, common_settings.py.)
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_plan, vrrp_seats
from bascule.daemon.roles.vrrp_seats import Wanted
from bascule.errors import KernelRefusedError
from bascule.linux import nftables
from bascule.model.base import IPAddress
from bascule.model.configuration import VrrpInstance

_MEMBERSHIP = struct.Struct("=16si")
_SOLICITED = int(ipaddress.IPv6Address("ff02::1:ff00:0"))

Membership = tuple[str, IPAddress]
"""An interface and a group that it is in."""


def memberships(entries: Iterable[VrrpInstance]) -> frozenset[Membership]:
    """What instances and addresses with a virtual MAC over IPv6 want to hear, by the interface beneath."""
    found: set[Membership] = set()
    for entry in entries:
        own = vrrp_seats.own(entry)
        if own is not None and speaks_ipv6(own):
            found.add((own.base, vrrp_plan.group_of(entry)))
        beneath = {each.base for each in (own, *vrrp_seats.apart(entry)) if each is not None and speaks_ipv6(each)}
        addresses = (virtual.address for virtual in (*entry.virtual_addresses, *entry.excluded_addresses))
        groups = {solicited(address) for address in addresses if address.version == 6}
        found |= {(base, group) for base in beneath for group in groups}
    return frozenset(found)


def speaks_ipv6(wanted: Wanted) -> bool:
    """Whether what is to be made is a macvlan for IPv6; an ipvlan has the MAC of the interface beneath."""
    return wanted.family == 6 and wanted.ipvlan is None


def solicited(address: IPAddress) -> ipaddress.IPv6Address:
    """The group that solicitations for an address go to (RFC 4291 2.7.1)."""
    return ipaddress.IPv6Address(_SOLICITED | int(address) & 0xFFFFFF)


class Groups:
    """Who reports what. What the kernel refuses is logged: then the switches go by the next advert."""

    def __init__(self, log: Log) -> None:
        """Nothing is joined; who reports is not known: a predecessor that was killed may have left something."""
        self._log = log
        self._quiet: frozenset[int] | None = None
        self._joined: frozenset[Membership] = frozenset()
        self._socket: socket.socket | None = None

    def hush(self, index: int) -> None:
        """Have a macvlan, by number, report nothing: before it is up."""
        self._have_quiet((self._quiet or frozenset()) | {index})

    def keep(self, indexes: Iterable[int], wanted: frozenset[Membership]) -> None:
        """Let all others report, and be in these groups and no others."""
        self._have_quiet(frozenset(indexes))
        if wanted == self._joined:
            return
        before, self._socket, self._joined = self._socket, None, wanted
        if wanted:
            self._socket = self._join(wanted)
        if before is not None:
            before.close()

    def _have_quiet(self, indexes: frozenset[int]) -> None:
        if indexes == self._quiet:
            return
        self._quiet = indexes
        try:
            nftables.drop_reports(indexes)
        except KernelRefusedError as error:
            (self._log.warning if indexes else self._log.debug)("group_reports_not_dropped", why=error)

    def _join(self, wanted: Iterable[Membership]) -> socket.socket | None:
        try:
            opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        except OSError as error:
            self._log.warning("groups_not_joined", why=error)
            return None
        for interface, group in sorted(wanted, key=str):
            try:
                number = socket.if_nametoindex(interface)
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, _MEMBERSHIP.pack(group.packed, number))
            except OSError as error:
                self._log.warning("group_not_joined", interface=interface, group=group, why=error)
        return opened
