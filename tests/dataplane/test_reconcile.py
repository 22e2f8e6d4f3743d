# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress
import pathlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bascule.dataplane.ledger import Ledger
from bascule.dataplane.memory import MemoryPlane
from bascule.dataplane.reconcile import Change, Edit, plan, reconcile, shown
from bascule.errors import KernelRefusedError
from bascule.model.base import Seconds, Weight
from bascule.model.service import (
    ForwardingMethod,
    Protocol,
    RealServer,
    Scheduler,
    ServerId,
    ServiceId,
    VirtualService,
)

servers = st.builds(
    RealServer,
    address=st.sampled_from([ipaddress.ip_address(f"192.0.2.{last}") for last in range(11, 16)]),
    port=st.sampled_from([80, 8080]),
    weight=st.integers(0, 4).map(Weight),
    forwarding=st.sampled_from(ForwardingMethod),
    upper_threshold=st.integers(0, 2),
)
names = st.builds(
    ServiceId,
    protocol=st.sampled_from([Protocol.TCP, Protocol.UDP]),
    address=st.sampled_from([ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("192.0.2.2")]),
    port=st.sampled_from([53, 80]),
)
services = st.builds(
    VirtualService,
    id=names,
    scheduler=st.sampled_from([Scheduler.RR, Scheduler.WLC]),
    persistence=st.sampled_from([None, Seconds(60.0)]),
    servers=st.lists(servers, max_size=5, unique_by=lambda server: server.id).map(tuple),
)
tables = st.lists(services, max_size=5, unique_by=lambda service: service.id).map(tuple)


def table(plane: MemoryPlane) -> dict[ServiceId, tuple[VirtualService, frozenset[RealServer]]]:
    return {
        view.service.id: (view.service, frozenset(server.server for server in view.servers))
        for view in plane.services()
    }


def as_table(*wanted: VirtualService) -> dict[ServiceId, tuple[VirtualService, frozenset[RealServer]]]:
    return {
        service.id: (msgspec.structs.replace(service, servers=()), frozenset(service.servers)) for service in wanted
    }


def filled(*held: VirtualService) -> MemoryPlane:
    plane = MemoryPlane()
    reconcile(plane, held, Ledger())
    return plane


def server(last: int, weight: int = 1) -> RealServer:
    return RealServer(address=ipaddress.ip_address(f"192.0.2.{last}"), port=80, weight=Weight(weight))


def service(*of: RealServer, port: int = 80, scheduler: Scheduler = Scheduler.WLC) -> VirtualService:
    name = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.0.2.1"), port=port)
    return VirtualService(id=name, servers=of, scheduler=scheduler)


class StubbornPlane(MemoryPlane):
    """Refuses one real server, and remembers whether a service with servers ever stood without a usable one."""

    def __init__(self, refused: ServerId | None = None) -> None:
        super().__init__()
        self.refused = refused

    def add_server(self, service: ServiceId, server: RealServer) -> None:
        if server.id == self.refused:
            raise KernelRefusedError("no room")
        super().add_server(service, server)


@given(before=tables, wanted=tables)
def test_the_plane_holds_what_is_wanted_and_a_second_time_changes_nothing(
    before: tuple[VirtualService, ...], wanted: tuple[VirtualService, ...]
) -> None:
    plane, ledger = MemoryPlane(), Ledger()
    reconcile(plane, before, ledger)
    promised = plan(plane, wanted, ledger)
    assert reconcile(plane, wanted, ledger) == promised
    assert table(plane) == as_table(*wanted)
    assert reconcile(plane, wanted, ledger) == ()
    assert not any(change.put_back for change in promised)


@given(foreign=tables, wanted=tables)
def test_foreign_services_stay_untouched(
    foreign: tuple[VirtualService, ...], wanted: tuple[VirtualService, ...]
) -> None:
    plane, ledger = filled(*foreign), Ledger()
    reconcile(plane, wanted, ledger)
    ours = {service.id for service in wanted}
    assert table(plane) == as_table(*(service for service in foreign if service.id not in ours), *wanted)
    assert {view.service.id for view in shown(plane, ledger) if view.ours} == ours
    reconcile(plane, (), ledger)
    assert table(plane) == as_table(*(service for service in foreign if service.id not in ours))


@given(left=tables, by_hand=tables)
def test_every_change_by_hand_to_ours_is_put_back_and_reported(
    left: tuple[VirtualService, ...], by_hand: tuple[VirtualService, ...]
) -> None:
    plane, ledger = MemoryPlane(), Ledger()
    reconcile(plane, left, ledger)
    ours = {service.id for service in left}
    reconcile(plane, tuple(service for service in by_hand if service.id in ours), _another_hand(plane, ours))
    changes = reconcile(plane, left, ledger)
    assert table(plane) == as_table(*left)
    assert all(change.put_back for change in changes)


def _another_hand(plane: MemoryPlane, ours: set[ServiceId]) -> Ledger:
    ledger = Ledger()
    ledger.claim(tuple(view.service.id for view in plane.services() if view.service.id in ours))
    return ledger


@given(before=tables, wanted=tables)
def test_no_service_that_keeps_servers_is_ever_without_one(
    before: tuple[VirtualService, ...], wanted: tuple[VirtualService, ...]
) -> None:
    def usable(service: VirtualService) -> bool:
        return any(server.weight > 0 for server in service.servers)

    plane, ledger = MemoryPlane(), Ledger()
    reconcile(plane, before, ledger)
    steady = {s.id for s in before if usable(s)} & {s.id for s in wanted if usable(s)}
    watched = _Watched(plane, steady)
    reconcile(watched, wanted, ledger)
    assert watched.starved == set()


