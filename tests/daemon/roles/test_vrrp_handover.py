# SPDX-License-Identifier: Apache-2.0
"""Planned switches between two vrrp roles, with a client that pings the virtual address all the time."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import ipaddress
import select
import threading
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_handover
from bascule.daemon.roles.vrrp_handover import Switchboard
from bascule.daemon.roles.vrrp_lines import Lines
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import stays, wait_for
from bascule.linux.datagram import DatagramSocket
from bascule.linux.netlink import NetlinkError
from bascule.model.base import Priority, Seconds, Vrid, from_json
from bascule.model.configuration import (
    AuthType,
    BasculeOptions,
    Configuration,
    GlobalDefinitions,
    VirtualAddress,
    VrrpInstance,
    VrrpState,
)
from bascule.model.messages import Handover, InstanceChanged, Role, StopMode, SwitchOrder, SwitchOutcome
from bascule.model.status import VrrpStatus
from bascule.model.tracking import SyncGroup, Tracked, TrackerKind
from bascule.vrrp import handover
from bascule.vrrp.handover import Kind, Order, Standing
from bascule.vrrp.packet import GROUP_IPV4
from tests.daemon.echoes import Flood

pytestmark = [pytest.mark.root, pytest.mark.lab]

C = ipaddress.IPv4Address("192.168.2.100")
D1 = ipaddress.IPv4Address("192.168.2.210")
VIP = ipaddress.IPv4Address("192.168.2.240")
D2 = ipaddress.IPv4Address("192.168.2.211")
INTERVAL = Seconds(0.2)
READY = Standing.BACKUP | Standing.READY
FLOOD = 200_000
"""Datagrams at the most: it ends with the switch."""

SEGMENT = Topology(
    name="switch",
    about="Two directors and a client.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(name=name, role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"192.168.2.{last}/24",)),))
        for name, last in (("d1", 210), ("d2", 211), ("c", 100))
    ),
)


def configuration(name: str, priority: int, key: str | None = "secret", **changes: object) -> Configuration:
    values: dict[str, object] = {
        "name": "VI_1",
        "interface": "eth0",
        "vrid": Vrid(51),
        "priority": Priority(priority),
        "version": 3,
        "advert_interval": INTERVAL,
        "virtual_addresses": (VirtualAddress(address=VIP, prefix_length=32),),
        **changes,
    }
    return Configuration(
        globals=GlobalDefinitions(router_id=name),
        instances=(VrrpInstance(**values),),  # type: ignore[arg-type]
        options=BasculeOptions(handover_key=key),
    )


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(SEGMENT) as built:
        yield built


def states(role: LoneRole) -> list[VrrpState]:
    return [message.state for message in role.messages if isinstance(message, InstanceChanged)]


def state(role: LoneRole) -> VrrpState | None:
    return states(role)[-1] if states(role) else None


def reach(role: LoneRole, wanted: VrrpState) -> None:
    role.until(lambda: state(role) is wanted, 10, f"state {wanted.value}")


def order(role: LoneRole, **values: object) -> SwitchOutcome:
    role.messages = [message for message in role.messages if not isinstance(message, SwitchOutcome)]
    role.send(SwitchOrder(number=7, **values))  # type: ignore[arg-type]
    role.until(lambda: any(isinstance(m, SwitchOutcome) for m in role.messages), 10, "the outcome")
    return next(message for message in role.messages if isinstance(message, SwitchOutcome))


def status(role: LoneRole) -> VrrpStatus:
    return from_json(role.status(), VrrpStatus)


class Stranger:
    """A host that speaks the protocol by hand."""

    def __init__(self, host: LabHost, secret: bytes = b"secret") -> None:
        with host.entered():
            self.socket = DatagramSocket("eth0", 4, handover.PORT, GROUP_IPV4)
        self.key = handover.key_of(secret)
        self.router = b"stranger"

    def send(self, kind: Kind, to: ipaddress.IPv4Address, **values: object) -> bytes:
        order = Order(kind=kind, vrid=Vrid(51), family=4, router=self.router, **values)  # type: ignore[arg-type]
        data = handover.encode(order, self.key, C)
        self.socket.send(data, C, to)
        return data

    def expect(self, kind: Kind) -> Order:
        """The next message of a kind."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            select.select([self.socket], [], [], 0.1)
            for received in self.socket.receive():
                order = handover.decode(received.payload, received.source, {(51, 4): self.key})
                if order.kind is kind:
                    return order
        raise AssertionError(f"no {kind.name} came")

    def offer(self, question: Order) -> None:
        """Say that here is the best of backups."""
        self.send(Kind.HERE, D1, echo=question.nonce, nonce=b"t" * 16, priority=Priority(254), standing=READY, name="c")


