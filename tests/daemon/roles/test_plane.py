# SPDX-License-Identifier: Apache-2.0
"""The plane role over a plane in memory, driven through its bus."""

from __future__ import annotations

import gc
import ipaddress
import os
import pathlib
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import msgspec
import pytest

from bascule.daemon import memfd
from bascule.daemon.bus import Bus
from bascule.daemon.context import RoleContext
from bascule.daemon.roles import plane as plane_role
from bascule.dataplane.memory import MemoryPlane
from bascule.errors import KernelRefusedError
from bascule.lab.waiting import wait_for
from bascule.model.base import IPAddress, Vrid, Weight, from_json, pack
from bascule.model.configuration import (
    Configuration,
    RealServerConfig,
    TcpCheck,
    VirtualAddress,
    VirtualServerConfig,
    VrrpInstance,
)
from bascule.model.messages import (
    CheckTarget,
    Configure,
    Message,
    PredecessorAsks,
    PredecessorKnown,
    Ready,
    Refused,
    Role,
    ServerChanged,
    Started,
    StatusReply,
    StatusRequest,
    Stop,
    StopMode,
    SuspendChecks,
    Verdict,
    VerdictsWanted,
)
from bascule.model.service import ForwardingMethod, Protocol, RealServer, ServerId, ServiceId
from bascule.model.status import PlaneStatus

WEB = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.0.2.240"), port=80)
SERVER = RealServerConfig(address=ipaddress.ip_address("192.0.2.1"), port=80, checks=(TcpCheck(),))
NAME = ServerId(address=SERVER.address, port=80)
MAC, MAC_REFUSED = bytes.fromhex("020000000002"), bytes.fromhex("020000000003")
NOT_SERVED = ipaddress.ip_address("192.0.2.241")
CONFIGURATION = Configuration(
    instances=(
        VrrpInstance(
            name="VI_1",
            interface="eth0",
            vrid=Vrid(51),
            virtual_addresses=tuple(VirtualAddress(address=a, prefix_length=32) for a in (WEB.address, NOT_SERVED)),
        ),
    ),
    virtual_servers=(
        VirtualServerConfig(id=WEB, forwarding=ForwardingMethod.DR, real_servers=(SERVER,), ha_suspend=True),
    ),
)


class Recorded(MemoryPlane):
    """Notes how it ended and what it relays; refuses a configuration without services, and MAC_REFUSED."""

    ended: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.relayed: list[tuple[str, list[IPAddress], bytes]] = []

    def relay(self, interface: str, addresses: Iterable[IPAddress], mac: bytes) -> None:
        if mac == MAC_REFUSED:
            raise KernelRefusedError("no room")
        self.relayed.append((interface, list(addresses), mac))

    def configure(self, configuration: Configuration) -> None:
        if not configuration.virtual_servers:
            raise KernelRefusedError("no interface left")
        super().configure(configuration)

    def close(self) -> None:
        self.ended = "closed"

    def destroy(self) -> None:
        super().destroy()
        self.ended = "destroyed"


