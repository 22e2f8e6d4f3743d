# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.dataplane.xdp import views
from bascule.dataplane.xdp.expiry import pointed
from bascule.dataplane.xdp.layout import SERVER_PRESENT, SERVERS_PER_SERVICE, SERVICE_PRESENT, SchedulerNumber, State
from bascule.dataplane.xdp.tables import Tables
from bascule.errors import KernelRefusedError
from bascule.model.base import Seconds, Weight
from bascule.model.service import (
    ForwardingMethod,
    Protocol,
    RealServer,
    Scheduler,
    ServiceId,
    VirtualService,
)
from tests.dataplane.xdp.doubles import HZ, FakeDirector

VIP = ipaddress.IPv4Address("192.0.2.1")
WEB = VirtualService(id=ServiceId(protocol=Protocol.TCP, address=VIP, port=80), persistence=Seconds(60.0))


def server(last: int, weight: int = 1) -> RealServer:
    return RealServer(address=ipaddress.ip_address(f"198.51.100.{last}"), port=80, weight=Weight(weight))


def made(director: FakeDirector) -> Tables:
    return Tables(director, lambda: pointed(director.slots))


def held(director: FakeDirector) -> list[RealServer]:
    (view,) = views.services(director)
    return [entry.server for entry in view.servers]


def test_a_service_is_whole_before_it_is_published() -> None:
    director = FakeDirector()
    made(director).add_service(WEB)
    assert director.published == {(VIP, 80, 6): 1}
    record = director.services[1]
    assert record["persistence"] == 60 * HZ
    assert record["client_mask"] == 0xFFFFFFFF
    assert record["flags"] & SERVICE_PRESENT
    (view,) = views.services(director)
    assert view.service == WEB


def test_servers_stand_newest_first_and_wrr_learns_of_their_weights() -> None:
    director = FakeDirector()
    tables = made(director)
    tables.add_service(WEB)
    for last, weight in ((11, 4), (12, 6), (13, 0)):
        tables.add_server(WEB.id, server(last, weight))
    assert held(director) == [server(13, 0), server(12, 6), server(11, 4)]
    assert (director.services["max_weight"][1], director.services["weight_gcd"][1]) == (6, 2)
    tables.edit_server(WEB.id, server(12, 9))
    assert (director.services["max_weight"][1], director.services["weight_gcd"][1]) == (9, 1)


def test_a_server_that_leaves_and_returns_has_its_index_and_counts() -> None:
    director = FakeDirector()
    tables = made(director)
    tables.add_service(WEB)
    tables.add_server(WEB.id, server(11))
    index = tables.names.server(1, server(11).id)
    assert index is not None
    director.of_servers[index] = (7, 70, 700)
    director.servers["active"][index] = 2
    director.servers["mac"][index] = 0xABCDEF
    tables.remove_server(WEB.id, server(11).id)
    assert held(director) == []
    assert not director.servers["flags"][index] & SERVER_PRESENT
    tables.add_server(WEB.id, server(12))
    tables.add_server(WEB.id, server(11, 5))
    (view,) = views.services(director)
    assert tables.names.server(1, server(11).id) == index
    assert (view.servers[0].counters.connections, view.servers[0].active) == (7, 2)
    assert director.servers["mac"][index] == 0xABCDEF


def test_a_service_that_is_removed_takes_its_servers_along() -> None:
    director = FakeDirector()
    tables = made(director)
    tables.add_service(WEB)
    tables.add_server(WEB.id, server(11))
    director.put(0, 1, 1, 1, State.ESTABLISHED, 0)
    tables.remove_service(WEB.id)
    assert director.published == {}
    assert views.services(director) == ()
    assert not director.servers["flags"].any()
    tables.add_service(WEB)
    assert tables.names.service(WEB.id) == 1
    assert held(director) == []


