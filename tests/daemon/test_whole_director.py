# SPDX-License-Identifier: Apache-2.0
"""Whole directors in a lab: who dies, what happens; what stays at a restart; what an ordered end leaves behind."""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import pathlib
import signal
import time
from collections.abc import Iterator

import pytest

from bascule.lab.captures import Captures
from bascule.lab.directors import Director, program
from bascule.lab.network import Network
from bascule.lab.servers import Nginx
from bascule.lab.topologies import SEED
from bascule.lab.traffic import Traffic
from bascule.lab.waiting import stays, wait_for
from bascule.linux import namespaces
from bascule.model.configuration import VrrpState
from bascule.model.messages import Role
from bascule.model.status import DirectorStatus, InstanceStatus

pytestmark = [pytest.mark.root, pytest.mark.lab, pytest.mark.few, pytest.mark.timeout(180)]

VIP = ipaddress.ip_address("192.168.2.240")
ADVERT = 1.0
SKEW_BACKUP = (256 - 99) / 256 * ADVERT

TEXT = """
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority PRIORITY
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        192.168.2.240
    }
}

virtual_server 192.168.2.240 80 {
    delay_loop 1
    lb_algo wlc
    lb_kind DR
    protocol TCP
    real_server 192.168.2.212 80 {
        weight 3
        TCP_CHECK {
            connect_timeout 2
            retry 1
            delay_before_retry 1
        }
    }
    real_server 192.168.2.213 80 {
        weight 3
        TCP_CHECK {
            connect_timeout 2
            retry 1
            delay_before_retry 1
        }
    }
}
"""


