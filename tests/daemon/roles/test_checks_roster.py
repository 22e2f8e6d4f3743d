# SPDX-License-Identifier: Apache-2.0
"""The checks of a configuration over reloads: who goes on, who is new, who is gone."""

from __future__ import annotations

import ipaddress

from bascule.daemon.roles.checks_roster import Entry, Roster, warm_up
from bascule.health.judge import AttemptResult, Due, StartAttempt
from bascule.model.base import Seconds
from bascule.model.configuration import Configuration, RealServerConfig, TcpCheck, VirtualServerConfig
from bascule.model.service import Protocol, ServiceId

SLOW = TcpCheck(delay_loop=Seconds(10.0), warmup=Seconds(4.0))
OTHER = TcpCheck(connect_port=81, delay_loop=Seconds(6.0))


def name(port: int) -> ServiceId:
    return ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.0.2.1"), port=port)


def configured(**services: tuple[TcpCheck, ...]) -> Configuration:
    """`p80=(SLOW,)`: a service on port 80 with one server that has these checks."""
    return Configuration(
        virtual_servers=tuple(
            VirtualServerConfig(
                id=name(int(port[1:])),
                real_servers=(RealServerConfig(address=ipaddress.ip_address("192.0.2.9"), port=80, checks=checks),),
            )
            for port, checks in services.items()
        )
    )


def attempt(entry: Entry, passed: bool = True) -> None:
    due = entry.judge.deadline()
    assert due is not None
    (command,) = entry.judge.handle(Due(), due)
    assert isinstance(command, StartAttempt)
    entry.judge.handle(AttemptResult(number=command.number, passed=passed, why="why", at=1.0), due)


def test_the_first_attempt_comes_anywhere_within_the_warm_up_or_delay_loop() -> None:
    assert warm_up(SLOW, lambda: 0.5) == 2.0
    assert warm_up(OTHER, lambda: 0.5) == 3.0
    assert all(0.0 <= warm_up(SLOW) < 4.0 for _ in range(100))
    roster = Roster(patient=False, chance=lambda: 0.25)
    roster.configure(configured(p80=(SLOW, OTHER)), 100.0)
    assert [entry.judge.deadline() for entry in roster] == [101.0, 101.5]


def test_unchanged_checks_keep_their_judges_under_their_new_place() -> None:
    roster = Roster(patient=False, chance=lambda: 0.0)
    roster.configure(configured(p80=(SLOW,), p81=(SLOW,)), 0.0)
    first, second = roster
    attempt(first)
    assert first.verdict() is not None
    assert second.verdict() is None
    gone = roster.configure(configured(p80=(OTHER, SLOW)), 5.0)
    assert gone == (second,)
    assert second.gone
    new, kept = roster
    assert kept is first
    assert not kept.gone
    assert kept.target.check == 1
    verdict = kept.verdict()
    assert verdict is not None
    assert (verdict.up, verdict.target.check, verdict.attempts) == (True, 1, 1)
    assert new.judge.deadline() == 5.0


def test_a_changed_check_keeps_its_standing_under_the_new_settings() -> None:
    roster = Roster(patient=False, chance=lambda: 0.0)
    roster.configure(configured(p80=(SLOW,)), 0.0)
    (entry,) = roster
    attempt(entry, passed=False)
    faster = TcpCheck(delay_loop=Seconds(1.0))
    assert roster.configure(configured(p80=(faster,)), 2.0) == ()
    assert list(roster) == [entry]
    assert entry.judge.check == faster
    assert entry.judge.deadline() == 3.0
    assert entry.status().up is False


def test_only_the_first_configuration_of_a_successor_is_judged_patiently() -> None:
    roster = Roster(patient=True, chance=lambda: 0.0)
    roster.configure(configured(p80=(SLOW,)), 0.0)
    (first,) = roster
    attempt(first, passed=False)
    assert first.status().up is None
    roster.configure(configured(p80=(SLOW,), p81=(SLOW,)), 0.0)
    second = list(roster)[1]
    attempt(second, passed=False)
    assert second.status().up is False


def test_entries_are_found_by_their_services() -> None:
    roster = Roster(patient=False)
    roster.configure(configured(p80=(SLOW,), p81=(SLOW, OTHER)), 0.0)
    split = roster.of_services([name(81)])
    assert [entry.target.service.port for entry in split[True]] == [81, 81]
    assert [entry.target.service.port for entry in split[False]] == [80]


def test_status_tells_what_the_judge_knows() -> None:
    roster = Roster(patient=False)
    roster.configure(configured(p80=(SLOW,)), 0.0)
    (entry,) = roster
    before = entry.status()
    assert (before.kind, before.up, before.at, before.attempts, before.suspended) == ("TCP_CHECK", None, None, 0, False)
    attempt(entry)
    after = entry.status()
    assert (after.up, after.why, after.at, after.attempts) == (True, "why", 1.0, 1)
