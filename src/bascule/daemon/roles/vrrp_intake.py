# SPDX-License-Identifier: Apache-2.0
"""From a port's socket to adverts: what is no advert is counted and said seldom, and goes no further."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_ports import Port
from bascule.errors import KernelRefusedError
from bascule.linux.arrivals import Received
from bascule.vrrp import ah, packet, trailer
from bascule.vrrp.packet import Advert, Datagram, RefusedPacketError

_PROTOCOL_AT = 9
"""In an IPv4 header."""

_AH = bytes((ah.AH,))

BATCH_MAX = 1024
"""Packets read from one socket in one go: a flood must not keep the timers waiting for ever."""


def boottime() -> float:
    """Seconds of the clock that all VRRP timers use: steady, and going on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclasses.dataclass(slots=True, frozen=True)
class Heard:
    """An advert as it came: the bytes are in order, whether it is for us is not known yet."""

    advert: Advert
    datagram: Datagram
    at: float
    """When the kernel got it, by `boottime`."""


def adverts(port: Port, log: Log) -> Iterator[Heard]:
    """The adverts that wait at a port."""
    for received in _waiting(port, log):
        now = boottime()
        datagram = Datagram(
            payload=received.payload,
            source=received.source,
            destination=received.destination,
            ttl=received.ttl,
            header=received.header,
        )
        try:
            if received.header[_PROTOCOL_AT : _PROTOCOL_AT + 1] == _AH:
                datagram = ah.unwrap(datagram)
            datagram = trailer.split(datagram)
            advert = packet.decode(datagram, port.groups)
        except RefusedPacketError as error:
            refuse(port, datagram, error, log)
            continue
        yield Heard(advert, datagram, now - received.age)


def refuse(port: Port, datagram: Datagram, error: RefusedPacketError, log: Log) -> None:
    """Count a packet that belongs to no instance here, and say so seldom."""
    count = port.refusals.count(error, boottime())
    if count:
        log.warning(
            "packet_refused",
            interface=port.name,
            reason=error.reason.value,
            source=datagram.source,
            count=count,
            detail=error.detail,
        )


def _waiting(port: Port, log: Log) -> list[Received]:
    found: list[Received] = []
    for opened in port.sockets.values():
        try:
            found += [received for _, received in zip(range(BATCH_MAX), opened.receive(), strict=False)]
        except KernelRefusedError as error:
            log.warning("receive_failed", interface=port.name, error=error)
    return found