@pytest.fixture
def stranger(network: Network) -> Iterator[Stranger]:
    made = Stranger(network.host("c"))
    yield made
    made.socket.close()


@pytest.fixture
def pair(network: Network) -> Iterator[tuple[LoneRole, LoneRole]]:
    """d1, active with priority 150, and d2, its backup with 100."""
    with LoneRole(network.host("d1"), Role.VRRP, configuration("d1", 150)) as one:
        reach(one, VrrpState.MASTER)
        with LoneRole(network.host("d2"), Role.VRRP, configuration("d2", 100)) as two:
            wait_for(lambda: status(two).instances[0].adverts_received > 0, 10, "an advert")
            yield one, two


def switched(one: LoneRole, two: LoneRole) -> bool:
    """Switch from one to the other. False: on this machine, now, five milliseconds were not enough; both went on."""
    done = order(one)
    assert done.ok
    reach(one, VrrpState.BACKUP)
    reach(two, VrrpState.MASTER)
    wait_for(lambda: status(one).instances[0].adverts_received > 0, 10, "the successor's advert")
    return "handed over to" in done.text


def test_no_echo_is_lost_in_a_switch_nor_on_the_way_back_nor_at_a_stop(
    network: Network, pair: tuple[LoneRole, LoneRole]
) -> None:
    one, two = pair
    judged = set()
    for _ in range(8):
        for name, here, there in (("there", one, two), ("back", two, one)):
            flood = Flood(network.host("c"), VIP)
            flood.until_sent(100)
            clean = switched(here, there)
            flood.until_sent(1200)
            lost = flood.end()
            if clean:
                assert lost == []
                judged.add(name)
        if judged == {"there", "back"}:
            break
    assert judged == {"there", "back"}, one.log()
    shown = status(two).instances[0]
    assert (shown.held, shown.handed_to, shown.priority) == (True, D1, 1)
    assert not status(one).instances[0].held
    flood = Flood(network.host("c"), VIP)
    flood.until_sent(100)
    assert one.stop() == 0
    reach(two, VrrpState.MASTER)
    flood.until_sent(300)
    lost = flood.end()
    assert "handed over to" not in one.log().splitlines()[-1] or lost == []
    assert "event=planned_switch" in one.log()


def test_a_hold_ends_by_release_and_by_the_death_of_all_others(pair: tuple[LoneRole, LoneRole]) -> None:
    one, two = pair
    switched(one, two)
    stays(lambda: one.pump(0) and state(one) is VrrpState.BACKUP, 2, "it keeps back")
    assert order(one, release=True).text == "released: VI_1"
    assert order(one, release=True).text == "nothing was held back"
    reach(one, VrrpState.MASTER)
    reach(two, VrrpState.BACKUP)
    switched(one, two)
    two.kill()
    reach(one, VrrpState.MASTER)
    assert not status(one).instances[0].held
    assert status(one).instances[0].priority == 150


