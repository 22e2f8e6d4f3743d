# SPDX-License-Identifier: Apache-2.0
"""Executing the last will of a vrrp role that died: its prepared priority-0 packets at once, then its addresses off.

The packets make the backup take over within its skew time (RFC 9568 6.4.2) instead of three advert intervals.
"""

from __future__ import annotations

from bascule.daemon.log import Log
from bascule.errors import KernelRefusedError
from bascule.linux import addresses, rawsocket
from bascule.linux.netlink import Netlink
from bascule.model.messages import LastWill, WillAddress, WillFrame


def execute(will: LastWill, log: Log) -> None:
    """Send and remove everything that the will names; what the kernel refuses is logged and the rest goes on."""
    sent = sum(_send(frame, log) for frame in will.frames)
    removed = 0
    if will.addresses:
        try:
            with Netlink() as netlink:
                removed = sum(_remove(netlink, address, log) for address in will.addresses)
        except KernelRefusedError as error:
            log.error("last_will_incomplete", error=error)
    log.notice(
        "last_will_executed",
        packets=f"{sent}/{len(will.frames)}",
        addresses=f"{removed}/{len(will.addresses)}",
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
        return addresses.remove_named(netlink, address.interface, address.address, address.prefix_length)
    except KernelRefusedError as error:
        log.error("last_will_address_stays", interface=address.interface, address=address.address, error=error)
        return False
