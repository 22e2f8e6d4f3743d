# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress

import pytest

from bascule.dataplane.memory import MemoryPlane
from bascule.dataplane.plane import Plane
from bascule.errors import KernelRefusedError
from bascule.model.base import Seconds, Weight
from bascule.model.configuration import Configuration
from bascule.model.service import Counters, Protocol, RealServer, Scheduler, ServerId, ServiceId, VirtualService

WEB = VirtualService(id=ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.0.2.1"), port=80))
ONE = RealServer(address=ipaddress.ip_address("192.0.2.11"), port=80, weight=Weight(3))
TWO = RealServer(address=ipaddress.ip_address("192.0.2.12"), port=80)


def test_it_is_a_plane_that_holds_what_it_is_given_in_order() -> None:
    plane: Plane = MemoryPlane()
    plane.configure(Configuration())
    plane.add_service(WEB)
    plane.add_server(WEB.id, TWO)
    plane.add_server(WEB.id, ONE)
    (view,) = plane.services()
    assert view.service == WEB
    assert [server.server for server in view.servers] == [TWO, ONE]
    assert list(plane.connections()) == []


def test_edits_keep_the_servers() -> None:
    plane = MemoryPlane()
    plane.add_service(WEB)
    plane.add_server(WEB.id, ONE)
    plane.edit_service(VirtualService(id=WEB.id, scheduler=Scheduler.RR, persistence=Seconds(60.0), servers=(TWO,)))
    plane.edit_server(WEB.id, RealServer(address=ONE.address, port=80, weight=Weight(0)))
    (view,) = plane.services()
    assert (view.service.scheduler, view.service.persistence) == (Scheduler.RR, Seconds(60.0))
    assert [server.server.weight for server in view.servers] == [0]


def test_a_server_that_returns_gets_its_counters_back() -> None:
    plane = MemoryPlane()
    plane.add_service(WEB)
    plane.add_server(WEB.id, ONE)
    plane.count(WEB.id, ONE.id, Counters(connections=7))
    plane.remove_server(WEB.id, ONE.id)
    plane.add_server(WEB.id, ONE)
    assert plane.services()[0].servers[0].counters.connections == 7


def test_it_refuses_in_the_words_of_ipvsadm() -> None:
    plane = MemoryPlane()
    with pytest.raises(KernelRefusedError, match=r"\[192.0.2.1\]:tcp:80: No such service"):
        plane.add_server(WEB.id, ONE)
    with pytest.raises(KernelRefusedError, match="No such service"):
        plane.remove_service(WEB.id)
    plane.add_service(WEB)
    with pytest.raises(KernelRefusedError, match="Service already exists"):
        plane.add_service(WEB)
    with pytest.raises(KernelRefusedError, match="No such destination"):
        plane.remove_server(WEB.id, ServerId(address=ONE.address, port=80))
    with pytest.raises(KernelRefusedError, match="No such destination"):
        plane.edit_server(WEB.id, ONE)
    plane.add_server(WEB.id, ONE)
    with pytest.raises(KernelRefusedError, match="Destination already exists"):
        plane.add_server(WEB.id, ONE)


def test_the_rest_of_the_interface_has_nothing_to_say() -> None:
    plane = MemoryPlane()
    plane.add_service(WEB)
    assert plane.housekeep(10.0) > 10.0
    assert plane.attachments() == ()
    assert plane.table_size() == 0
    plane.measure_rates()
    assert plane.counters() == {}
    assert "forwards nothing" in plane.notes()[0]
    plane.destroy()
    plane.close()
    assert plane.services() == ()
