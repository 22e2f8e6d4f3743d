# SPDX-License-Identifier: Apache-2.0
"""Witnesses that are real hosts: who is active in a partition, what is said while none answers, what is counted."""

from __future__ import annotations

import ipaddress
import math
import select
from collections.abc import Iterator

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_witness
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_witness import EACH, LOST_AFTER, PAUSE, Witnesses
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import Network, port_name
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import stays, wait_for
from bascule.model.base import Priority, Seconds, Vrid, from_json
from bascule.model.configuration import (
    BasculeOptions,
    Configuration,
    VirtualAddress,
    VrrpInstance,
    VrrpState,
    WitnessRule,
)
from bascule.model.messages import AlarmChanged, InstanceChanged, Role
from bascule.model.status import AlarmKind, VrrpStatus, WitnessStatus
from bascule.model.tracking import SyncGroup

pytestmark = [pytest.mark.root, pytest.mark.lab]

VIP, VIP2 = ipaddress.IPv4Address("192.168.2.240"), ipaddress.IPv4Address("192.168.2.241")
WITNESS, OTHER = ipaddress.IPv4Address("192.168.2.1"), ipaddress.IPv6Address("fd02::1")
OURS, NOBODY = ipaddress.IPv4Address("192.168.2.210"), ipaddress.IPv4Address("192.168.2.99")
INTERVAL = Seconds(0.2)
DOWN = 3 * INTERVAL + (256 - 100) / 256 * INTERVAL

THREE = Topology(
    name="witnessed",
    about="Two directors and a router on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(
            name=name,
            role=HostRole.ROUTER,
            links=(Link(segment="lan", addresses=(f"192.168.2.{last}/24", f"fd02::{last}/64")),),
        )
        for name, last in (("d1", 210), ("d2", 211), ("w", 1))
    ),
)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(THREE) as built:
        yield built


def configuration(priority: int, *, grouped: bool = False, **options: object) -> Configuration:
    instances = tuple(
        VrrpInstance(
            name=name,
            interface="eth0",
            vrid=Vrid(vrid),
            version=3,
            advert_interval=INTERVAL,
            priority=Priority(priority),
            virtual_addresses=(VirtualAddress(address=vip, prefix_length=32),),
            sync_group="VG" if grouped else None,
        )
        for name, vrid, vip in (("VI_1", 51, VIP), ("VI_2", 52, VIP2))[: 1 + grouped]
    )
    groups = (SyncGroup(name="VG", members=("VI_1", "VI_2")),) if grouped else ()
    values: dict[str, object] = {"witnesses": (WITNESS,), **options}
    return Configuration(instances=instances, sync_groups=groups, options=BasculeOptions(**values))  # type: ignore[arg-type]


def cut_off(network: Network, name: str, *, now: bool = True) -> None:
    """The switch hands nothing on from and to a host whose cable and carrier are as before."""
    host = network.host(name).host
    port = port_name(host, host.links[0])
    network.switch.run(["bridge", "link", "set", "dev", port, "state", "0" if now else "3"])


def status(role: LoneRole) -> VrrpStatus:
    return from_json(role.status(), VrrpStatus)


def actives(*roles: LoneRole) -> list[int]:
    states = [[instance.state for instance in status(role).instances] for role in roles]
    return [number for number, each in enumerate(states, 1) if VrrpState.MASTER in each]


def waits_for_its_witness(role: LoneRole) -> list[str]:
    found = [alarm for instance in status(role).instances for alarm in instance.alarms]
    return [alarm.why for alarm in found if alarm.kind is AlarmKind.WITNESS_SILENT]


def reach(role: LoneRole, wanted: VrrpState) -> None:
    def there() -> bool:
        return all(instance.state is wanted for instance in status(role).instances)

    wait_for(there, 20, f"state {wanted.value}", evidence=role.log)


def reason(role: LoneRole) -> str:
    changes = [message for message in role.messages if isinstance(message, InstanceChanged)]
    return changes[-1].why


@pytest.mark.parametrize("grouped", [False, True], ids=["alone", "sync group"])
def test_a_healthy_witness_is_not_noticed(network: Network, grouped: bool) -> None:
    with LoneRole(network.host("d2"), Role.VRRP, configuration(100, grouped=grouped)) as two:
        with LoneRole(network.host("d1"), Role.VRRP, configuration(150, grouped=grouped)) as one:
            reach(one, VrrpState.MASTER)
            reach(two, VrrpState.BACKUP)
            two.messages.clear()
            one.kill()
        reach(two, VrrpState.MASTER)
        assert "no advert from 192.168.2.210 for" in reason(two) or "sync group" in reason(two)
        assert "witness" not in reason(two), "the answer was there before the timer ended"
        assert "witness_silent" not in two.log()
        (seen,) = status(two).witnesses
        assert (seen.address, seen.answers, seen.trouble) == (WITNESS, True, None)
        assert 0 < seen.answered <= seen.asked


