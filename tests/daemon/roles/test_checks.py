# SPDX-License-Identifier: Apache-2.0
"""The checks role against real sockets: verdicts, reloads, suspension, its end, and what it may do as whom."""

from __future__ import annotations

import ipaddress
import pathlib
import pwd
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from bascule.daemon.bus import BusClosedError
from bascule.daemon.context import RoleContext
from bascule.daemon.roles.checks import Runner
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import Network
from bascule.lab.topologies import PAIR
from bascule.lab.waiting import stays, wait_for
from bascule.model.base import Seconds, from_json
from bascule.model.configuration import Configuration, RealServerConfig, TcpCheck, VirtualServerConfig
from bascule.model.messages import Role, Started, SuspendChecks, Verdict, VerdictsWanted
from bascule.model.service import Protocol, ServiceId
from bascule.model.status import ChecksStatus

if TYPE_CHECKING:
    from tests.daemon.roles.conftest import Desk, Serve

HERE = ipaddress.ip_address("127.0.0.1")
QUICK = TcpCheck(
    connect_timeout=Seconds(0.3),
    retry=1,
    delay_before_retry=Seconds(0.05),
    delay_loop=Seconds(0.1),
    warmup=Seconds(0.0),
)


def service_id(port: int = 80) -> ServiceId:
    return ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.0.2.1"), port=port)


def configured(*ports: int, check: TcpCheck = QUICK, service: ServiceId | None = None) -> Configuration:
    servers = tuple(RealServerConfig(address=HERE, port=port, checks=(check,)) for port in ports)
    return Configuration(virtual_servers=(VirtualServerConfig(id=service or service_id(), real_servers=servers),))


def run(context: RoleContext, under_way_max: int = 100) -> None:
    runner = Runner(context, under_way_max=under_way_max)
    try:
        runner.configure(context.configuration, context.generation)
        runner.run()
    finally:
        runner.close()


def of(port: int) -> object:
    return lambda verdict: verdict.target.server.port == port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as sock:
        yield sock


@pytest.fixture
def port(listener: socket.socket) -> int:
    found: int = listener.getsockname()[1]
    return found


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        found: int = sock.getsockname()[1]
    return found


def attempts(desk: Desk) -> int:
    return sum(check.attempts for check in desk.status(ChecksStatus).checks)


def test_a_verdict_comes_with_the_first_attempt_and_with_each_change(
    serve: Serve, listener: socket.socket, port: int
) -> None:
    desk = serve(run, configured(port))
    assert desk.expect(Started) == Started(role=Role.CHECKS, generation=1)
    first = desk.expect(Verdict)
    assert (first.up, first.attempts, first.why) == (True, 1, f"TCP connection to [127.0.0.1]:tcp:{port} success")
    assert abs(first.at - time.time()) < 5.0
    listener.close()
    down = desk.expect(Verdict)
    assert not down.up
    assert down.why == f"TCP connection to [127.0.0.1]:tcp:{port} failed: connection refused"
    with socket.create_server(("127.0.0.1", port), backlog=1000):
        assert desk.expect(Verdict).up
        count = attempts(desk)
        wait_for(lambda: attempts(desk) >= count + 3, 5.0, "three more attempts")
    assert [m for m in desk.messages if isinstance(m, Verdict) and m.up] == [], "no change, no verdict"


def test_a_fresh_start_knows_no_mercy_but_a_successor_grants_the_retries(serve: Serve, closed_port: int) -> None:
    desk = serve(run, configured(closed_port))
    assert desk.expect(Verdict).attempts == 1
    successor = serve(run, configured(closed_port), restarted=True)
    assert successor.expect(Verdict).attempts == 2


def test_a_server_that_does_not_answer_costs_its_timeout_alone(serve: Serve, port: int) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            silent = full.getsockname()[1]
            desk = serve(run, configured(silent, port))
            assert desk.expect(Verdict).target.server.port == port
            down = desk.expect(Verdict)
            assert down.why.endswith("failed: timeout after 0.3 s")
            assert attempts(desk) >= 3


