# SPDX-License-Identifier: Apache-2.0
"""The sockets of planned switches: one for an interface and IP version whose instances have a key. What comes is
decoded and counted here; what a message means is vrrp_handover.py's.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_ports import Ports
from bascule.daemon.roles.vrrp_refusals import Seldom, merged
from bascule.errors import KernelRefusedError
from bascule.linux.arrivals import Received
from bascule.linux.datagram import DatagramSocket
from bascule.model.base import IPAddress
from bascule.model.configuration import AuthType, BasculeOptions, VrrpInstance
from bascule.vrrp import handover
from bascule.vrrp.handover import Order, Refused, RefusedOrderError
from bascule.vrrp.packet import group_of

BATCH_MAX = 64
"""Datagrams read from one socket in one go: a flood must not keep the timers waiting."""


@dataclasses.dataclass(slots=True)
class Line:
    """One socket and the instances that it is for, by VRID and IP version."""

    interface: str
    index: int
    socket: DatagramSocket
    keys: dict[tuple[int, int], bytes]
    instances: dict[tuple[int, int], Instance]


@dataclasses.dataclass(slots=True, frozen=True)
class Came:
    """A message for an instance."""

    instance: Instance
    order: Order
    source: IPAddress
    at: float
    """When the kernel got it, by `boottime`."""


def secret_of(config: VrrpInstance, options: BasculeOptions) -> bytes | None:
    """What signs an instance's planned switches; None = nothing does, so there are none."""
    if options.handover_key is not None:
        return options.handover_key.encode()
    return config.auth_pass if config.auth_type is not AuthType.NONE and config.auth_pass else None


class Lines:
    """All sockets, and what was refused on them."""

    def __init__(self, ports: Ports, log: Log) -> None:
        """None yet."""
        self._ports = ports
        self._log = log
        self._lines: dict[tuple[str, int], Line] = {}
        self._seldom = Seldom()
        self.refused: dict[str, int] = {}
        """Datagrams by reason."""
        self.notes: tuple[str, ...] = ()

    def configure(self, instances: Mapping[str, Instance], options: BasculeOptions) -> None:
        """Have a socket wherever an instance has a key, and nowhere else."""
        wanted: dict[tuple[str, int], dict[tuple[int, int], Instance]] = {}
        keys: dict[tuple[int, int], bytes] = {}
        notes: list[str] = []
        for instance in instances.values():
            config, secret = instance.config, secret_of(instance.config, options)
            if secret is not None:
                here = wanted.setdefault((_interface(instance), config.family), {})
                here[config.vrid, config.family] = instance
        for place in set(self._lines) - set(wanted):
            self._lines.pop(place).socket.close()
        for place, routers in wanted.items():
            keys = {router: _key(instance.config, options) for router, instance in routers.items()}
            try:
                self._have(place, keys, routers)
            except KernelRefusedError as error:
                notes.append(f"no planned switch on {place[0]}: {error}")
        self.notes = tuple(notes)

    def _have(
        self, place: tuple[str, int], keys: dict[tuple[int, int], bytes], routers: dict[tuple[int, int], Instance]
    ) -> None:
        interface, family = place
        index = self._ports.require(interface).facts.index
        line = self._lines.get(place)
        if line is not None and line.index == index:
            line.keys, line.instances = keys, routers
            return
        if line is not None:
            self._lines.pop(place).socket.close()
        opened = DatagramSocket(interface, family, handover.PORT, group_of(family))
        self._lines[place] = Line(interface, index, opened, keys, routers)

    def stale(self) -> bool:
        """Whether an interface was made anew since its socket was opened."""
        ports = {line.interface: self._ports.get(line.interface) for line in self._lines.values()}
        found = ((line, ports[line.interface]) for line in self._lines.values())
        return any(port is not None and port.up and port.facts.index != line.index for line, port in found)

    def sockets(self) -> dict[int, Line]:
        """The sockets by descriptor."""
        return {line.socket.fileno(): line for line in self._lines.values()}

    def has(self, instance: Instance) -> bool:
        """Whether an instance can speak."""
        return self._line(instance) is not None

    def _line(self, instance: Instance) -> Line | None:
        line = self._lines.get((_interface(instance), instance.config.family))
        return line if line is not None and router_of(instance) in line.keys else None

    def send(self, instance: Instance, order: Order, destination: IPAddress) -> None:
        """Send a message of an instance, signed. What the kernel refuses is said: it is as if it were lost."""
        line = self._line(instance)
        if line is None:
            return
        try:
            data = handover.encode(order, line.keys[router_of(instance)], instance.source)
            line.socket.send(data, instance.source, destination)
        except KernelRefusedError as error:
            self._log.warning("order_not_sent", instance=instance.name, error=error)

    def receive(self, line: Line) -> Iterator[Came]:
        """The messages that wait at a socket; what is none is counted, said seldom, and goes no further."""
        try:
            waiting = list(itertools.islice(line.socket.receive(), BATCH_MAX))
        except KernelRefusedError as error:
            self._log.warning("receive_failed", interface=line.interface, error=error)
            return
        for received in waiting:
            try:
                yield self._read(line, received)
            except RefusedOrderError as error:
                self.refuse(line.interface, received.source, error)

    def _read(self, line: Line, received: Received) -> Came:
        order = handover.decode(received.payload, received.source, line.keys)
        instance = line.instances[order.vrid, order.family]
        if received.source in self._ports.local:
            raise RefusedOrderError(Refused.SENDER, "one of this host's own addresses")
        peers = instance.config.unicast_peers
        if peers and all(peer.address != received.source for peer in peers):
            raise RefusedOrderError(Refused.SENDER, f"{received.source} is no unicast_peer")
        if not peers and received.ttl != handover.TTL:
            raise RefusedOrderError(Refused.TTL, f"TTL {received.ttl}, expected {handover.TTL}")
        return Came(instance, order, received.source, boottime() - received.age)

    def refuse(self, interface: str, source: IPAddress, error: RefusedOrderError) -> None:
        """Count a datagram, and say so seldom."""
        reason = error.reason.value
        self.refused = merged(self.refused, {reason: 1})
        count = self._seldom.due(reason, boottime())
        if count:
            detail = error.detail
            self._log.warning(
                "order_refused", interface=interface, reason=reason, source=source, count=count, detail=detail
            )

    def close(self) -> None:
        """Close every socket."""
        for line in self._lines.values():
            line.socket.close()
        self._lines.clear()


def router_of(instance: Instance) -> tuple[int, int]:
    """What names its virtual router on its interface."""
    return (instance.config.vrid, instance.config.family)


def _key(config: VrrpInstance, options: BasculeOptions) -> bytes:
    secret = secret_of(config, options)
    assert secret is not None
    return handover.key_of(secret)


def _interface(instance: Instance) -> str:
    """Where an instance speaks to its peers: on its interface, where a virtual MAC does not come between; what is for
    the address of an ipvlan only that hears.
    """
    return instance.seat.talks if instance.config.ipvlan is not None else instance.config.interface