def test_of_two_that_start_in_a_partition_the_one_that_reaches_the_witness_is_active(network: Network) -> None:
    cut_off(network, "d1")
    with (
        LoneRole(network.host("d1"), Role.VRRP, configuration(150)) as one,
        LoneRole(network.host("d2"), Role.VRRP, configuration(100)) as two,
    ):
        reach(two, VrrpState.MASTER)
        wait_for(lambda: waits_for_its_witness(one), 20, "the one that is cut off to say so", evidence=one.log)
        stays(lambda: actives(one, two) == [2], 5 * DOWN, "exactly one active")
        cut_off(network, "d1", now=False)
        reach(one, VrrpState.MASTER)
        reach(two, VrrpState.BACKUP)
        assert waits_for_its_witness(one) == []


def test_a_backup_that_is_cut_off_leaves_the_active_alone(network: Network) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, configuration(150)) as one:
        reach(one, VrrpState.MASTER)
        with LoneRole(network.host("d2"), Role.VRRP, configuration(100)) as two:
            wait_for(lambda: status(two).instances[0].adverts_received, 10, "adverts")
            cut_off(network, "d2")
            wait_for(lambda: waits_for_its_witness(two), 20, "it to say that it is cut off", evidence=two.log)
            stays(lambda: actives(one, two) == [1], 5 * DOWN, "exactly one active")
            cut_off(network, "d2", now=False)
            wait_for(lambda: waits_for_its_witness(two) == [], 20, "the end of its alarm", evidence=two.log)
            assert actives(one, two) == [1]


@pytest.mark.parametrize("grouped", [False, True], ids=["alone", "sync group"])
def test_without_a_witness_nobody_follows_and_its_return_is_enough(network: Network, grouped: bool) -> None:
    with LoneRole(network.host("d2"), Role.VRRP, configuration(100, grouped=grouped)) as two:
        with LoneRole(network.host("d1"), Role.VRRP, configuration(150, grouped=grouped)) as one:
            reach(one, VrrpState.MASTER)
            network.host("w").run(["ip", "link", "set", "eth0", "down"])
            one.kill()
        (why, *_) = wait_for(lambda: waits_for_its_witness(two), 20, "it to say what it waits for", evidence=two.log)
        assert why.startswith("no advert from 192.168.2.210 for")
        assert "and the witness (192.168.2.1) does not answer: stays backup until it does" in why
        told = [message for message in two.messages if isinstance(message, AlarmChanged) and message.stands]
        assert "witness_silent" in [message.kind for message in told]
        assert "kind=witness_silent" in two.log()
        stays(lambda: actives(two) == [], 5 * DOWN, "nobody active")
        network.host("w").run(["ip", "link", "set", "eth0", "up"])
        reach(two, VrrpState.MASTER)
        assert "; witnessed after" in two.log()
        assert waits_for_its_witness(two) == []
        ended = [message for message in two.messages if isinstance(message, AlarmChanged) and not message.stands]
        assert "witness_silent" in [message.kind for message in ended]


def test_one_that_says_that_it_stops_is_followed_without_a_witness(network: Network) -> None:
    network.host("w").run(["ip", "link", "set", "eth0", "down"])
    with LoneRole(network.host("d1"), Role.VRRP, configuration(150, witnesses=())) as one:
        reach(one, VrrpState.MASTER)
        with LoneRole(network.host("d2"), Role.VRRP, configuration(100)) as two:
            wait_for(lambda: status(two).instances[0].adverts_received, 10, "adverts")
            assert one.stop() == 0
            reach(two, VrrpState.MASTER)
            assert reason(two) == "192.168.2.210 stopped"


@pytest.mark.parametrize(("rule", "leads"), [(WitnessRule.ANY, True), (WitnessRule.ALL, False)])
def test_one_of_several_or_every_one_has_to_answer(network: Network, rule: WitnessRule, leads: bool) -> None:
    asking = configuration(150, witnesses=(NOBODY, OTHER), witness_answers=rule)
    with LoneRole(network.host("d1"), Role.VRRP, asking) as one:
        if leads:
            reach(one, VrrpState.MASTER)
        else:
            (why,) = wait_for(lambda: waits_for_its_witness(one), 20, "it to say what it waits for", evidence=one.log)
            assert "(all of 192.168.2.99, fd02::1)" in why
            assert actives(one) == []
        answered = {seen.address: seen.answered > 0 for seen in status(one).witnesses}
        assert answered == {NOBODY: False, OTHER: True}


