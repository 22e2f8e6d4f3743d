# SPDX-License-Identifier: Apache-2.0
"""Who gets a new connection: the formulas of ipvsadm(8), checked against a few lines that say the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.dataplane.xdp.layout import SERVERS_PER_SERVICE, SchedulerNumber
from tests.bpf.conftest import MakeTrial
from tests.bpf.packets import ACK, Packet
from tests.bpf.trial import Trial

pytestmark = pytest.mark.root

Load = tuple[int, int, int]
"""Weight, active, inactive."""


def new_connections(trial: Trial, count: int, *, start: int = 1) -> list[int]:
    """The servers that take new connections, one after the other."""
    return [trial.send(Packet(source_port=start + i)).server for i in range(count)]


def least(servers: list[Load], *, weighted: bool) -> int | None:
    """The number (from 1) of the server with the least overhead per weight; the first of equals."""
    usable = [i for i, (weight, _, _) in enumerate(servers) if weight]
    if not usable:
        return None

    def cost(i: int) -> float:
        weight, active, inactive = servers[i]
        return (active * 256 + inactive) / (weight if weighted else 1)

    return min(usable, key=cost) + 1


loads = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 600)), min_size=1, max_size=9)


@pytest.mark.parametrize("scheduler", [SchedulerNumber.WLC, SchedulerNumber.LC])
def test_least_connections(trial: Trial, scheduler: SchedulerNumber) -> None:
    @settings(max_examples=150, deadline=None)
    @given(servers=loads)
    def check(servers: list[Load]) -> None:
        trial.reset()
        trial.service(scheduler=scheduler, weights=tuple(weight for weight, _, _ in servers))
        for number, (_, active, inactive) in enumerate(servers, start=1):
            trial.director.servers[number]["active"] = active
            trial.director.servers[number]["inactive"] = inactive
        outcome = trial.send(Packet())
        expected = least(servers, weighted=scheduler is SchedulerNumber.WLC)
        if expected is None:
            assert outcome.counted == {"refused": 1}
        else:
            assert outcome.server == expected

    check()


def wlc_shares(trial: Trial) -> list[int]:
    """How many of 120 connections go to servers of weight 1, 2 and 3."""
    trial.service(weights=(1, 2, 3))
    taken = new_connections(trial, 120)
    return [taken.count(number) for number in (1, 2, 3)]


def test_wlc_shares_by_weight(trial: Trial, make_trial: MakeTrial) -> None:
    assert wlc_shares(trial) == [20, 40, 60]
    assert wlc_shares(make_trial("DEFECT_WEIGHT")) != [20, 40, 60]


def test_active_connections_weigh_256_inactive_ones(trial: Trial) -> None:
    trial.service(scheduler=SchedulerNumber.LC, weights=(1, 1))
    trial.send(Packet(source_port=1))
    trial.send(Packet(source_port=1, flags=ACK))
    assert set(new_connections(trial, 200, start=2)) == {2}


def test_rr(trial: Trial) -> None:
    trial.service(scheduler=SchedulerNumber.RR, weights=(1, 9, 0, 3))
    assert new_connections(trial, 7) == [1, 2, 4, 1, 2, 4, 1]


def test_rr_after_the_list_grew_shorter(trial: Trial) -> None:
    service = trial.service(scheduler=SchedulerNumber.RR, weights=(1, 1, 1, 1))
    assert new_connections(trial, 3) == [1, 2, 3]
    trial.director.services[service]["server_count"] = 2
    assert new_connections(trial, 3, start=100) == [1, 2, 1]


def test_wrr_interleaves_as_the_papers_say(trial: Trial) -> None:
    trial.service(scheduler=SchedulerNumber.WRR, weights=(4, 3, 2))
    assert new_connections(trial, 18) == [1, 1, 2, 1, 2, 3, 1, 2, 3] * 2


def test_wrr_steps_by_the_common_divisor(trial: Trial) -> None:
    trial.service(scheduler=SchedulerNumber.WRR, weights=(40, 30, 20), divisor=10)
    assert new_connections(trial, 9) == [1, 1, 2, 1, 2, 3, 1, 2, 3]


def test_wrr_leaps_over_rounds_in_which_nobody_is_usable(trial: Trial) -> None:
    trial.service(scheduler=SchedulerNumber.WRR, weights=(65535, 2, 1))
    trial.director.servers[1]["mac"] = 0
    assert new_connections(trial, 6) == [2, 2, 3, 2, 2, 3]


@pytest.mark.parametrize("scheduler", list(SchedulerNumber))
@pytest.mark.parametrize("weights", [(), (0,), (0, 0, 0)])
def test_nobody_usable(trial: Trial, scheduler: SchedulerNumber, weights: tuple[int, ...]) -> None:
    trial.service(scheduler=scheduler, weights=weights)
    assert trial.send(Packet()).counted == {"refused": 1}


@pytest.mark.parametrize("scheduler", list(SchedulerNumber))
def test_a_full_list(trial: Trial, scheduler: SchedulerNumber) -> None:
    trial.service(scheduler=scheduler, weights=(0,) * (SERVERS_PER_SERVICE - 1) + (1,))
    assert new_connections(trial, 3) == [SERVERS_PER_SERVICE] * 3


@pytest.mark.parametrize("scheduler", list(SchedulerNumber))
def test_all_of_a_full_list_share_alike(trial: Trial, scheduler: SchedulerNumber) -> None:
    trial.service(scheduler=scheduler, weights=(1,) * SERVERS_PER_SERVICE)
    taken = new_connections(trial, 2 * SERVERS_PER_SERVICE)
    assert {taken.count(number) for number in range(1, SERVERS_PER_SERVICE + 1)} == {2}