def test_what_cannot_be_done_changes_nothing_and_says_why(pair: tuple[LoneRole, LoneRole]) -> None:
    one, two = pair
    done = order(one, peer="d7")
    assert not done.ok
    assert done.text == (f"VI_1: nothing is changed: d7 did not answer as a backup; answered: d2 ({D2}), backup")
    assert order(one, instance="VI_9").text == "there is no vrrp_instance VI_9 here; there are: VI_1"
    done = order(two, instance="VI_1")
    assert (done.ok, done.text) == (False, "VI_1 is not active here: there is nothing to hand over")
    assert state(one) is VrrpState.MASTER


def test_without_a_key_it_is_a_switch_by_priority_0(network: Network) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, configuration("d1", 150, None)) as one:
        reach(one, VrrpState.MASTER)
        assert "neither a handover_key" in order(one, peer="d2").text
        with LoneRole(network.host("d2"), Role.VRRP, configuration("d2", 100, None)) as two:
            wait_for(lambda: status(two).instances[0].adverts_received > 0, 10, "an advert")
            assert order(one).text == "VI_1: gave up by priority 0: no other bascule answered"
            reach(two, VrrpState.MASTER)
            assert status(two).instances[0].reason == f"{D1} stopped"
            assert status(one).instances[0].handed_to is None


class Mute:
    """A group of two actives without a world."""

    def __init__(self) -> None:
        self.instances = dict.fromkeys(("VI_1", "VI_2"), self)
        self.ports: list[object] = []
        self.state, self.owned, self.destinations = VrrpState.MASTER, frozenset[object](), ()

    def units(self, names: list[str]) -> list[tuple[str, ...]]:
        return [(name,) for name in names]


@pytest.mark.parametrize(("speaking", "waits"), [((), False), (("VI_2",), True)])
def test_nobody_is_waited_for_who_cannot_be_asked(
    monkeypatch: pytest.MonkeyPatch, speaking: tuple[str, ...], waits: bool
) -> None:
    """Else the peers of a director that dies would wait as long, too."""
    answers = iter(name in speaking for name in ("VI_1", "VI_2"))
    monkeypatch.setattr(Lines, "has", lambda _lines, _instance: next(answers))
    monkeypatch.setattr(vrrp_handover, "boottime", lambda: 100.0)
    board = Switchboard(Mute(), Log("vrrp"), lambda _: None)  # type: ignore[arg-type]
    board.begin(SwitchOrder(number=0), lambda _: None, urgent=True)
    assert (board.deadline() > 100.0) is waits


def test_auth_pass_is_a_key_too(network: Network) -> None:
    password = {"version": 2, "advert_interval": Seconds(1.0), "auth_type": AuthType.PASS, "auth_pass": b"1111"}
    with LoneRole(network.host("d1"), Role.VRRP, configuration("d1", 150, None, **password)) as one:
        reach(one, VrrpState.MASTER)
        with LoneRole(network.host("d2"), Role.VRRP, configuration("d2", 100, None, **password)) as two:
            wait_for(lambda: status(two).instances[0].adverts_received > 0, 10, "an advert")
            assert order(one, peer=str(D2)).ok
            reach(two, VrrpState.MASTER)
            reach(one, VrrpState.BACKUP)


def test_a_successor_that_does_not_answer_is_left_to_priority_0(
    pair: tuple[LoneRole, LoneRole], stranger: Stranger
) -> None:
    one, two = pair
    for _ in range(10):
        one.messages = [message for message in one.messages if not isinstance(message, SwitchOutcome)]
        one.send(SwitchOrder(number=7))
        stranger.offer(stranger.expect(Kind.ASK))
        one.until(lambda: bool(outcomes(one)), 10, "the outcome")
        if "d2" not in outcomes(one)[0].text:
            break
        # The offer came too late, and the other one was asked.
        order(one, release=True)
        reach(one, VrrpState.MASTER)
        reach(two, VrrpState.BACKUP)
    assert stranger.expect(Kind.REQUEST).echo == b"t" * 16
    reach(one, VrrpState.BACKUP)
    assert status(one).instances[0].reason == f"{C} did not answer in a planned switch"
    reach(two, VrrpState.MASTER)
    assert outcomes(one)[0].text.endswith("gave up by priority 0")


