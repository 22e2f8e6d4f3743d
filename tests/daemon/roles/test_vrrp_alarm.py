# SPDX-License-Identifier: Apache-2.0
"""Two actives and other trouble between two vrrp roles, with real faults: both say it, and why."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from bascule.lab.lone_role import LoneRole
from bascule.lab.network import Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.model.base import Priority, Seconds, Vrid, from_json
from bascule.model.configuration import AuthType, Configuration, VirtualAddress, VrrpInstance, VrrpState
from bascule.model.messages import AlarmChanged, InstanceChanged, Role
from bascule.model.status import AlarmKind, AlarmStatus, VrrpStatus

pytestmark = [pytest.mark.root, pytest.mark.lab]

VIP = ipaddress.IPv4Address("192.168.2.240")
OTHER = ipaddress.IPv4Address("192.168.2.241")
FAST = {"version": 3, "advert_interval": Seconds(0.2)}
PASS = {"auth_type": AuthType.PASS}

PAIR = Topology(
    name="pair",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(name=name, role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"192.168.2.{last}/24",)),))
        for name, last in (("d1", 210), ("d2", 211))
    ),
)


def configuration(priority: int, **changes: object) -> Configuration:
    values: dict[str, object] = {
        "name": "VI_1",
        "interface": "eth0",
        "vrid": Vrid(51),
        "priority": Priority(priority),
        "virtual_addresses": (VirtualAddress(address=VIP, prefix_length=32),),
        **changes,
    }
    return Configuration(instances=(VrrpInstance(**values),))  # type: ignore[arg-type]


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        yield built


def state(role: LoneRole) -> VrrpState | None:
    changes = [message.state for message in role.messages if isinstance(message, InstanceChanged)]
    return changes[-1] if changes else None


def reach(role: LoneRole, wanted: VrrpState) -> None:
    role.until(lambda: state(role) is wanted, 20, f"state {wanted.value}")


def alarms(role: LoneRole) -> tuple[AlarmStatus, ...]:
    return from_json(role.status(), VrrpStatus).instances[0].alarms


def alarm(role: LoneRole, kind: AlarmKind, words: str) -> AlarmStatus:
    """An alarm of a kind with these words, waited for; it was told as an event too."""

    def found() -> list[AlarmStatus]:
        return [entry for entry in alarms(role) if entry.kind is kind and words in entry.why]

    standing = wait_for(found, 20, f"{kind.value}: {words}", evidence=role.log)
    role.until(
        lambda: any(isinstance(m, AlarmChanged) and m.stands and words in m.why for m in role.messages), 5, "the event"
    )
    assert "event=alarm" in role.log()
    return standing[0]


DIFFERENCES: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "password": (PASS | {"auth_pass": b"1111"}, PASS | {"auth_pass": b"2222"}, "another password"),
    "authentication": (PASS | {"auth_pass": b"1111"}, {}, "another kind of authentication"),
    "interval": ({}, {"advert_interval": Seconds(2.0)}, "another advert interval"),
    "version": ({}, {"version": 3}, "another version"),
    "addresses": (
        {},
        {"virtual_addresses": (VirtualAddress(address=OTHER, prefix_length=32),)},
        "another list of virtual addresses",
    ),
    "vrid": ({}, {"vrid": Vrid(52)}, "virtual_router_id"),
}


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_two_actives_that_do_not_understand_each_other_both_say_why(network: Network, difference: str) -> None:
    here, there, words = DIFFERENCES[difference]
    with LoneRole(network.host("d1"), Role.VRRP, configuration(150, **here)) as one:
        reach(one, VrrpState.MASTER)
        with LoneRole(network.host("d2"), Role.VRRP, configuration(100, **there)) as two:
            if difference != "vrid":
                alarm(two, AlarmKind.VRID_IN_USE, words)
            reach(two, VrrpState.MASTER)
            alarm(one, AlarmKind.SECOND_ACTIVE, words)
            alarm(two, AlarmKind.SECOND_ACTIVE, words)
            assert (state(one), state(two)) == (VrrpState.MASTER, VrrpState.MASTER)


def test_a_filter_on_this_host_that_eats_our_adverts_is_found_and_it_heals(network: Network) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, configuration(150, **FAST)) as one:
        reach(one, VrrpState.MASTER)
        with LoneRole(network.host("d2"), Role.VRRP, configuration(100, **FAST)) as two:
            wait_for(lambda: from_json(two.status(), VrrpStatus).instances[0].adverts_received > 0, 10, "adverts")
            host = network.host("d1")
            host.run(["nft", "add table netdev t"])
            host.run(["nft", "add chain netdev t e { type filter hook egress device eth0 priority 0; }"])
            host.run(["nft", "add rule netdev t e meta l4proto 112 drop"])
            reach(two, VrrpState.MASTER)
            alarm(two, AlarmKind.ACTIVE_VANISHED, "no word that it stops")
            alarm(one, AlarmKind.SECOND_ACTIVE, "does not hear our adverts")
            alarm(one, AlarmKind.ADVERTS_BLOCKED, "did not leave by eth0")
            host.run(["nft", "delete table netdev t"])
            reach(two, VrrpState.BACKUP)
            wait_for(lambda: not alarms(one), 30, "the end of the alarms: nothing is wrong any more")
            one.until(lambda: any(isinstance(m, AlarmChanged) and not m.stands for m in one.messages), 5, "its event")
            assert state(one) is VrrpState.MASTER


def test_one_that_stops_in_order_has_not_vanished_and_one_that_is_killed_has(network: Network) -> None:
    with LoneRole(network.host("d2"), Role.VRRP, configuration(100, **FAST)) as two:
        for ordered in (True, False):
            with LoneRole(network.host("d1"), Role.VRRP, configuration(150, **FAST)) as one:
                reach(one, VrrpState.MASTER)
                reach(two, VrrpState.BACKUP)
                two.messages.clear()
                if ordered:
                    assert one.stop() == 0
                else:
                    one.kill()
            reach(two, VrrpState.MASTER)
            if ordered:
                assert alarms(two) == ()
            else:
                alarm(two, AlarmKind.ACTIVE_VANISHED, "no advert from 192.168.2.210 for")