class Rig:
    """The role in a thread; the test is its supervisor."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.plane = Recorded()
        self.said: list[Message] = []
        self.status = 0
        self.begin()

    def begin(self, *first: Message, restarted: bool = False) -> None:
        self.bus, theirs = Bus.pair()
        for message in first:
            self.bus.send(message)
        context = RoleContext(
            bus=Bus(theirs), configuration=CONFIGURATION, generation=1, run_dir=self.folder, restarted=restarted
        )

        def run() -> None:
            self.status = plane_role.run(context, lambda _configuration, _run_dir: self.plane)
            context.bus.close()

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def hear(self) -> list[Message]:
        """Everything said so far."""
        if self.bus.fileno() >= 0:
            select.select([self.bus], [], [], 0.05)
            self.said += [message for message, _ in self.bus.receive()]
        return self.said

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        wait_for(lambda: (self.hear() or True) and condition(), 10.0, what, evidence=lambda: repr(self.said))

    def wait_for_message(self, message: Message) -> None:
        self.wait_for(lambda: message in self.said, repr(message))

    def servers(self) -> list[int]:
        return [server.server.weight for view in self.plane.services() for server in view.servers]

    def stop(self, mode: StopMode = StopMode.STOP) -> int:
        self.bus.send(Stop(mode=mode))
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.bus.close()
        return self.status


def verdict(up: bool) -> Verdict:
    return Verdict(target=CheckTarget(service=WEB, server=NAME), up=up, why="w", at=1.0, attempts=1)


@pytest.fixture
def rig(tmp_path: pathlib.Path) -> Iterator[Rig]:
    one = Rig(tmp_path)
    yield one
    one.bus.close()
    one.thread.join(10)
    gc.unfreeze()


def test_the_start_says_all_that_others_wait_for(rig: Rig) -> None:
    rig.wait_for_message(Started(role=Role.PLANE, generation=1))
    assert VerdictsWanted() in rig.said
    assert SuspendChecks(services=(WEB,)) in rig.said
    assert any(isinstance(message, Ready) for message in rig.said)
    assert rig.servers() == [1]


def test_a_verdict_changes_the_table_and_is_told(rig: Rig) -> None:
    rig.wait_for_message(Started(role=Role.PLANE, generation=1))
    rig.bus.send(verdict(False))
    rig.wait_for(lambda: rig.servers() == [], "the server to leave")
    rig.bus.send(verdict(True))
    rig.wait_for(lambda: rig.servers() == [1], "the server to come back")
    changes = [message.up for message in rig.hear() if isinstance(message, ServerChanged)]
    assert changes == [False, True]
    assert any(isinstance(message, Ready) and message.ready for message in rig.said)


def test_the_status_is_the_struct_that_is_promised(rig: Rig) -> None:
    rig.wait_for_message(Started(role=Role.PLANE, generation=1))
    rig.bus.send(StatusRequest(number=5))
    rig.wait_for(lambda: any(isinstance(message, StatusReply) for message in rig.said), "the reply")
    reply = next(message for message in rig.said if isinstance(message, StatusReply))
    assert (reply.number, reply.role) == (5, Role.PLANE)
    found = from_json(reply.body, PlaneStatus)
    assert found.kind == "memory"
    assert [view.service.id for view in found.services] == [WEB]


def test_a_reload_changes_what_differs_and_a_refused_one_nothing(rig: Rig) -> None:
    def configure(generation: int, configuration: Configuration) -> None:
        descriptor = memfd.make("test", pack(configuration))
        rig.bus.send(Configure(generation=generation), descriptor)
        os.close(descriptor)

    rig.wait_for_message(Started(role=Role.PLANE, generation=1))
    server = msgspec.structs.replace(SERVER, weight=Weight(4))
    service = msgspec.structs.replace(CONFIGURATION.virtual_servers[0], real_servers=(server,))
    configure(2, Configuration(virtual_servers=(service,)))
    rig.wait_for_message(Started(role=Role.PLANE, generation=2))
    assert rig.servers() == [4]
    configure(3, Configuration())
    rig.wait_for_message(Refused(role=Role.PLANE, reason="no interface left"))
    assert rig.servers() == [4]
    assert rig.thread.is_alive()


def test_a_predecessor_that_asks_is_told_to_the_plane_for_the_addresses_that_are_served(rig: Rig) -> None:
    rig.wait_for_message(Started(role=Role.PLANE, generation=1))
    for instance, mac in (("VI_9", MAC), ("VI_1", MAC_REFUSED), ("VI_1", MAC)):
        rig.bus.send(PredecessorAsks(instance=instance, mac=mac))
    rig.wait_for(lambda: rig.plane.relayed, "the plane to be told")
    assert rig.plane.relayed == [("eth0", [WEB.address], MAC)]
    answers = [PredecessorKnown(instance=name) for name in ("VI_9", "VI_1", "VI_1")]
    rig.wait_for(lambda: [m for m in rig.said if isinstance(m, PredecessorKnown)] == answers, "the answers")
    assert rig.thread.is_alive(), "a refusal is logged, and today's behaviour stays"


def test_a_hand_change_stands_no_longer_than_the_recheck(rig: Rig) -> None:
    rig.wait_for_message(Started(role=Role.PLANE, generation=1))
    rig.plane.edit_server(WEB, RealServer(address=SERVER.address, port=80, weight=Weight(9)))
    begun = time.monotonic()
    rig.wait_for(lambda: rig.servers() == [1], "the weight to be put back")
    assert time.monotonic() - begun < plane_role.RECHECK + 0.5


def test_stop_takes_everything_out_and_restart_leaves_it(rig: Rig) -> None:
    rig.wait_for_message(Started(role=Role.PLANE, generation=1))
    rig.bus.send(verdict(False))
    rig.wait_for(lambda: rig.servers() == [], "the server to leave")
    assert rig.stop(StopMode.RESTART) == 0
    assert rig.plane.ended == "closed"
    rig.said.clear()
    rig.begin(verdict(False), restarted=True)
    rig.wait_for_message(Started(role=Role.PLANE, generation=1))
    assert any(isinstance(message, Ready) and message.ready for message in rig.said), "an adopted table is ready"
    assert not any(isinstance(message, ServerChanged) for message in rig.said), "nothing is told twice"
    assert rig.servers() == []
    assert rig.stop() == 0
    assert rig.plane.ended == "destroyed"


def test_without_a_supervisor_it_ends_in_order_after_the_grace(rig: Rig) -> None:
    rig.wait_for_message(Started(role=Role.PLANE, generation=1))
    rig.bus.close()
    closed = time.monotonic()
    rig.thread.join(10)
    assert plane_role.ORPHAN_GRACE <= time.monotonic() - closed < plane_role.ORPHAN_GRACE + 1.0
    assert rig.plane.ended == "destroyed"


def test_told_to_end_before_it_began_it_ends(rig: Rig) -> None:
    rig.stop()
    rig.plane = Recorded()
    rig.begin(Stop())
    rig.thread.join(10)
    assert rig.plane.ended == "destroyed"
