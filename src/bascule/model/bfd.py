# SPDX-License-Identifier: Apache-2.0
"""A session of bidirectional forwarding detection, as the file says it (keepalived.conf(5), BFD CONFIGURATION)."""

from __future__ import annotations

from bascule.model.base import IPAddress, Model, Seconds


class BfdSession(Model, frozen=True, kw_only=True):
    """`bfd_instance NAME`."""

    name: str
    neighbour: IPAddress
    source: IPAddress | None = None
    """None = the address that the kernel's routes choose."""
    min_rx: Seconds = Seconds(0.01)
    """The shortest time between two packets that this director can hear."""
    min_tx: Seconds = Seconds(0.01)
    """The shortest time between two packets that this director wants to send."""
    idle_tx: Seconds = Seconds(1.0)
    """Between two packets while the session is not up."""
    multiplier: int = 5
    """How many of our packets may be missed before the neighbour takes the session down."""
    passive: bool = False
    """Say nothing before the neighbour does."""
    ttl: int = 255
    """Of what is sent; the hop limit, over IPv6."""
    max_hops: int | None = 0
    """How many routers a received packet may have come over; None = any number."""