def test_a_successor_that_refuses_leaves_us_active(pair: tuple[LoneRole, LoneRole], stranger: Stranger) -> None:
    one, _ = pair
    for _ in range(10):
        one.messages = [message for message in one.messages if not isinstance(message, SwitchOutcome)]
        one.send(SwitchOrder(number=7, peer="c"))
        stranger.offer(stranger.expect(Kind.ASK))
        stranger.send(Kind.REFUSED, D1, echo=stranger.expect(Kind.REQUEST).nonce, name="FAULT")
        one.until(lambda: any(isinstance(m, SwitchOutcome) for m in one.messages), 10, "the outcome")
        done = next(message for message in one.messages if isinstance(message, SwitchOutcome))
        if "did not answer" not in done.text:
            break
        order(one, release=True)
        reach(one, VrrpState.MASTER)
    assert (done.ok, done.text) == (False, f"VI_1: stays active: {C} refuses: FAULT")
    assert state(one) is VrrpState.MASTER


def test_a_recorded_request_is_of_no_use(pair: tuple[LoneRole, LoneRole], stranger: Stranger) -> None:
    one, two = pair
    stranger.send(Kind.ASK, D2, nonce=b"q" * 16)
    here = stranger.expect(Kind.HERE)
    assert (here.echo, here.name, here.priority) == (b"q" * 16, "d2", 100)
    recorded = stranger.send(Kind.REQUEST, D2, echo=here.nonce, nonce=b"r" * 16)
    assert stranger.expect(Kind.TAKEN).echo == b"r" * 16
    two.until(lambda: states(two)[-2:] == [VrrpState.MASTER, VrrpState.BACKUP], 10, "to and fro: d1 stands before it")
    before = states(two)
    stranger.socket.send(recorded, C, D2)
    wait_for(lambda: status(two).orders_refused.get("echo", 0) == 1, 10, "the refusal")
    assert states(two) == before
    assert state(one) is VrrpState.MASTER


def with_two(name: str, priority: int) -> Configuration:
    one = configuration(name, priority)
    other = VirtualAddress(address=ipaddress.IPv4Address("192.168.2.241"), prefix_length=32)
    second = msgspec.structs.replace(one.instances[0], name="VI_2", vrid=Vrid(52), virtual_addresses=(other,))
    return msgspec.structs.replace(one, instances=(*one.instances, second))


def in_a_group(name: str, priority: int) -> Configuration:
    group = SyncGroup(name="G", members=("VI_1", "VI_2"))
    return msgspec.structs.replace(with_two(name, priority), sync_groups=(group,))


@pytest.fixture
def pair_of_two(network: Network) -> Iterator[tuple[LoneRole, LoneRole]]:
    """d1, active for two instances, and d2, its backup."""
    with LoneRole(network.host("d1"), Role.VRRP, with_two("d1", 150)) as one:
        wait_for(functools.partial(all_are, one, VrrpState.MASTER), 10, "both active")
        with LoneRole(network.host("d2"), Role.VRRP, with_two("d2", 100)) as two:
            wait_for(lambda: all(i.adverts_received > 0 for i in status(two).instances), 10, "adverts")
            yield one, two


def outcomes(role: LoneRole) -> list[SwitchOutcome]:
    return [message for message in role.messages if isinstance(message, SwitchOutcome)]


def test_a_stop_in_the_middle_of_a_switch_sees_it_through_and_hands_the_rest_over(
    pair_of_two: tuple[LoneRole, LoneRole],
) -> None:
    one, two = pair_of_two
    one.send(SwitchOrder(number=7, instance="VI_1"))
    assert one.stop() == 0
    assert [done.number for done in outcomes(one)] == [7]
    assert one.log().count("event=planned_switch") == 2, "the order, and the end"
    assert "no other bascule answered" not in one.log()
    wait_for(functools.partial(all_are, two, VrrpState.MASTER), 10, "both active there")


