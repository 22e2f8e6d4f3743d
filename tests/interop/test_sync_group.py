# SPDX-License-Identifier: Apache-2.0
"""Sync groups over two segments, with real keepalived 2.2.7 as the partner: what one instance loses, both give up.

Real interfaces, files, processes and scripts' verdicts move ours; a cable that is cut moves either. Only states are
waited for: how fast is judged elsewhere.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.config.loader import load
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network, port_name
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.model.base import from_json
from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import GroupChanged, Role, ScriptVerdict
from bascule.model.status import VrrpStatus

pytestmark = [pytest.mark.root, pytest.mark.lab]

PATIENCE = 20.0
VIPS = {"eth0": "192.168.2.240", "eth1": "192.168.3.240"}


def _host(name: str, last: int) -> Host:
    links = (
        Link(segment="outside", addresses=(f"192.168.2.{last}/24",)),
        Link(segment="inside", interface="eth1", addresses=(f"192.168.3.{last}/24",)),
    )
    return Host(name=name, role=HostRole.ROUTER, links=links)


SIDES = Topology(
    name="sides",
    about="Two routers between two segments.",
    segments=(Segment(name="outside"), Segment(name="inside")),
    hosts=(_host("d1", 210), _host("d2", 211)),
)


def text(priority: int, group: str = "", before: str = "") -> str:
    """Both programs read this."""
    instances = "".join(
        f"""
vrrp_instance {name} {{
    interface {interface}
    virtual_router_id 5{number}
    version 3
    advert_int 0.2
    priority {priority}
    virtual_ipaddress {{
        {VIPS[interface]}/24
    }}
}}
"""
        for number, (name, interface) in enumerate((("outside", "eth0"), ("inside", "eth1")))
    )
    head = "global_defs {\n    enable_script_security\n    script_user root\n}\n"
    return f"{head}{before}vrrp_sync_group both {{\n group {{\n outside\n inside\n }}\n {group}\n}}\n{instances}"


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(SIDES) as built:
        yield built


def read(host: LabHost, content: str) -> Configuration:
    path = host.folder / "bascule.conf"
    path.write_text(content)
    loaded = load([path])
    assert loaded.configuration is not None, loaded.diagnostics
    assert loaded.diagnostics == ()
    return loaded.configuration


def keepalived(host: LabHost, content: str) -> subprocess.Popen[bytes]:
    path = host.folder / "keepalived.conf"
    path.write_text(content)
    command = ["keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", str(path)]
    command += ["--pid", str(host.folder / "pid"), "--vrrp_pid", str(host.folder / "vrrp.pid")]
    started = host.popen(command, log="keepalived")
    wait_for(lambda: "BACKUP STATE" in host.log_file("keepalived").read_text(), PATIENCE, "keepalived to start")
    return started


def holders(network: Network) -> list[tuple[str, str]]:
    """Who has which virtual address, by its interface."""
    return [
        (name, interface)
        for (name, host), interface in itertools.product(network.hosts.items(), VIPS)
        if f" {VIPS[interface]}/" in host.run(["ip", "address", "show", "dev", interface]).stdout
    ]


def all_at(network: Network, role: LoneRole, name: str) -> None:
    """Wait until one host has every virtual address, alone."""
    wanted = [(name, interface) for interface in VIPS]
    role.until(lambda: holders(network) == wanted, PATIENCE, f"{name} to hold all")


def port(network: Network, name: str, interface: str, state: str) -> None:
    """Cut or mend one cable of a host."""
    host = next(host for host in SIDES.hosts if host.name == name)
    link = next(link for link in host.links if link.interface == interface)
    network.switch.run(["ip", "link", "set", port_name(host, link), state])


def shown(role: LoneRole) -> VrrpStatus:
    return from_json(role.status(), VrrpStatus)


def told(role: LoneRole) -> list[str]:
    """The states of the group, in their order."""
    states = (message.state.value for message in role.messages if isinstance(message, GroupChanged))
    return [state for state, _ in itertools.groupby(states)]


def test_a_cable_of_either_moves_both_instances(network: Network) -> None:
    keepalived(network.host("d2"), text(100))
    with LoneRole(network.host("d1"), Role.VRRP, read(network.host("d1"), text(150))) as role:
        all_at(network, role, "d1")
        port(network, "d1", "eth1", "down")
        all_at(network, role, "d2")
        states = {each.name: (each.state, each.reason) for each in shown(role).instances}
        assert states == {
            "outside": (VrrpState.FAULT, "inside of sync group both: the interface is down"),
            "inside": (VrrpState.FAULT, "the interface is down"),
        }
        port(network, "d1", "eth1", "up")
        all_at(network, role, "d1")
        role.configure(read(network.host("d1"), text(50)))
        all_at(network, role, "d2")
        port(network, "d2", "eth0", "down")
        all_at(network, role, "d1")
        wanted = ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "BACKUP", "MASTER"]
        role.until(lambda: told(role) == wanted, PATIENCE, f"the group's states to be told as {wanted}")


def test_half_a_group_with_the_higher_priority_moves_nothing(network: Network) -> None:
    keepalived(network.host("d2"), text(100))
    with LoneRole(network.host("d1"), Role.VRRP, read(network.host("d1"), text(50))) as role:
        all_at(network, role, "d2")
        half = text(50).replace("priority 50", "priority 150", 1)
        role.configure(read(network.host("d1"), half))
        role.until(lambda: shown(role).groups[0].awaited == ("inside",), PATIENCE, "one to wish")
        all_at(network, role, "d2")
        assert 'awaited="inside (hears 192.168.3.211)"' in role.log()


def test_what_the_group_tracks_moves_it(network: Network, tmp_path: Path) -> None:
    """A number in a file, a process and a script that fails, each by its weight; and a file that is a fault."""
    program = tmp_path / f"tracked{os.getpid() % 100000}"
    program.symlink_to("/bin/sleep")
    before = f"""