class _Watched(MemoryPlane):
    """Looks after each edit whether one of `steady` has no server that takes connections."""

    def __init__(self, plane: MemoryPlane, steady: set[ServiceId]) -> None:
        super().__init__()
        reconcile(self, tuple(_whole(plane)), Ledger())
        self.steady, self.starved = steady, set[ServiceId]()

    def edit_server(self, service: ServiceId, server: RealServer) -> None:
        super().edit_server(service, server)
        self._look()

    def remove_server(self, service: ServiceId, server: ServerId) -> None:
        super().remove_server(service, server)
        self._look()

    def remove_service(self, service: ServiceId) -> None:
        super().remove_service(service)
        self._look()

    def _look(self) -> None:
        for name, (_, held) in table(self).items():
            if name in self.steady and not any(server.weight > 0 for server in held):
                self.starved.add(name)
        self.starved |= self.steady - table(self).keys()


def _whole(plane: MemoryPlane) -> list[VirtualService]:
    return [
        msgspec.structs.replace(view.service, servers=tuple(server.server for server in view.servers))
        for view in plane.services()
    ]


def test_a_server_is_raised_before_another_is_lowered() -> None:
    """Weights change places: lowering first would leave nobody to take a connection."""
    for first, second in ((11, 12), (12, 11)):
        plane, ledger = MemoryPlane(), Ledger()
        reconcile(plane, (service(server(11, weight=first % 2), server(12, weight=second % 2)),), ledger)
        wanted = service(server(11, weight=second % 2), server(12, weight=first % 2))
        watched = _Watched(plane, {wanted.id})
        ledger = Ledger()
        changes = reconcile(watched, (wanted,), ledger)
        assert len(changes) == 2
        assert watched.starved == set()


def test_a_refusal_is_reported_stops_nothing_else_and_is_tried_again() -> None:
    plane, ledger = StubbornPlane(refused=server(11).id), Ledger()
    wanted = (service(server(11), server(12)), service(server(13), port=81))
    changes = reconcile(plane, wanted, ledger)
    assert [change.server for change in changes if change.refused == "no room"] == [server(11).id]
    assert table(plane) == as_table(service(server(12)), service(server(13), port=81))
    plane.refused = None
    again = reconcile(plane, wanted, ledger)
    assert [(change.edit, change.server) for change in again] == [(Edit.ADD_SERVER, server(11).id)]
    assert table(plane) == as_table(*wanted)


class ChoosyPlane(MemoryPlane):
    """Has no round robin."""

    def add_service(self, service: VirtualService) -> None:
        if service.scheduler is Scheduler.RR:
            raise KernelRefusedError("no such scheduler")
        super().add_service(service)


def test_a_service_that_is_refused_is_named_once_and_the_others_run() -> None:
    plane, ledger = ChoosyPlane(), Ledger()
    wanted = (service(server(11), server(12), scheduler=Scheduler.RR), service(server(13), port=81))
    refused = [change for change in reconcile(plane, wanted, ledger) if change.refused]
    assert [(change.edit, change.refused) for change in refused] == [(Edit.ADD_SERVICE, "no such scheduler")]
    assert table(plane) == as_table(service(server(13), port=81))


def test_ownership_is_remembered_by_the_next_process(tmp_path: pathlib.Path) -> None:
    plane = MemoryPlane()
    reconcile(plane, (service(server(11)),), Ledger(tmp_path / "services"))
    changes = reconcile(plane, (), Ledger(tmp_path / "services"))
    assert [change.edit for change in changes] == [Edit.REMOVE_SERVICE]
    assert plane.services() == ()
    assert Ledger(tmp_path / "services").owned == ()


def test_a_service_of_the_file_that_is_there_already_becomes_ours() -> None:
    plane, ledger = filled(service(server(11))), Ledger()
    changes = reconcile(plane, (service(server(11, weight=5)),), ledger)
    assert [(change.edit, change.put_back) for change in changes] == [(Edit.EDIT_SERVER, False)]
    assert shown(plane, ledger)[0].ours


def test_a_weight_set_by_hand_is_put_back_and_logs_as_one_line() -> None:
    plane, ledger = MemoryPlane(), Ledger()
    wanted = (service(server(11, weight=3)),)
    reconcile(plane, wanted, ledger)
    plane.edit_server(wanted[0].id, server(11, weight=0))
    (change,) = reconcile(plane, wanted, ledger)
    assert change.fields() == {
        "edit": "edit_server",
        "service": "[192.0.2.1]:tcp:80",
        "server": "[192.0.2.11]:tcp:80",
        "weight": "0 -> 3",
        "put_back": True,
    }


def test_what_comes_and_what_is_refused_logs_its_values() -> None:
    change = Change(edit=Edit.ADD_SERVICE, service=service().id, after=service(), refused="no room")
    assert change.fields() == {
        "edit": "add_service",
        "service": "[192.0.2.1]:tcp:80",
        "scheduler": "wlc",
        "persistence": "None",
        "refused": "no room",
    }


def test_a_new_scheduler_is_one_edit() -> None:
    plane, ledger = MemoryPlane(), Ledger()
    reconcile(plane, (service(server(11)),), ledger)
    (change,) = reconcile(plane, (service(server(11), scheduler=Scheduler.RR),), ledger)
    assert change.fields()["scheduler"] == "wlc -> rr"
