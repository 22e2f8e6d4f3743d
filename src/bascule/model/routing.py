# SPDX-License-Identifier: Apache-2.0
"""Routes and rules of the configuration, as the kernel's routing tables take them (rtnetlink(7)).

Names are numbers here: tables, protocols, scopes and types of service by the lists that iproute2 brings with it.
"""

from __future__ import annotations

import enum

from bascule.model.base import IPAddress, Model

MAIN_TABLE = 254

UNNUMBERED = -1
"""The priority of a rule that names none, until all files are read."""

KEEPALIVED_PROTOCOL = 18
"""Who the kernel notes as the origin of a route or rule unless it says otherwise (RTPROT_KEEPALIVED)."""


class RouteType(enum.IntEnum):
    """What becomes of packets (RTN_...)."""

    UNSPEC = 0
    UNICAST = 1
    LOCAL = 2
    BROADCAST = 3
    ANYCAST = 4
    MULTICAST = 5
    BLACKHOLE = 6
    UNREACHABLE = 7
    PROHIBIT = 8
    THROW = 9
    NAT = 10
    XRESOLVE = 11


class MetricKind(enum.IntEnum):
    """What a metric of a route is about (RTAX_...); the unit is that of its values."""

    MTU = 2
    """Bytes."""
    WINDOW = 3
    """Bytes."""
    RTT = 4
    """Eighths of a millisecond."""
    RTTVAR = 5
    """Quarters of a millisecond."""
    SSTHRESH = 6
    """Packets."""
    CWND = 7
    """Packets."""
    ADVMSS = 8
    """Bytes."""
    REORDERING = 9
    HOPLIMIT = 10
    INITCWND = 11
    FEATURES = 12
    """Bits; 1 = explicit congestion notification."""
    RTO_MIN = 13
    """Milliseconds."""
    INITRWND = 14
    QUICKACK = 15
    FASTOPEN_NO_COOKIE = 17


class EncapsulationKind(enum.IntEnum):
    """How packets of a route are wrapped (LWTUNNEL_ENCAP_...)."""

    MPLS = 1
    IP = 2
    ILA = 3
    IP6 = 4


class RoutePlace(enum.Enum):
    """Where among its likes a route goes."""

    ADD = "add"
    """Nowhere, if there is one."""
    PREPEND = "prepend"
    APPEND = "append"


class RuleAction(enum.IntEnum):
    """What a rule does with the packets that fit (FR_ACT_...)."""

    TABLE = 1
    GOTO = 2
    NOP = 3
    BLACKHOLE = 6
    UNREACHABLE = 7
    PROHIBIT = 8


class Prefix(Model, frozen=True, kw_only=True):
    """A network, or a host in it: bits behind the length stay as they are written. Length 0 is everything."""

    address: IPAddress
    length: int

    def __str__(self) -> str:
        """As it is written: `10.0.0.0/8`."""
        return f"{self.address}/{self.length}"


class Realms(Model, frozen=True, kw_only=True):
    """What a route or rule is accounted to; 0 = nothing."""

    destination: int
    source: int = 0


class Encapsulation(Model, frozen=True, kw_only=True):
    """`encap`: what is put around the packets of a route. Each kind uses some of the fields."""

    kind: EncapsulationKind
    identifier: int | None = None
    source: IPAddress | None = None
    destination: IPAddress | None = None
    tos: int | None = None
    """Of IPv6, the traffic class."""
    ttl: int | None = None
    """Of IPv6, the hop limit."""
    flags: int | None = None
    labels: tuple[int, ...] = ()
    """Of MPLS, the outermost first."""
    locator: int | None = None
    """Of ILA, 64 bits."""


class NextHop(Model, frozen=True, kw_only=True):
    """One of several next routers of a route."""

    gateway: IPAddress | None = None
    device: str | None = None
    weight: int = 1
    """Its share, 1..256."""
    onlink: bool = False
    realms: Realms | None = None
    encapsulation: Encapsulation | None = None


class RouteMetric(Model, frozen=True, kw_only=True):
    """A number that a route lays down for its connections."""

    kind: MetricKind
    value: int
    locked: bool = False
    """The kernel does not adapt it."""


class Route(Model, frozen=True, kw_only=True):
    """A line of `virtual_routes` or `static_routes`."""

    destination: Prefix
    type: int = RouteType.UNICAST
    """A RouteType, or another number that the file names."""
    table: int | None = None
    """None = MAIN_TABLE, or the table of `vrf`."""
    vrf: str | None = None
    gateway: IPAddress | None = None
    """`via`"""
    device: str | None = None
    """None = for the kernel to find."""
    next_hops: tuple[NextHop, ...] = ()
    preferred_source: IPAddress | None = None
    """`src`"""
    source: Prefix | None = None
    """`from`: of IPv6 only, packets from there alone."""
    tos: int = 0
    protocol: int = KEEPALIVED_PROTOCOL
    scope: int = 0
    """0 = global."""
    metric: int | None = None
    """None = the kernel's."""
    onlink: bool = False
    place: RoutePlace = RoutePlace.PREPEND
    encapsulation: Encapsulation | None = None
    metrics: tuple[RouteMetric, ...] = ()
    """By kind, each once."""
    congestion_control: str | None = None
    congestion_control_locked: bool = False
    realms: Realms | None = None
    expires: int | None = None
    """Seconds; of IPv6 only."""
    preference: int | None = None
    """Of IPv6 only, RFC 4191: 1 high, 0 medium, 3 low."""
    ttl_propagate: bool | None = None
    """MPLS; None = the kernel's."""
    no_track: bool = False
    """That others remove it is no fault."""
    track_group: str | None = None
    """Of static routes: the group of instances that follow its interface."""


class Rule(Model, frozen=True, kw_only=True):
    """A line of `virtual_rules` or `static_rules`."""

    family: int
    """4 or 6."""
    action: RuleAction
    table: int | None = None
    """Of action TABLE; None = that of the packet's VRF (`l3mdev`)."""
    goto: int | None = None
    """Of action GOTO: the priority of the rule to go on with."""
    priority: int = UNNUMBERED
    """The lower, the earlier. Those that name none are numbered downwards from 16384, as keepalived has it."""
    invert: bool = False
    """Packets that do not fit, instead."""
    source: Prefix | None = None
    destination: Prefix | None = None
    tos: int = 0
    mark: int | None = None
    mark_mask: int | None = None
    """None = all bits."""
    incoming: str | None = None
    """`iif`"""
    outgoing: str | None = None
    """`oif`"""
    ip_protocol: int | None = None
    source_ports: tuple[int, int] | None = None
    """First and last."""
    destination_ports: tuple[int, int] | None = None
    users: tuple[int, int] | None = None
    """`uidrange`: first and last."""
    tunnel: int | None = None
    realms: Realms | None = None
    suppress_prefix_length: int | None = None
    suppress_interface_group: int | None = None
    protocol: int = KEEPALIVED_PROTOCOL
    no_track: bool = False
    """That others remove it is no fault."""
    track_group: str | None = None
    """Of static rules: the group of instances that follow its incoming interface."""
