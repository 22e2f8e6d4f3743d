# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress

import numpy as np
import numpy.typing as npt
import pytest

from bascule.dataplane.xdp.allocation import Allocation, Records
from bascule.dataplane.xdp.layout import SERVER, SERVER_PRESENT, SERVICE, SERVICE_PRESENT
from bascule.errors import KernelRefusedError
from bascule.model.service import Protocol, ServerId, ServiceId

SERVICES, SERVERS = 4, 4


def web(last: int) -> ServiceId:
    return ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address(f"192.0.2.{last}"), port=80)


def server(last: int) -> ServerId:
    return ServerId(address=ipaddress.ip_address(f"198.51.100.{last}"), port=80)


class Tables:
    """Records for three services and three servers, and what connections point to."""

    def __init__(self) -> None:
        self.services: Records = np.zeros(SERVICES, dtype=SERVICE)
        self.servers: Records = np.zeros(SERVERS, dtype=SERVER)
        self.services_named: npt.NDArray[np.bool_] = np.zeros(SERVICES, dtype=np.bool_)
        self.servers_named: npt.NDArray[np.bool_] = np.zeros(SERVERS, dtype=np.bool_)

    def open(self) -> Allocation:
        return Allocation(self.services, self.servers, lambda: (self.services_named, self.servers_named))


@pytest.fixture
def tables() -> Tables:
    return Tables()


def test_indexes_start_at_one_and_are_found_again_by_the_next_process(tables: Tables) -> None:
    first = tables.open()
    assert first.claim_service(web(1)) == 1
    assert [first.claim_server(1, server(last)) for last in (11, 12)] == [1, 2]
    again = tables.open()
    assert (again.service(web(1)), again.server(1, server(12))) == (1, 2)
    assert again.servers_of(1) == (1, 2)
    assert (again.highest_service(), again.highest_server()) == (1, 2)
    assert again.service(web(2)) is None


def test_a_name_keeps_its_index(tables: Tables) -> None:
    names = tables.open()
    service = names.claim_service(web(1))
    index = names.claim_server(service, server(11))
    assert names.claim_service(web(1)) == service
    assert names.claim_server(service, server(11)) == index
    assert names.claim_server(names.claim_service(web(2)), server(11)) != index


def test_an_absent_server_keeps_its_index_while_there_is_room(tables: Tables) -> None:
    names = tables.open()
    service = names.claim_service(web(1))
    gone = names.claim_server(service, server(11))
    assert names.claim_server(service, server(12)) != gone
    assert names.server(service, server(11)) == gone


def test_when_full_only_what_nothing_points_to_is_taken_back(tables: Tables) -> None:
    names = tables.open()
    service = names.claim_service(web(1))
    present, pointed, idle = (names.claim_server(service, server(last)) for last in (11, 12, 13))
    tables.servers["flags"][present] = SERVER_PRESENT
    tables.servers_named[pointed] = True
    assert names.claim_server(service, server(14)) == idle
    assert names.server(service, server(13)) is None
    tables.servers["flags"][idle] = SERVER_PRESENT
    with pytest.raises(KernelRefusedError, match="no room for more real servers: the table holds 3"):
        names.claim_server(service, server(15))
    tables.servers_named[pointed] = False
    assert names.claim_server(service, server(15)) == pointed


def test_a_reused_record_holds_nothing_of_its_last_owner(tables: Tables) -> None:
    names = tables.open()
    service = names.claim_service(web(1))
    for last in (11, 12, 13):
        tables.servers["mac"][names.claim_server(service, server(last))] = 0xDEAD
    assert tables.servers["mac"][names.claim_server(service, server(14))] == 0


def test_a_services_index_stays_while_connections_or_servers_name_it(tables: Tables) -> None:
    names = tables.open()
    present, pointed, owner = (names.claim_service(web(last)) for last in (1, 2, 3))
    tables.services["flags"][present] = SERVICE_PRESENT
    tables.services_named[pointed] = True
    kept = names.claim_server(owner, server(11))
    tables.servers_named[kept] = True
    with pytest.raises(KernelRefusedError, match="no room for more services"):
        names.claim_service(web(4))
    tables.servers_named[kept] = False
    assert names.claim_service(web(4)) == owner
