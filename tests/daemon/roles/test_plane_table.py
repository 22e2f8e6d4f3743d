# SPDX-License-Identifier: Apache-2.0
"""The table over a plane in memory: adopted, kept, put back, refused, destroyed."""

from __future__ import annotations

import ipaddress
import os
import pathlib
from collections.abc import Iterator

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.plane_table import Table
from bascule.dataplane.memory import MemoryPlane
from bascule.errors import KernelRefusedError
from bascule.model.base import Weight
from bascule.model.configuration import Configuration, RealServerConfig, TcpCheck, VirtualServerConfig
from bascule.model.messages import CheckTarget, Verdict
from bascule.model.service import ForwardingMethod, Protocol, RealServer, ServerId, ServiceId, VirtualService


def service(port: int, *last: int) -> VirtualServerConfig:
    servers = tuple(
        RealServerConfig(address=ipaddress.ip_address(f"192.0.2.{byte}"), port=port, checks=(TcpCheck(),))
        for byte in last
    )
    name = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.0.2.240"), port=port)
    return VirtualServerConfig(id=name, forwarding=ForwardingMethod.DR, real_servers=servers)


CONFIGURATION = Configuration(virtual_servers=(service(80, 1, 2), service(81, 1)))
WEB, OTHER = CONFIGURATION.virtual_servers[0].id, CONFIGURATION.virtual_servers[1].id
FIRST = ServerId(address=ipaddress.ip_address("192.0.2.1"), port=80)


class Stubborn(MemoryPlane):
    """Refuses one service, and its end, as long as it is told to."""

    refuses: ServiceId | None = None
    immortal = False
    troubles: tuple[str, ...] = ()

    def add_service(self, service: VirtualService) -> None:
        if service.id == self.refuses:
            raise KernelRefusedError("no room")
        super().add_service(service)

    def errors(self) -> tuple[str, ...]:
        return self.troubles

    def notes(self) -> tuple[str, ...]:
        return ("a note of the plane",)

    def destroy(self) -> None:
        if self.immortal:
            raise KernelRefusedError("still in use")
        super().destroy()


def down(up: bool = False) -> Verdict:
    return Verdict(target=CheckTarget(service=WEB, server=FIRST), up=up, why="w", at=1.0, attempts=1)


def held(plane: MemoryPlane) -> dict[int, list[str]]:
    return {view.service.id.port: [str(server.server.address) for server in view.servers] for view in plane.services()}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """The log's file."""
    path = tmp_path / "log"
    with path.open("ab") as file:
        monkeypatch.setattr(Log, "descriptor", file.fileno())
        yield path


def table(plane: MemoryPlane, folder: pathlib.Path) -> Table:
    return Table(plane, CONFIGURATION, folder / "state", Log("plane"))


def test_a_fresh_table_holds_what_the_file_says(tmp_path: pathlib.Path) -> None:
    plane = Stubborn()
    one = table(plane, tmp_path)
    assert not one.adopted
    one.apply()
    assert held(plane) == {80: ["192.0.2.1", "192.0.2.2"], 81: ["192.0.2.1"]}
    assert all(view.ours for view in one.services())


def test_verdicts_reach_the_plane_and_outlive_the_process(tmp_path: pathlib.Path) -> None:
    plane = Stubborn()
    one = table(plane, tmp_path)
    one.pool.handle(down())
    one.apply()
    assert held(plane)[80] == ["192.0.2.2"]
    successor = table(plane, tmp_path)
    assert successor.adopted
    successor.apply()
    assert held(plane)[80] == ["192.0.2.2"], "down until a verdict says otherwise"
    successor.pool.handle(down(up=True))
    successor.apply()
    assert sorted(held(plane)[80]) == ["192.0.2.1", "192.0.2.2"]


def test_a_hand_change_is_put_back_and_logged(tmp_path: pathlib.Path, log: pathlib.Path) -> None:
    plane = Stubborn()
    one = table(plane, tmp_path)
    one.apply()
    plane.edit_server(WEB, RealServer(address=FIRST.address, port=80, weight=Weight(9)))
    plane.remove_service(OTHER)
    one.apply()
    assert held(plane)[81] == ["192.0.2.1"]
    assert plane.services()[0].servers[0].server.weight == 1
    lines = [line for line in log.read_text().splitlines() if "put_back=True" in line]
    assert lines
    assert all("level=warning" in line for line in lines)


def test_a_foreign_service_stays_and_is_shown_as_foreign(tmp_path: pathlib.Path) -> None:
    plane = Stubborn()
    foreign = ServiceId(protocol=Protocol.UDP, address=ipaddress.ip_address("192.0.2.9"), port=53)
    plane.add_service(VirtualService(id=foreign))
    one = table(plane, tmp_path)
    assert not one.adopted
    one.apply()
    assert {view.service.id: view.ours for view in one.services()} == {foreign: False, WEB: True, OTHER: True}


def test_what_one_service_meets_with_stops_no_other_and_is_named_once(
    tmp_path: pathlib.Path, log: pathlib.Path
) -> None:
    plane = Stubborn()
    plane.refuses = WEB
    one = table(plane, tmp_path)
    for _ in range(3):
        one.apply()
    assert held(plane) == {81: ["192.0.2.1"]}
    assert any(str(WEB) in note and "no room" in note for note in one.notes())
    assert log.read_text().count("no room") == 1
    plane.refuses = None
    one.apply()
    assert one.notes() == ("a note of the plane",)
    assert sorted(held(plane)) == [80, 81]


def test_a_note_of_the_plane_is_logged_when_it_is_new(tmp_path: pathlib.Path, log: pathlib.Path) -> None:
    one = table(Stubborn(), tmp_path)
    one.log_new_notes()
    one.log_new_notes()
    assert log.read_text().count("a note of the plane") == 1


def test_what_the_plane_cannot_do_is_an_error_and_stands_first(tmp_path: pathlib.Path, log: pathlib.Path) -> None:
    plane = Stubborn()
    one = table(plane, tmp_path)
    plane.troubles = ("192.0.2.1 is not on-link",)
    one.log_new_notes()
    one.log_new_notes()
    (line,) = (line for line in log.read_text().splitlines() if "not on-link" in line)
    assert "level=error" in line
    assert one.notes() == ("192.0.2.1 is not on-link", "a note of the plane")


def test_the_end_leaves_nothing_to_adopt(tmp_path: pathlib.Path) -> None:
    plane = Stubborn()
    one = table(plane, tmp_path)
    one.apply()
    one.destroy()
    assert held(plane) == {}
    assert not table(plane, tmp_path).adopted
    assert not os.path.exists(tmp_path / "state" / "pool")


def test_what_cannot_be_destroyed_is_said_and_still_ours(tmp_path: pathlib.Path, log: pathlib.Path) -> None:
    plane = Stubborn()
    one = table(plane, tmp_path)
    one.apply()
    plane.immortal = True
    one.destroy()
    assert 'event=plane_not_removed error="still in use"' in log.read_text()
    assert table(plane, tmp_path).adopted


def test_verdicts_that_cannot_be_read_are_no_obstacle(tmp_path: pathlib.Path, log: pathlib.Path) -> None:
    plane = Stubborn()
    one = table(plane, tmp_path)
    one.pool.handle(down())
    one.apply()
    (tmp_path / "state" / "pool").write_bytes(b"\xc1")
    successor = table(plane, tmp_path)
    successor.apply()
    assert "event=pool_state_not_understood" in log.read_text()
    assert len(held(plane)[80]) == 2
    (tmp_path / "state" / "pool").unlink()
    assert table(plane, tmp_path).adopted