class Stage:
    """The seed's network with real servers, and directors that are started on demand."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.directors = {name: self._director(name) for name in ("d1", "d2")}
        for name in ("rs1", "rs2"):
            host = network.host(name)
            run_dir = str(host.folder / "run")
            host.run([program(), "realserver", "start", "--vip", str(VIP), "--run-dir", run_dir])
            Nginx(host).start()

    def _director(self, name: str) -> Director:
        host = self.network.host(name)
        file = host.folder / "bascule.conf"
        file.write_text(TEXT.replace("PRIORITY", "100" if name == "d1" else "99"))
        return Director(host, file)

    def start(self, *names: str) -> None:
        for name in names:
            self.directors[name].launch()
        for name in names:
            self.directors[name].wait_started()

    def status(self, name: str) -> DirectorStatus:
        status = wait_for(self.directors[name].status, 10.0, f"{name} to answer")
        assert status is not None
        return status

    def instance(self, name: str) -> InstanceStatus | None:
        status = self.directors[name].status()
        return status.vrrp.instances[0] if status and status.vrrp and status.vrrp.instances else None

    def pid(self, name: str, role: Role) -> int:
        pid = next(entry.pid for entry in self.status(name).roles if entry.role is role)
        assert pid is not None
        return pid

    def wait_for_state(self, name: str, state: VrrpState, seconds: float = 15.0) -> None:
        def reached() -> bool:
            instance = self.instance(name)
            return instance is not None and instance.state is state

        wait_for(reached, seconds, f"{name} to be {state.value}", evidence=self.directors[name].log)

    def wait_until_serving(self, name: str) -> None:
        self.wait_for_state(name, VrrpState.MASTER)
        wait_for(
            lambda: self.directors[name].table().count(":80 ") >= 2, 15.0, "both servers in the table",
            evidence=self.directors[name].evidence,
        )  # fmt: skip

    def traffic(self) -> Traffic:
        clients = self.network.host("clients")
        addresses = [ipaddress.ip_address(f"192.168.2.{number}") for number in range(20, 28)]
        return Traffic(clients, addresses, VIP, 80, pause=0.02)

    def captures(self, *names: str) -> Captures:
        return Captures(self.network, tuple(self.network.host(name) for name in names), VIP, 80)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Network(SEED) as network:
        yield Stage(network)


def restarts(status: DirectorStatus, role: Role) -> int:
    return next(entry.restarts for entry in status.roles if entry.role is role)


def test_a_killed_vrrp_leaves_its_last_will_and_comes_back_as_backup(stage: Stage) -> None:
    stage.start("d1", "d2")
    stage.wait_for_state("d1", VrrpState.MASTER)
    stage.wait_for_state("d2", VrrpState.BACKUP)
    pid = stage.pid("d1", Role.VRRP)
    d1 = stage.directors["d1"]
    with stage.captures("d1", "d2") as captures:
        killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: captures.first_announcement("d2", killed), 5.0, "d2 to announce the VIP", pause_max=0.01)
        gone = wait_for(lambda: not d1.holds(VIP) and time.monotonic(), 1.0, "the VIP to leave d1", pause_max=0.01)
        farewells = [advert.at for advert in captures.of["d1"].adverts if advert.priority == 0 and advert.at > killed]
        announced = captures.first_announcement("d2", killed)
    assert farewells, d1.log()
    assert announced is not None
    print(
        f"farewell {1e3 * (farewells[0] - killed):.1f} ms, announced {1e3 * (announced - killed):.1f} ms after the kill"
    )
    assert farewells[0] - killed < 0.05
    assert announced - farewells[0] < SKEW_BACKUP + 0.05
    assert gone - killed < 1.0
    stage.wait_for_state("d1", VrrpState.BACKUP, 5.0)
    assert restarts(stage.status("d1"), Role.VRRP) == 1
    held = time.monotonic()
    stays(lambda: (i := stage.instance("d1")) and i.state is VrrpState.BACKUP, 4.0, "d1 holds back after its crash")
    assert time.monotonic() - held >= 4.0


@pytest.mark.parametrize("role", [Role.PLANE, Role.CHECKS])
def test_a_killed_role_costs_no_request_and_the_table_is_adopted(stage: Stage, role: Role) -> None:
    stage.start("d1")
    stage.wait_until_serving("d1")
    d1 = stage.directors["d1"]
    with stage.traffic() as traffic:
        wait_for(lambda: len(traffic.requests()) > 50, 10.0, "some requests")
        os.kill(stage.pid("d1", role), signal.SIGKILL)
        wait_for(lambda: restarts(stage.status("d1"), role) == 1, 5.0, "the death to be seen")
        stage.directors["d1"].wait_started()
        before = len(traffic.requests())
        wait_for(lambda: len(traffic.requests()) > before + 200, 10.0, "some more requests")
    lost = [request for request in traffic.requests() if request.error]
    assert lost == [], d1.evidence()
    status = stage.status("d1")
    assert status.plane is not None
    assert status.plane.ready
    if role is Role.PLANE:
        assert "event=plane_opened kind=xdp adopted=True" in d1.host.log_file("bascule").read_text()
        assert sum(server.counters.connections for server in status.plane.services[0].servers) > before


def test_last_verdicts_hold_while_plane_and_checks_are_new(stage: Stage) -> None:
    stage.start("d1")
    stage.wait_until_serving("d1")
    d1 = stage.directors["d1"]
    stage.network.cut("rs2")
    wait_for(lambda: "192.168.2.213" not in d1.table(), 15.0, "rs2 to leave", evidence=d1.evidence)
    for role in (Role.CHECKS, Role.PLANE):
        os.kill(stage.pid("d1", role), signal.SIGKILL)
    stays(lambda: "192.168.2.213" not in d1.table(), 3.0, "a server that is down stays out")
    stage.network.mend("rs2")
    wait_for(lambda: "192.168.2.213" in d1.table(), 15.0, "rs2 to come back", evidence=d1.evidence)


def test_everything_killed_at_once_the_address_goes_and_the_table_waits(stage: Stage) -> None:
    stage.start("d1")
    stage.wait_until_serving("d1")
    d1 = stage.directors["d1"]
    assert d1.holds(VIP)
    d1.kill()
    killed = time.monotonic()
    wait_for(lambda: not d1.holds(VIP), 15.0, "the kernel to take the VIP off")
    print(f"VIP gone {time.monotonic() - killed:.1f} s after all was killed")
    assert "192.168.2.212" in d1.table()
    stage.start("d1")
    stage.wait_until_serving("d1")
    assert "adopted=True" in d1.host.log_file("bascule").read_text()


def test_a_killed_supervisor_takes_the_director_down_in_order(stage: Stage) -> None:
    stage.start("d1", "d2")
    stage.wait_for_state("d1", VrrpState.MASTER)
    d1 = stage.directors["d1"]
    supervisor = stage.pid("d1", Role.SUPERVISOR)
    with stage.captures("d1", "d2") as captures:
        killed = time.monotonic()
        os.kill(supervisor, signal.SIGKILL)
        wait_for(lambda: not d1.holds(VIP), 5.0, "the VIP to leave d1")
        wait_for(lambda: captures.first_announcement("d2", killed), 5.0, "d2 to announce the VIP")
        said = any(a.priority == 0 and a.at > killed for a in captures.of["d1"].adverts)
        assert said or "event=planned_switch ok=True" in d1.log()
    wait_for(lambda: not namespaces.processes(d1.host.namespace), 10.0, "d1's processes to end")
    assert not pins(d1.run_dir)


def pins(run_dir: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in (run_dir / "bpf").rglob("*") if not path.is_dir()] if (run_dir / "bpf").exists() else []


def test_sigterm_leaves_no_address_no_pin_and_no_process(stage: Stage) -> None:
    stage.start("d1")
    stage.wait_until_serving("d1")
    d1 = stage.directors["d1"]
    supervisor = stage.pid("d1", Role.SUPERVISOR)
    os.kill(supervisor, signal.SIGTERM)
    wait_for(lambda: not namespaces.processes(d1.host.namespace), 10.0, "the end", evidence=d1.log)
    assert not d1.holds(VIP)
    assert not pins(d1.run_dir)
    assert "prog/xdp" not in d1.host.run(["ip", "link", "show", "dev", "eth0"]).stdout
    assert d1.host.log_file("bascule").read_text().splitlines()[-1].endswith("event=stopped")


def test_restart_keeps_address_table_link_and_role_in_the_segment(stage: Stage) -> None:
    stage.start("d1", "d2")
    stage.wait_until_serving("d1")
    d1 = stage.directors["d1"]
    before = {entry.role: entry.pid for entry in stage.status("d1").roles}
    link = xdp_of(stage)
    with stage.captures("d1", "d2") as captures, stage.traffic() as traffic:
        wait_for(lambda: len(traffic.requests()) > 50, 10.0, "some requests")
        begun = time.monotonic()
        done = d1.host.run([program(), "restart", "--run-dir", str(d1.run_dir)], timeout=30)
        assert done.stdout.strip() == "bascule: all roles are replaced"
        assert d1.holds(VIP)
        so_far = len(traffic.requests())
        wait_for(lambda: len(traffic.requests()) > so_far + 200, 10.0, "some more requests")
        time_of_adverts = [advert.at for advert in captures.of["d1"].adverts]
        assert not [a for a in captures.of["d2"].adverts if a.at > begun], "d2 took over"
    gaps = [later - earlier for earlier, later in itertools.pairwise(time_of_adverts)]
    print(f"longest gap between adverts {max(gaps):.3f} s, restart took {time.monotonic() - begun:.1f} s")
    assert max(gaps) < 2 * ADVERT
    assert not any(advert.priority == 0 for advert in captures.of["d1"].adverts)
    assert [request for request in traffic.requests() if request.error] == [], d1.evidence()
    after = {entry.role: entry.pid for entry in stage.status("d1").roles}
    assert after[Role.SUPERVISOR] == before[Role.SUPERVISOR]
    assert all(after[role] != before[role] for role in before if role is not Role.SUPERVISOR)
    assert xdp_of(stage)["id"] != 0
    assert link["mode"] == xdp_of(stage)["mode"]


def xdp_of(stage: Stage) -> dict[str, int]:
    """The mode and the program's number that the kernel shows for d1's eth0."""
    shown = json.loads(stage.network.host("d1").run(["ip", "-json", "link", "show", "dev", "eth0"]).stdout)[0]
    return {"mode": shown["xdp"]["mode"], "id": shown["xdp"]["prog"]["id"]}


def test_a_reload_keeps_what_is_unchanged_and_changes_the_rest(stage: Stage) -> None:
    stage.start("d1")
    stage.wait_until_serving("d1")
    d1 = stage.directors["d1"]
    instance = stage.instance("d1")
    assert instance is not None
    d1.file.write_text(d1.file.read_text().replace("weight 3", "weight 5", 1))
    done = d1.host.run([program(), "reload", "--run-dir", str(d1.run_dir)], timeout=30)
    assert "configuration 2 is in effect" in done.stdout
    after = stage.instance("d1")
    assert after is not None
    assert (after.state, after.since) == (VrrpState.MASTER, instance.since)
    status = stage.status("d1")
    assert status.plane is not None
    weights = {str(view.server.address): view.server.weight for view in status.plane.services[0].servers}
    assert weights == {"192.168.2.212": 5, "192.168.2.213": 3}