def test_an_answer_of_our_own_is_none(network: Network) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, configuration(150, witnesses=(OURS,))) as one:
        wait_for(lambda: waits_for_its_witness(one), 20, "it to wait for its witness", evidence=one.log)
        (seen,) = status(one).witnesses
        assert (seen.asked, seen.answers) == (0, False)
        assert "this host's own address" in (seen.trouble or "")


# By itself.


class Bench:
    """Witnesses asked from d1."""

    def __init__(self, network: Network, *addresses: object, rule: WitnessRule = WitnessRule.ANY) -> None:
        self.network = network
        self.witnesses = Witnesses(Log("vrrp"), lambda address: address == OURS)
        self.now = boottime()
        options = BasculeOptions(witnesses=addresses, witness_answers=rule)  # type: ignore[arg-type]
        self.witnesses.configure(options, self.now)

    def ask(self, name: str, later: float = 1.0) -> float | None:
        self.now += later
        with self.network.host("d1").entered():
            return self.witnesses.ask(name, self.now)

    def regular(self) -> None:
        self.now = max(self.now, self.witnesses.deadline())
        with self.network.host("d1").entered():
            self.witnesses.timers(self.now)

    def hear(self, seconds: float = 10.0) -> tuple[float, tuple[str, ...]]:
        ready = select.select(self.witnesses.descriptors(), [], [], seconds)[0]
        return self.witnesses.receive(ready, self.now + 0.001)

    def status(self) -> dict[object, WitnessStatus]:
        return {seen.address: seen for seen in self.witnesses.status()}


def test_a_question_of_one_is_a_question_for_all(network: Network) -> None:
    bench = Bench(network, WITNESS)
    assert bench.ask("A") is None
    asked_at = bench.now
    assert bench.ask("B", PAUSE / 2) is None
    known, wanting = bench.hear()
    assert (known, sorted(wanting)) == (asked_at, ["A", "B"])
    seen = bench.status()[WITNESS]
    assert (seen.asked, seen.answered, seen.answers) == (1, 1, True)
    assert bench.ask("C", PAUSE / 4) == asked_at, "it was answered a moment ago"
    assert bench.ask("C", PAUSE) is None
    assert bench.hear() == (bench.now, ("C",))
    bench.witnesses.close()


def test_all_have_to_answer_where_that_is_demanded(network: Network) -> None:
    bench = Bench(network, WITNESS, OTHER, rule=WitnessRule.ALL)
    bench.ask("A")
    first = bench.now

    def whole() -> tuple[str, ...]:
        return bench.hear()[1]

    assert wait_for(whole, 10, "both answers") == ("A",)
    assert bench.witnesses.receive((), bench.now) == (first, ())
    assert bench.witnesses.words == "all of 192.168.2.1, fd02::1"
    bench.witnesses.close()


def test_it_is_known_before_it_is_needed_that_a_witness_is_not_there(
    network: Network, capfd: pytest.CaptureFixture[str]
) -> None:
    network.host("w").run(["ip", "link", "set", "eth0", "down"])
    bench = Bench(network, WITNESS)
    for _ in range(LOST_AFTER + 2):
        bench.regular()
    assert bench.witnesses.deadline() == bench.now + EACH
    assert bench.status()[WITNESS].answers is False
    assert capfd.readouterr().err.count("event=witness_silent") == 1
    network.host("w").run(["ip", "link", "set", "eth0", "up"])

    def again() -> bool:
        bench.regular()
        bench.hear(0.2)
        return bench.status()[WITNESS].answers

    wait_for(again, 10, "an answer")
    assert "event=witness_answers" in capfd.readouterr().err
    bench.witnesses.close()
    assert bench.witnesses.deadline() == math.inf


def test_a_witness_that_no_route_leads_to_is_said(network: Network) -> None:
    away = ipaddress.IPv4Address("192.0.2.1")
    bench = Bench(network, away)
    bench.regular()
    assert "unreachable" in (bench.status()[away].trouble or "")
    bench.witnesses.close()


def test_questions_that_nobody_answers_are_not_remembered_for_ever(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vrrp_witness, "REMEMBERED", 2)
    bench = Bench(network, WITNESS)
    for _ in range(5):
        bench.ask("A")
    assert bench.hear()[1] == ("A",)
    bench.ask("A")
    assert wait_for(lambda: bench.hear()[0] == bench.now, 10, "the latest answer")
    bench.witnesses.configure(BasculeOptions(), bench.now)
    assert bench.witnesses.descriptors() == ()
    assert bench.witnesses.deadline() == math.inf
