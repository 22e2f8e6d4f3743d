# SPDX-License-Identifier: Apache-2.0
"""What instances need of interfaces other than the one that is configured for them: that they are up."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.daemon.roles import vrrp_plan
from bascule.daemon.roles.vrrp_links import words_for
from bascule.daemon.roles.vrrp_ports import Ports
from bascule.daemon.roles.vrrp_seats import Seat
from bascule.model.configuration import VrrpInstance
from bascule.vrrp.events import Fault


def faults(entry: VrrpInstance, seat: Seat, ports: Ports) -> Iterator[Fault]:
    """Interfaces of an instance's addresses, other than its own, that are down. Of a macvlan that it is set down."""
    places = ((each.device or seat.base, seat.place(each, entry.family)) for each in vrrp_plan.followed(entry))
    for base, holds in dict.fromkeys(places):
        facts = ports.require(base).facts
        if base != seat.base and not (facts.up and facts.running):
            yield Fault(f"interface {base} {words_for(facts)}")
        elif holds not in (base, seat.holds) and not ports.require(holds).facts.up:
            yield Fault(f"interface {holds} is set down")