track_file number {{
    file "{tmp_path}/number"
    init_file 0
}}
track_file sick {{
    file "{tmp_path}/sick"
    weight 0
}}
vrrp_track_process runs {{
    process {program.name}
    weight 60
}}
vrrp_script alive {{
    script "/bin/true"
    weight -60
    rise 2
    fall 2
}}
"""
    tracked = "track_file {\n number\n sick\n}\ntrack_process {\n runs\n}\ntrack_script {\n alive\n}\n"
    keepalived(network.host("d2"), text(100))
    with LoneRole(network.host("d1"), Role.VRRP, read(network.host("d1"), text(80, tracked, before))) as role:
        all_at(network, role, "d2")
        with subprocess.Popen([program, "600"]) as child:
            all_at(network, role, "d1")
            assert {(each.priority, each.configured_priority) for each in shown(role).instances} == {(140, 80)}
            (tmp_path / "number").write_text("-60\n")
            all_at(network, role, "d2")
            (tmp_path / "number").write_text("0\n")
            all_at(network, role, "d1")
            for runs in (1, 2):
                verdict = ScriptVerdict(script="alive", up=False, status=1, runs=runs, why="exited with status 1", at=0)
                role.send(verdict)
            all_at(network, role, "d2")
            role.send(ScriptVerdict(script="alive", up=True, status=0, runs=2, why="exited with status 0", at=0))
            all_at(network, role, "d1")
            (tmp_path / "sick").write_text("1\n")
            all_at(network, role, "d2")
            assert {each.state for each in shown(role).instances} == {VrrpState.FAULT}
            (tmp_path / "sick").unlink()
            all_at(network, role, "d1")
            child.kill()
        all_at(network, role, "d2")
        values = {each.name: (each.value, each.instances) for each in shown(role).trackers}
    assert values == {
        "number": (0, {"outside": 1, "inside": 1}),
        "sick": (0, {"outside": 0, "inside": 0}),
        "runs": (0, {"outside": 60, "inside": 60}),
        "alive": (1, {"outside": -60, "inside": -60}),
    }
