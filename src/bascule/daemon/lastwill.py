# SPDX-License-Identifier: Apache-2.0
"""Executing the last will of a vrrp role that died: its priority-0 packets at once, then rules, routes, addresses off.

The packets make the backup take over within its skew time (RFC 9568 6.4.2) instead of three advert intervals.
"""

from __future__ import annotations

from bascule.daemon.log import Log
from bascule.errors import KernelRefusedError
from bascule.linux import addresses, rawsocket
from bascule.linux.netlink import Netlink
from bascule.model.messages import LastWill, WillAddress, WillFrame, WillRequest


def execute(will: LastWill, log: Log) -> None:
    """Send and remove everything that the will names; what the kernel refuses is logged and the rest goes on."""
    sent = sum(_send(frame, log) for frame in will.frames)
    removed = taken = 0
    if will.addresses or will.requests:
        try:
            with Netlink() as netlink:
                taken = sum(_request(netlink, request, log) for request in will.requests)
                removed = sum(_remove(netlink, address, log) for address in will.addresses)
        except KernelRefusedError as error:
            log.error("last_will_incomplete", error=error)
    log.notice(
        "last_will_executed",
        packets=f"{sent}/{len(will.frames)}",
        addresses=f"{removed}/{len(will.addresses)}",
        **({"routes_and_rules": f"{taken}/{len(will.requests)}"} if will.requests else {}),
    )


def _send(frame: WillFrame, log: Log) -> bool:
    try:
        rawsocket.send_once(
            frame.interface, frame.source, frame.destination, frame.ttl, frame.packet, whole=frame.whole
        )
    except KernelRefusedError as error:
        log.error("last_will_packet_not_sent", interface=frame.interface, error=error)
        return False
    return True


def _remove(netlink: Netlink, address: WillAddress, log: Log) -> bool:
    try:
        return addresses.remove_named(netlink, address.interface, address.address, address.prefix_length, address.peer)
    except KernelRefusedError as error:
        log.error("last_will_address_stays", interface=address.interface, address=address.address, error=error)
        return False


def _request(netlink: Netlink, request: WillRequest, log: Log) -> bool:
    try:
        netlink.request(request.kind, 0, request.body, request.what)
    except KernelRefusedError as error:
        log.error("last_will_not_done", what=request.what, error=error)
        return False
    return True