def test_another_scheduler_starts_at_its_beginning_and_the_same_one_goes_on() -> None:
    director = FakeDirector()
    tables = made(director)
    tables.add_service(WEB)
    director.cursors[1] = (3, 4)
    tables.edit_service(msgspec.structs.replace(WEB, persistence=None))
    assert director.cursors["position"][1] == 3
    tables.edit_service(msgspec.structs.replace(WEB, scheduler=Scheduler.WRR))
    assert director.services["scheduler"][1] == SchedulerNumber.WRR
    assert director.cursors["position"][1] == 0
    (view,) = views.services(director)
    assert (view.service.scheduler, view.service.persistence) == (Scheduler.WRR, 60.0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"scheduler": Scheduler.SH}, "no scheduler sh yet"),
        ({"id": ServiceId(protocol=Protocol.SCTP, address=VIP, port=80)}, "does not do SCTP yet"),
        ({"id": ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("fd00::1"), port=80)}, "IPv6 yet"),
    ],
)
def test_services_that_cannot_run_are_refused_by_name(change: dict[str, object], text: str) -> None:
    director = FakeDirector()
    wanted = msgspec.structs.replace(WEB, **change)
    with pytest.raises(KernelRefusedError, match=text) as caught:
        made(director).add_service(wanted)
    assert str(wanted.id) in str(caught.value)
    assert not director.services["address"].any()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"forwarding": ForwardingMethod.NAT}, "DR only, not by NAT"),
        ({"address": ipaddress.ip_address("fd00::1")}, "IPv6"),
        ({"upper_threshold": 5}, "no connection thresholds"),
    ],
)
def test_servers_that_cannot_run_are_refused_by_name(change: dict[str, object], text: str) -> None:
    director = FakeDirector()
    tables = made(director)
    tables.add_service(WEB)
    with pytest.raises(KernelRefusedError, match=text):
        tables.add_server(WEB.id, msgspec.structs.replace(server(11), **change))
    assert not director.servers["service"].any()


def test_what_is_not_there_or_there_already() -> None:
    tables = made(FakeDirector())
    with pytest.raises(KernelRefusedError, match="No such service"):
        tables.remove_service(WEB.id)
    tables.add_service(WEB)
    with pytest.raises(KernelRefusedError, match="Service already exists"):
        tables.add_service(WEB)
    tables.add_server(WEB.id, server(11))
    with pytest.raises(KernelRefusedError, match="Destination already exists"):
        tables.add_server(WEB.id, server(11))
    with pytest.raises(KernelRefusedError, match="No such destination"):
        tables.edit_server(WEB.id, server(12))
    tables.remove_server(WEB.id, server(11).id)
    with pytest.raises(KernelRefusedError, match="No such destination"):
        tables.remove_server(WEB.id, server(11).id)


def test_a_service_holds_only_so_many_servers() -> None:
    tables = made(FakeDirector())
    tables.add_service(WEB)
    for number in range(SERVERS_PER_SERVICE):
        tables.add_server(WEB.id, RealServer(address=ipaddress.ip_address(0x0A000001 + number), port=80))
    with pytest.raises(KernelRefusedError, match="no room for more than 256 real servers"):
        tables.add_server(WEB.id, server(11))


edits = st.lists(st.tuples(st.booleans(), st.integers(1, 6), st.integers(0, 9)), max_size=30)


@given(edits)
def test_lists_hold_exactly_the_present_servers(steps: list[tuple[bool, int, int]]) -> None:
    director = FakeDirector()
    tables = made(director)
    tables.add_service(WEB)
    expected: dict[int, int] = {}
    for add, last, weight in steps:
        if add and last not in expected:
            tables.add_server(WEB.id, server(last, weight))
            expected = {last: weight, **expected}
        elif not add and last in expected:
            tables.remove_server(WEB.id, server(last).id)
            del expected[last]
    assert held(director) == [server(last, weight) for last, weight in expected.items()]
    assert director.services["max_weight"][1] == max(expected.values(), default=0)
    assert director.services["weight_gcd"][1] == math.gcd(*expected.values())
    assert np.count_nonzero(director.servers["flags"]) == len(expected)


def _interrupted(director: FakeDirector) -> Tables:
    tables = made(director)
    tables.add_service(WEB)
    for last in (11, 12, 13):
        tables.add_server(WEB.id, server(last, last))
    return tables


def test_repair_closes_a_list_that_was_shifted_half_way() -> None:
    director = FakeDirector()
    _interrupted(director)
    director.lists[1][:4] = (3, 3, 2, 1)
    director.services["server_count"][1] = 4
    made(director).repair()
    assert held(director) == [server(13, 13), server(12, 12), server(11, 11)]


def test_repair_takes_out_what_was_only_half_in_or_half_out() -> None:
    director = FakeDirector()
    _interrupted(director)
    director.servers["flags"][2] = 0
    director.services["server_count"][1] = 2
    director.published.clear()
    made(director).repair()
    assert held(director) == [server(13, 13)]
    assert director.published == {(VIP, 80, 6): 1}
    assert director.services["max_weight"][1] == 13
    assert np.flatnonzero(director.servers["flags"]).tolist() == [3]


def test_repair_withdraws_a_service_that_was_being_removed() -> None:
    director = FakeDirector()
    _interrupted(director)
    director.services["flags"][1] = 0
    made(director).repair()
    assert director.published == {}
    assert not director.servers["flags"].any()
