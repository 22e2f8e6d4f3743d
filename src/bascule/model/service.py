# SPDX-License-Identifier: Apache-2.0
"""Virtual services and real servers as a data plane holds them, and what it counts and remembers about them.

`VirtualService` and `RealServer` are what we want (the desired table) and equally what a plane says it holds;
the `...View` structs add what only the plane knows: connections, counters, rates, neighbours.
"""

from __future__ import annotations

import enum

from bascule.model.base import IPAddress, Model, Seconds, Weight


class Protocol(enum.Enum):
    """The transport protocol of a virtual service."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"

    @property
    def number(self) -> int:
        """The protocol's number in the IP header."""
        return {"tcp": 6, "udp": 17, "sctp": 132}[self.value]


class Scheduler(enum.Enum):
    """How a new connection chooses its real server (ipvsadm(8), --scheduler)."""

    RR = "rr"
    WRR = "wrr"
    LC = "lc"
    WLC = "wlc"
    LBLC = "lblc"
    LBLCR = "lblcr"
    DH = "dh"
    SH = "sh"
    SED = "sed"
    NQ = "nq"
    FO = "fo"
    OVF = "ovf"
    MH = "mh"
    TWOS = "twos"


class ForwardingMethod(enum.Enum):
    """How a packet reaches its real server; values as keepalived's `lb_kind` spells them."""

    DR = "DR"
    TUN = "TUN"
    NAT = "NAT"


class ServiceId(Model, frozen=True, kw_only=True, order=True):
    """What names a virtual service: protocol, virtual address, port (host order; 0 = all ports)."""

    protocol: Protocol
    address: IPAddress
    port: int

    def __str__(self) -> str:
        """As keepalived writes it in mails and logs: `[192.168.2.240]:tcp:80`."""
        return f"[{self.address}]:{self.protocol.value}:{self.port}"


class ServerId(Model, frozen=True, kw_only=True):
    """What names a real server inside its virtual service: address and port (host order)."""

    address: IPAddress
    port: int

    def text(self, protocol: Protocol) -> str:
        """As keepalived writes it: `[192.168.2.212]:tcp:80`."""
        return f"[{self.address}]:{protocol.value}:{self.port}"


class RealServer(Model, frozen=True, kw_only=True):
    """A real server of a virtual service."""

    address: IPAddress
    port: int
    weight: Weight = Weight(1)
    """0 takes no new connections; the ones it has go on."""
    forwarding: ForwardingMethod = ForwardingMethod.DR
    upper_threshold: int = 0
    """No new connections above this many; 0 = no limit."""
    lower_threshold: int = 0

    @property
    def id(self) -> ServerId:
        """This server's name inside its service."""
        return ServerId(address=self.address, port=self.port)


class VirtualService(Model, frozen=True, kw_only=True):
    """A virtual service with its real servers."""

    id: ServiceId
    scheduler: Scheduler = Scheduler.WLC
    persistence: Seconds | None = None
    """How long a client keeps its real server after its last connection; None = not persistent."""
    servers: tuple[RealServer, ...] = ()


class Counters(Model, frozen=True, kw_only=True):
    """Totals since the service or real server was first put into the plane."""

    connections: int = 0
    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    """IP bytes, as IPVS counts them: without the Ethernet header."""
    bytes_out: int = 0


class Rates(Model, frozen=True, kw_only=True):
    """Per second, smoothed as IPVS's estimator does (two-second samples)."""

    connections: int = 0
    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class RealServerView(Model, frozen=True, kw_only=True):
    """A real server as the plane holds it now."""

    server: RealServer
    active: int = 0
    """Connections in state ESTABLISHED."""
    inactive: int = 0
    """Connections in every other state."""
    persistent: int = 0
    """Persistence templates that point here."""
    counters: Counters = Counters()
    rates: Rates = Rates()
    trouble: str | None = None
    """Why it cannot be reached at layer 2, in words; None = it can, or the plane does not know."""


class ServiceView(Model, frozen=True, kw_only=True):
    """A virtual service as the plane holds it now."""

    service: VirtualService
    """Its `servers` are empty here: see `servers` beside it."""
    servers: tuple[RealServerView, ...] = ()
    counters: Counters = Counters()
    rates: Rates = Rates()
    ours: bool = True
    """False: put there by another program or by hand; shown as foreign, never touched."""


class ConnectionState(enum.Enum):
    """States as `ipvsadm -Lnc` names them."""

    NONE = "NONE"
    ESTABLISHED = "ESTABLISHED"
    SYN_SENT = "SYN_SENT"
    SYN_RECV = "SYN_RECV"
    FIN_WAIT = "FIN_WAIT"
    TIME_WAIT = "TIME_WAIT"
    CLOSE = "CLOSE"
    CLOSE_WAIT = "CLOSE_WAIT"
    LAST_ACK = "LAST_ACK"
    LISTEN = "LISTEN"
    SYNACK = "SYNACK"
    UDP = "UDP"
    ASSURED = "ASSURED"
    """A persistence template that has seen an established connection."""


class Connection(Model, frozen=True, kw_only=True):
    """One entry of the connection table; `client_port` 0 is a persistence template."""

    protocol: Protocol
    client: IPAddress
    client_port: int
    virtual: IPAddress
    virtual_port: int
    real: IPAddress
    real_port: int
    state: ConnectionState
    expires: Seconds
    """Seconds until it expires, if no packet comes."""