def test_a_restart_in_the_middle_of_a_switch_does_not_go_on_with_what_was_handed_over(
    pair_of_two: tuple[LoneRole, LoneRole],
) -> None:
    one, _ = pair_of_two
    one.send(SwitchOrder(number=7, instance="VI_1"))
    assert one.stop(StopMode.RESTART) == 0
    assert [(done.number, done.ok) for done in outcomes(one)] == [(7, True)]
    (left,) = [message for message in one.messages if isinstance(message, Handover)]
    assert left.active == ("VI_2",)


def test_what_a_reload_removed_in_the_middle_of_a_switch_was_not_handed_over(
    pair_of_two: tuple[LoneRole, LoneRole],
) -> None:
    one, two = pair_of_two
    one.send(SwitchOrder(number=7, instance="VI_2"))
    one.configure(configuration("d1", 150))
    one.until(lambda: bool(outcomes(one)), 10, "the outcome")
    assert [(done.ok, done.text) for done in outcomes(one)] == [
        (False, "VI_2: is not there any more: nothing is handed over")
    ]
    assert actives(one) == ["VI_1"]
    wait_for(lambda: VrrpState.MASTER in {i.state for i in status(two).instances}, 10, "its peer to take it over")


def test_a_reload_with_other_settings_in_the_middle_of_a_switch_lets_it_go_on(
    pair: tuple[LoneRole, LoneRole],
) -> None:
    one, two = pair
    one.send(SwitchOrder(number=7))
    one.configure(configuration("d1", 140))
    one.until(lambda: bool(outcomes(one)), 10, "the outcome")
    reach(two, VrrpState.MASTER)
    reach(one, VrrpState.BACKUP)
    assert order(one, release=True).ok
    reach(one, VrrpState.MASTER)
    assert status(one).instances[0].priority == 140


def test_two_requests_at_once_are_one_switch(pair: tuple[LoneRole, LoneRole]) -> None:
    one, two = pair
    for number in (7, 8):
        one.send(SwitchOrder(number=number))
    one.until(lambda: len(outcomes(one)) == 2, 10, "both outcomes")
    assert [(done.number, done.ok) for done in outcomes(one)] == [(8, False), (7, True)]
    assert outcomes(one)[0].text == "a planned switch is under way"
    reach(two, VrrpState.MASTER)


def test_both_sides_hand_over_to_each_other_at_once(network: Network) -> None:
    def turned(name: str, first: int, second: int) -> Configuration:
        made = with_two(name, first)
        other = msgspec.structs.replace(made.instances[1], priority=Priority(second))
        return msgspec.structs.replace(made, instances=(made.instances[0], other))

    with (
        LoneRole(network.host("d1"), Role.VRRP, turned("d1", 150, 100)) as one,
        LoneRole(network.host("d2"), Role.VRRP, turned("d2", 100, 150)) as two,
    ):
        wait_for(lambda: actives(one) == ["VI_1"] and actives(two) == ["VI_2"], 10, "each to have its own")
        for role in (one, two):
            role.messages.clear()
            role.send(SwitchOrder(number=7))
        for role in (one, two):
            role.until(functools.partial(outcomes, role), 10, "the outcome")  # type: ignore[arg-type]
        wait_for(lambda: actives(one) == ["VI_2"] and actives(two) == ["VI_1"], 10, "each to have the other's")
        stays(lambda: actives(one) == ["VI_2"] and actives(two) == ["VI_1"], 1, "it is settled")


def actives(role: LoneRole) -> list[str]:
    return [instance.name for instance in status(role).instances if instance.state is VrrpState.MASTER]


def test_a_peer_in_fault_is_no_successor(network: Network, pair: tuple[LoneRole, LoneRole]) -> None:
    one, two = pair
    network.host("d2").run(["ip", "link", "add", "dummy7", "type", "veth", "peer", "name", "dummy8"])
    two.configure(configuration("d2", 100, tracked=(Tracked(kind=TrackerKind.INTERFACE, name="dummy7"),)))
    reach(two, VrrpState.FAULT)
    done = order(one, peer="d2")
    assert (done.ok, done.text) == (
        False,
        f"VI_1: nothing is changed: d2 did not answer as a backup; answered: d2 ({D2}), not able",
    )
    assert order(one).text == "VI_1: gave up by priority 0: no other bascule answered"