def test_no_more_attempts_than_allowed_are_under_way_and_the_rest_is_not_forgotten(serve: Serve) -> None:
    """Four silent servers, two at a time: the second two time out a timeout later."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            silent = full.getsockname()[1]
            checks = tuple(
                TcpCheck(
                    connect_timeout=Seconds(0.3),
                    delay_loop=Seconds(60.0),
                    warmup=Seconds(0.0),
                    retry=retry,
                )
                for retry in range(4)
            )
            server = RealServerConfig(address=HERE, port=silent, checks=checks)
            config = Configuration(virtual_servers=(VirtualServerConfig(id=service_id(), real_servers=(server,)),))
            began = time.time()
            desk = serve(lambda context: run(context, 2), config)
            took = sorted(desk.expect(Verdict).at - began for _ in checks)
    assert took[1] < 0.55
    assert took[2] >= 0.6


def test_the_plane_gets_every_verdict_again_when_it_asks(serve: Serve, port: int, closed_port: int) -> None:
    desk = serve(run, configured(port, closed_port))
    first = {verdict.target: verdict.up for verdict in (desk.expect(Verdict), desk.expect(Verdict))}
    desk.bus.send(VerdictsWanted())
    again = {verdict.target: verdict.up for verdict in (desk.expect(Verdict), desk.expect(Verdict))}
    assert again == first
    assert set(first.values()) == {True, False}


def test_a_reload_keeps_what_is_unchanged_and_says_all_verdicts_again(
    serve: Serve, port: int, closed_port: int
) -> None:
    slow = TcpCheck(connect_timeout=Seconds(0.3), delay_loop=Seconds(60.0), warmup=Seconds(0.0))
    desk = serve(run, configured(port, closed_port, check=slow))
    desk.expect(Verdict)
    desk.expect(Verdict)
    with socket.create_server(("127.0.0.1", 0)) as third:
        other = third.getsockname()[1]
        desk.configure(configured(port, other, check=slow), 2)
        assert desk.expect(Started, lambda message: message.generation == 2)
        assert desk.expect(Verdict, of(port)).attempts == 1  # type: ignore[arg-type]
        assert desk.expect(Verdict, of(other)).attempts == 1  # type: ignore[arg-type]
    checks = desk.status(ChecksStatus).checks
    assert [(check.target.server.port, check.attempts) for check in checks] == [(port, 1), (other, 1)]


def test_suspended_checks_pause_and_hold_their_verdict(serve: Serve, listener: socket.socket, port: int) -> None:
    desk = serve(run, configured(port), first=(SuspendChecks(services=(service_id(),)),))
    desk.expect(Started)
    stays(lambda: attempts(desk) == 0, 0.4, "no attempt while suspended from the start")
    assert desk.status(ChecksStatus).checks[0].suspended
    desk.bus.send(SuspendChecks(services=()))
    assert desk.expect(Verdict).up
    desk.bus.send(SuspendChecks(services=(service_id(), service_id(81))))
    wait_for(lambda: desk.status(ChecksStatus).checks[0].suspended, 5.0, "suspension")
    listener.close()
    count = attempts(desk)
    stays(lambda: attempts(desk) == count, 0.4, "no attempt while suspended")
    assert desk.status(ChecksStatus).checks[0].up is True
    desk.configure(configured(port), 2)
    desk.expect(Started, lambda message: message.generation == 2)
    assert desk.status(ChecksStatus).checks[0].suspended, "a reload does not end it"
    desk.bus.send(SuspendChecks(services=()))
    assert not desk.expect(Verdict, lambda verdict: not verdict.up).up


def test_an_attempt_under_way_is_broken_off_by_suspension(serve: Serve) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            silent = full.getsockname()[1]
            desk = serve(run, configured(silent))
            desk.expect(Started)
            desk.bus.send(SuspendChecks(services=(service_id(),)))
            stays(lambda: attempts(desk) == 0, 0.5, "the attempt under way has no result")
    assert not [message for message in desk.messages if isinstance(message, Verdict)]


def test_the_end_of_the_bus_ends_the_role(serve: Serve, port: int) -> None:
    desk = serve(run, configured(port))
    desk.expect(Started)
    desk.bus.close()
    with pytest.raises(BusClosedError):
        desk.join()


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as net:
        yield net


def uids(pid: int) -> set[str]:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return set(next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:])


@pytest.mark.root
@pytest.mark.lab
def test_the_process_has_no_privileges_checks_over_the_network_and_ends_in_order(network: Network) -> None:
    director, peer = network.host("d1"), network.host("d2")
    assert peer.host.address is not None
    with peer.entered():
        listener = socket.create_server((str(peer.host.address), 80))
    server = RealServerConfig(address=peer.host.address, port=80, checks=(QUICK,))
    config = Configuration(virtual_servers=(VirtualServerConfig(id=service_id(), real_servers=(server,)),))
    with listener, LoneRole(director, Role.CHECKS, config) as role:
        assert uids(role.process.pid) == {str(pwd.getpwnam("nobody").pw_uid)}

        def ups() -> list[bool]:
            return [message.up for message in role.messages if isinstance(message, Verdict)]

        role.until(lambda: ups() == [True], 10.0, "the first verdict")
        network.cut("d2")
        role.until(lambda: ups() == [True, False], 10.0, "the server's end")
        network.mend("d2")
        role.until(lambda: ups() == [True, False, True], 10.0, "the server's return")
        status = from_json(role.status(), ChecksStatus)
        assert status.checks[0].kind == "TCP_CHECK"
        assert status.notes == ()
        assert role.stop() == 0
        log = role.log()
    assert log.count("event=check_passed") == 2
    assert log.count("event=check_failed") == 1
    assert f'why="TCP connection to [{peer.host.address}]:tcp:80 failed: ' in log


@pytest.mark.root
@pytest.mark.lab
def test_a_supervisor_that_is_gone_ends_the_process_in_order(network: Network) -> None:
    role = LoneRole(network.host("d1"), Role.CHECKS, Configuration())
    with role:
        role._bus.close()
        assert role.process.wait(5.0) == 0
        assert "event=supervisor_gone" in role.log()
        assert "event=crashed" not in role.log()
