# SPDX-License-Identifier: Apache-2.0
"""The pool: verdicts in, desired table and events out, with keepalived's texts as captured from 2.2.7."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bascule.health.pool import Pool, PoolState, suspended_services
from bascule.model.base import Seconds, Weight, pack, unpack
from bascule.model.configuration import Configuration, RealServerConfig, TcpCheck, VirtualServerConfig
from bascule.model.messages import CheckTarget, QuorumChanged, ServerChanged, Verdict
from bascule.model.service import ForwardingMethod, Protocol, RealServer, Scheduler, ServerId, ServiceId

VIP = ipaddress.ip_address("192.168.2.240")
ONE, TWO, SORRY = (ServerId(address=ipaddress.ip_address(f"192.168.2.{host}"), port=80) for host in (212, 213, 214))
SERVICE = ServiceId(protocol=Protocol.TCP, address=VIP, port=80)
CHECK = TcpCheck(retry=3)


def server(
    name: ServerId, *, weight: int = 3, checks: Sequence[TcpCheck] = (CHECK,), inhibit: bool = False
) -> RealServerConfig:
    return RealServerConfig(
        address=name.address, port=name.port, weight=Weight(weight), checks=tuple(checks), inhibit_on_failure=inhibit
    )


def service(*servers: RealServerConfig, **settings: object) -> VirtualServerConfig:
    base = VirtualServerConfig(
        id=SERVICE,
        forwarding=ForwardingMethod.DR,
        persistence_timeout=Seconds(60.0),
        real_servers=servers or (server(ONE), server(TWO)),
    )
    return msgspec.structs.replace(base, **settings)


def configured(*services: VirtualServerConfig) -> Configuration:
    return Configuration(virtual_servers=services or (service(),))


def verdict(name: ServerId, up: bool, *, check: int = 0, of: ServiceId = SERVICE, at: float = 50.0) -> Verdict:
    return Verdict(target=CheckTarget(service=of, server=name, check=check), up=up, why="", at=at, attempts=1)


def table(pool: Pool, index: int = 0) -> dict[str, int]:
    """The servers of one service of the desired table: last byte of the address -> weight."""
    return {str(entry.address).rsplit(".", 1)[1]: entry.weight for entry in pool.desired()[index].servers}


def whys(events: Sequence[ServerChanged | QuorumChanged]) -> list[str]:
    return [f"{'UP' if event.up else 'DOWN'} {event.why}" for event in events]


def test_servers_start_up_and_the_table_says_what_the_file_says() -> None:
    pool = Pool(configured())
    (wanted,) = pool.desired()
    assert (wanted.id, wanted.scheduler, wanted.persistence) == (SERVICE, Scheduler.WLC, 60.0)
    assert wanted.servers == tuple(
        RealServer(address=name.address, port=80, weight=Weight(3), forwarding=ForwardingMethod.DR)
        for name in (ONE, TWO)
    )
    assert pool.start(7.0) == (
        QuorumChanged(service=SERVICE, up=True, why="Starting with quorum up 1+0=1 <= 6", at=7.0),
    )


def test_a_server_leaves_and_returns_with_keepalived_s_words() -> None:
    pool = Pool(configured())
    assert pool.handle(verdict(ONE, True)) == ()
    assert pool.revision == 0
    assert pool.handle(verdict(ONE, False, at=60.0)) == (
        ServerChanged(service=SERVICE, server=ONE, up=False, why="TCP CHECK failed on service", at=60.0),
    )
    assert pool.revision == 1
    assert table(pool) == {"213": 3}
    assert pool.handle(verdict(ONE, False)) == (), "the same verdict again is no event"
    assert whys(pool.handle(verdict(ONE, True))) == ["UP TCP CHECK succeed on service"]
    assert table(pool) == {"212": 3, "213": 3}


def test_thresholds_and_forwarding_reach_the_table() -> None:
    config = msgspec.structs.replace(
        server(ONE), upper_threshold=100, lower_threshold=50, forwarding=ForwardingMethod.TUN
    )
    (entry,) = Pool(configured(service(config))).desired()[0].servers
    assert (entry.upper_threshold, entry.lower_threshold, entry.forwarding) == (100, 50, ForwardingMethod.TUN)


def test_the_last_server_takes_the_quorum_with_it() -> None:
    pool = Pool(configured())
    pool.handle(verdict(ONE, False))
    assert whys(pool.handle(verdict(TWO, False))) == [
        "DOWN TCP CHECK failed on service",
        "DOWN Lost quorum 1+0=1 <= 0",
    ]
    assert table(pool) == {}
    assert whys(pool.handle(verdict(TWO, True))) == [
        "UP TCP CHECK succeed on service",
        "UP Gained quorum 1+0=1 <= 3",
    ]


def test_quorum_hysteresis_and_sorry_server_as_measured_with_keepalived() -> None:
    pool = Pool(configured(service(quorum=5, hysteresis=1, sorry_server=SORRY)))
    assert whys(pool.start(0.0)) == ["UP Starting with quorum up 5+1=6 <= 6"]
    assert whys(pool.handle(verdict(TWO, False)))[1:] == ["DOWN Lost quorum 5+1=4 <= 3"]
    assert table(pool) == {"214": 1}, "the sorry server stands in for the servers that are still alive, too"
    assert pool.desired()[0].servers[0].forwarding is ForwardingMethod.DR
    assert whys(pool.handle(verdict(TWO, True)))[1:] == ["UP Gained quorum 5+1=6 <= 6"]
    assert table(pool) == {"212": 3, "213": 3}


def test_hysteresis_keeps_a_quorum_within_its_margin() -> None:
    three = [server(ServerId(address=ipaddress.ip_address(f"10.0.0.{n}"), port=80), weight=1) for n in (1, 2, 3)]
    pool = Pool(configured(service(*three, quorum=2, hysteresis=1)))
    names = [entry.id for entry in three]
    assert len(pool.handle(verdict(names[0], False))) == 1
    assert len(pool.handle(verdict(names[1], False))) == 1, "1 is not below 2-1"
    assert len(pool.handle(verdict(names[2], False))) == 2
    assert len(pool.handle(verdict(names[2], True))) == 1
    assert len(pool.handle(verdict(names[1], True))) == 1, "2 does not reach 2+1"
    assert len(pool.handle(verdict(names[0], True))) == 2


def test_without_quorum_and_without_a_sorry_server_the_living_go_on() -> None:
    pool = Pool(configured(service(quorum=6)))
    assert whys(pool.handle(verdict(ONE, False)))[1:] == ["DOWN Lost quorum 6+0=6 <= 3"]
    assert table(pool) == {"213": 3}


def test_a_quorum_beyond_the_total_weight_is_lowered_to_it() -> None:
    assert whys(Pool(configured(service(quorum=100))).start(0.0)) == ["UP Starting with quorum up 6+0=6 <= 6"]


def test_inhibited_servers_stay_with_weight_zero() -> None:
    servers = (server(ONE, inhibit=True), server(TWO, inhibit=True))
    pool = Pool(configured(service(*servers, quorum=4, sorry_server=SORRY)))
    pool.handle(verdict(TWO, False))
    assert table(pool) == {"212": 0, "213": 0, "214": 1}, "as keepalived: the living one is quiesced with them"
    pool.handle(verdict(TWO, True))
    assert table(pool) == {"212": 3, "213": 3}


def test_a_sorry_server_that_is_also_a_real_server_stands_once() -> None:
    pool = Pool(configured(service(server(ONE, inhibit=True), sorry_server=ONE)))
    pool.handle(verdict(ONE, False))
    assert table(pool) == {"212": 1}


def test_alpha_servers_start_down_without_a_word() -> None:
    for config in (service(alpha=True), service(*(server(n, checks=[TcpCheck(alpha=True)]) for n in (ONE, TWO)))):
        pool = Pool(configured(config))
        assert pool.start(0.0) == ()
        assert table(pool) == {}
        assert pool.handle(verdict(TWO, False)) == ()
        assert whys(pool.handle(verdict(ONE, True))) == [
            "UP TCP CHECK succeed on service",
            "UP Gained quorum 1+0=1 <= 3",
        ]


def test_a_server_with_several_checks_is_up_only_when_all_are() -> None:
    pool = Pool(configured(service(server(ONE, checks=[CHECK, TcpCheck(connect_port=81)]), server(TWO))))
    assert len(pool.handle(verdict(ONE, False, check=1))) == 1
    assert pool.handle(verdict(ONE, False, check=0)) == ()
    assert pool.handle(verdict(ONE, True, check=1)) == ()
    assert table(pool) == {"213": 3}
    assert len(pool.handle(verdict(ONE, True, check=0))) == 1


def test_a_server_without_checks_is_always_up() -> None:
    pool = Pool(configured(service(server(ONE, checks=[]), server(TWO, checks=[]), alpha=True)))
    assert table(pool) == {"212": 3, "213": 3}
    assert pool.readiness().ready


def test_a_verdict_on_nothing_that_is_configured_changes_nothing() -> None:
    pool = Pool(configured())
    other = ServiceId(protocol=Protocol.UDP, address=VIP, port=80)
    for stray in (verdict(SORRY, False), verdict(ONE, False, check=1), verdict(ONE, False, of=other)):
        assert pool.handle(stray) == ()
    assert pool.revision == 0


def test_readiness_waits_for_one_completed_attempt_of_every_check() -> None:
    pool = Pool(configured())
    readiness = pool.readiness()
    assert not readiness.ready
    assert readiness.reason == "no completed check yet of [192.168.2.212]:tcp:80 of [192.168.2.240]:tcp:80 and 1 more"
    assert pool.readiness(suspended=[SERVICE]).ready
    pool.handle(verdict(ONE, True))
    assert pool.readiness().reason.endswith("[192.168.2.213]:tcp:80 of [192.168.2.240]:tcp:80")
    pool.handle(verdict(TWO, False))
    assert pool.readiness().ready, "down is an answer, too"


def test_a_reload_keeps_the_verdicts_of_what_stays() -> None:
    pool = Pool(configured())
    pool.handle(verdict(ONE, False))
    pool.handle(verdict(TWO, True))
    changed = server(ONE, weight=7, checks=[TcpCheck(connect_port=81), CHECK])
    third = server(SORRY)
    assert pool.configure(configured(service(changed, server(TWO), third)), 9.0) == ()
    assert table(pool) == {"213": 3, "214": 3}
    assert pool.readiness().reason.startswith("no completed check yet of [192.168.2.212]")
    pool.handle(verdict(ONE, True, check=1))
    assert table(pool) == {"212": 7, "213": 3, "214": 3}


def test_a_reload_judges_the_quorum_anew_and_announces_new_services() -> None:
    pool = Pool(configured())
    pool.handle(verdict(ONE, False))
    other = ServiceId(protocol=Protocol.TCP, address=VIP, port=81)
    events = pool.configure(configured(service(quorum=6), service(id=other), service(id=SERVICE_UDP, alpha=True)), 9.0)
    assert events == (
        QuorumChanged(service=SERVICE, up=False, why="Lost quorum 6+0=6 <= 3", at=9.0),
        QuorumChanged(service=other, up=True, why="Starting with quorum up 1+0=1 <= 6", at=9.0),
    )
    assert pool.configure(configured(), 10.0)[0].up
    assert len(pool.desired()) == 1


SERVICE_UDP = ServiceId(protocol=Protocol.UDP, address=VIP, port=53)


def test_a_successor_goes_on_from_the_state_and_repeats_nothing() -> None:
    configuration = configured(service(alpha=True, quorum=4))
    first = Pool(configuration)
    first.handle(verdict(ONE, True))
    second = Pool(configuration, state=unpack(pack(first.state()), PoolState))
    assert second.state() == first.state()
    assert second.desired() == first.desired()
    assert second.handle(verdict(ONE, True)) == ()
    assert not second.readiness().ready
    assert len(second.handle(verdict(TWO, True))) == 2


def test_a_state_from_before_a_change_of_the_file_is_judged_by_the_new_file() -> None:
    state = Pool(configured()).state()
    changed = configured(service(server(ONE, weight=0), server(TWO, weight=0)), service(id=SERVICE_UDP, alpha=True))
    pool = Pool(changed, state=state)
    assert pool.state().quorum_lost == (SERVICE, SERVICE_UDP)
    assert table(pool, 1) == {}, "alpha holds for a server that the state does not know"


def test_ha_suspend_names_the_services_whose_address_is_elsewhere() -> None:
    both = configured(service(ha_suspend=True), service(id=SERVICE_UDP))
    assert suspended_services(both, []) == (SERVICE,)
    assert suspended_services(both, [VIP]) == ()


addresses = [ServerId(address=ipaddress.ip_address(f"10.0.0.{n}"), port=80) for n in range(1, 5)]


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    servers = tuple(
        server(
            name,
            weight=draw(st.integers(0, 4)),
            inhibit=draw(st.booleans()),
            checks=draw(st.lists(st.builds(TcpCheck, alpha=st.booleans()), max_size=2)),
        )
        for name in addresses[: draw(st.integers(1, 4))]
    )
    return configured(
        service(
            *servers,
            alpha=draw(st.booleans()),
            quorum=draw(st.integers(1, 8)),
            hysteresis=draw(st.integers(0, 3)),
            sorry_server=draw(st.none() | st.just(SORRY)),
        )
    )


verdicts = st.lists(st.builds(verdict, st.sampled_from(addresses), st.booleans(), check=st.integers(0, 1)), max_size=40)


@given(configuration=configurations(), history=verdicts)
def test_any_history_leaves_a_table_that_the_rules_of_quorum_allow(
    configuration: Configuration, history: list[Verdict]
) -> None:
    (config,) = configuration.virtual_servers
    pool = Pool(configuration)
    up = {entry.id: not any(config.alpha or check.alpha for check in entry.checks) for entry in config.real_servers}
    started = pool.start(0.0)
    quorate = bool(started)
    for item in history:
        revision, before = pool.revision, (pool.desired(), pool.state())
        for event in pool.handle(item):
            if isinstance(event, ServerChanged):
                assert event.up is not up[event.server], "every event is a change"
                up[event.server] = event.up
            else:
                assert event.up is not quorate
                quorate = event.up
        assert (pool.revision == revision) is ((pool.desired(), pool.state()) == before)
    total = sum(entry.weight for entry in config.real_servers)
    quorum = max(1, min(config.quorum, total))
    hysteresis = min(config.hysteresis, quorum - 1)
    weight = sum(entry.weight for entry in config.real_servers if up[entry.id])
    if quorate:
        assert weight
        assert weight >= quorum - hysteresis
    else:
        assert weight < quorum + hysteresis
    (wanted,) = pool.desired()
    held = {entry.id: entry.weight for entry in wanted.servers}
    assert len(held) == len(wanted.servers)
    stands_in = config.sorry_server is not None and not quorate
    assert (SORRY in held) is stands_in
    for entry in config.real_servers:
        if up[entry.id] and not stands_in:
            assert held[entry.id] == entry.weight
        else:
            assert held.get(entry.id) == (0 if entry.inhibit_on_failure else None)


@given(configuration=configurations(), history=verdicts, data=st.data())
def test_without_hysteresis_the_end_state_does_not_depend_on_the_order(
    configuration: Configuration, history: list[Verdict], data: st.DataObject
) -> None:
    (config,) = configuration.virtual_servers
    configuration = configured(msgspec.structs.replace(config, hysteresis=0))
    last = list({item.target: item for item in history}.values())
    straight, shuffled = Pool(configuration), Pool(configuration)
    for item in history:
        straight.handle(item)
    for item in data.draw(st.permutations(last)):
        shuffled.handle(item)
    assert straight.desired() == shuffled.desired()
    assert straight.state() == shuffled.state()
    assert straight.readiness() == shuffled.readiness()


@given(configuration=configurations(), history=verdicts)
def test_a_reload_of_the_same_file_changes_nothing(configuration: Configuration, history: list[Verdict]) -> None:
    pool = Pool(configuration)
    for item in history:
        pool.handle(item)
    before = (pool.desired(), pool.state(), pool.readiness())
    assert pool.configure(configuration, 0.0) == ()
    assert (pool.desired(), pool.state(), pool.readiness()) == before
    successor = Pool(configuration, state=pool.state())
    assert (successor.desired(), successor.state()) == before[:2]