def test_an_owner_keeps_its_own_address(network: Network) -> None:
    owned: dict[str, Any] = {"virtual_addresses": (VirtualAddress(address=D1, prefix_length=24),), "priority": 255}
    with LoneRole(network.host("d1"), Role.VRRP, configuration("d1", **owned)) as one:
        reach(one, VrrpState.MASTER)
        done = order(one)
        assert (done.ok, done.text) == (
            False,
            "nothing is changed: VI_1: an address is this host's own, and stays here",
        )
        assert state(one) is VrrpState.MASTER


def all_are(role: LoneRole, wanted: VrrpState) -> bool:
    return {instance.state for instance in status(role).instances} == {wanted}


def test_a_sync_group_moves_as_one_and_back(network: Network) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, in_a_group("d1", 150)) as one:
        wait_for(functools.partial(all_are, one, VrrpState.MASTER), 10, "both active")
        with LoneRole(network.host("d2"), Role.VRRP, in_a_group("d2", 100)) as two:
            wait_for(lambda: all(i.adverts_received > 0 for i in status(two).instances), 10, "adverts")
            for here, there in ((one, two), (two, one)):
                done = order(here, instance="VI_1")
                assert done.ok
                assert done.text.startswith("VI_1, VI_2: "), done.text
                wait_for(functools.partial(all_are, here, VrrpState.BACKUP), 10, "both backup")
                wait_for(functools.partial(all_are, there, VrrpState.MASTER), 10, "both active there")
            stays(lambda: all_are(one, VrrpState.MASTER) and all_are(two, VrrpState.BACKUP), 2, "it is settled")


def hostile(stranger: Stranger) -> list[bytes]:
    """Datagrams of every kind that is refused, and questions that are answered, as often as they come."""
    order = Order(kind=Kind.ASK, vrid=Vrid(51), family=4, router=b"stranger", nonce=b"q" * 16)
    good = handover.encode(order, stranger.key, C)
    answers = [
        handover.encode(dataclasses.replace(order, kind=kind), stranger.key, C)
        for kind in (Kind.HERE, Kind.REQUEST, Kind.TAKEN)
    ]
    another = handover.encode(order, handover.key_of(b"another"), C)
    theirs = handover.encode(order, stranger.key, D2)
    return [b"", good[:40], good[:-1], good + b"\0", bytes(2000), another, theirs, *answers, good]


@pytest.mark.parametrize("aim", [D1, D2], ids=["the-active", "its-successor"])
def test_a_flood_of_hostile_datagrams_ends_in_one_active_and_is_counted(
    pair: tuple[LoneRole, LoneRole], stranger: Stranger, aim: ipaddress.IPv4Address
) -> None:
    one, two = pair
    over = threading.Event()

    def flood() -> None:
        datagrams = hostile(stranger)
        for number in range(FLOOD):
            if over.is_set():
                return
            with contextlib.suppress(NetlinkError):
                stranger.socket.send(datagrams[number % len(datagrams)], C, aim)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        aimed = one if aim == D1 else two
        wait_for(lambda: status(aimed).orders_refused.get("signature", 0) > 20, 10, "the flood to be there")
        done = order(one)
    finally:
        over.set()
        thread.join()
    print(done.text)
    assert done.ok
    assert "handed over to d2" in done.text or "gave up by priority 0" in done.text
    reach(two, VrrpState.MASTER)
    reach(one, VrrpState.BACKUP)
    refused = status(aimed).orders_refused
    assert {"truncated", "length", "signature", "echo"} <= set(refused), refused
    assert order(one, release=True).ok
    reach(one, VrrpState.MASTER)
    reach(two, VrrpState.BACKUP)
