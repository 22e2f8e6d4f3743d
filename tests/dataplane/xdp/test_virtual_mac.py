# SPDX-License-Identifier: Apache-2.0
"""XDP on an interface sees the frames for the macvlans on it first: whole directors balance for a virtual MAC."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from bascule.lab import traffic
from bascule.lab.directors import Director, program
from bascule.lab.network import Network
from bascule.lab.servers import Nginx
from bascule.lab.topologies import SEED
from bascule.lab.waiting import wait_for
from bascule.model.configuration import VrrpState

pytestmark = [pytest.mark.root, pytest.mark.lab, pytest.mark.timeout(180)]

VIP, CLIENT = ipaddress.ip_address("192.168.2.240"), ipaddress.ip_address("192.168.2.20")
PATIENCE = 30.0

TEXT = """
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority PRIORITY
    version 3
    advert_int 0.3
    INSTANCE
    virtual_ipaddress {
        192.168.2.240 ADDRESS
    }
}
virtual_server 192.168.2.240 80 {
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 192.168.2.212 80 {
    }
    real_server 192.168.2.213 80 {
    }
}
"""


KINDS = {"instance": ("use_vmac", ""), "address": ("garp_extra_if 1", "use_vmac")}
"""The macvlan is the instance's, or the address's own: then no advert tells the switch where its MAC is."""


class Stage:
    """The seed's network with both directors and real servers."""

    def __init__(self, network: Network, kind: str) -> None:
        self.network = network
        self._lines = KINDS[kind]
        self.directors = {name: self._director(name, priority) for name, priority in (("d1", 100), ("d2", 99))}
        for name in ("rs1", "rs2"):
            host = network.host(name)
            host.run([program(), "realserver", "start", "--vip", str(VIP), "--run-dir", str(host.folder / "run")])
            Nginx(host).start()
        for director in self.directors.values():
            director.launch()
        for director in self.directors.values():
            director.wait_started()

    def _director(self, name: str, priority: int) -> Director:
        host = self.network.host(name)
        file = host.folder / "bascule.conf"
        instance, address = self._lines
        text = TEXT.replace("PRIORITY", str(priority)).replace("INSTANCE", instance).replace("ADDRESS", address)
        file.write_text(text)
        return Director(host, file)

    def leads(self, name: str) -> bool:
        status = self.directors[name].status()
        return bool(status and status.vrrp and status.vrrp.instances[0].state is VrrpState.MASTER)

    def counters(self, name: str) -> dict[str, int]:
        status = wait_for(self.directors[name].status, PATIENCE, f"{name} to answer")
        assert status is not None
        assert status.plane is not None
        return status.plane.counters

    def answers(self) -> set[str | None]:
        """Who answers four requests; None = a request was lost."""
        clients = self.network.host("clients")
        with clients.entered():
            return {traffic.ask(CLIENT, VIP, 80).server for _ in range(4)}

    def mac(self) -> str:
        return self.network.host("clients").run(["ip", "neighbour", "show", str(VIP)]).stdout.split("lladdr ")[1][:17]


@pytest.fixture(params=KINDS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with Network(SEED) as network:
        yield Stage(network, request.param)


def test_frames_for_the_virtual_mac_are_balanced_by_who_is_active(stage: Stage) -> None:
    both = {"rs1", "rs2"}
    wait_for(lambda: stage.leads("d1"), PATIENCE, "d1 to lead", evidence=stage.directors["d1"].log)
    wait_for(lambda: stage.answers() == both, PATIENCE, "both servers to answer", evidence=stage.directors["d1"].log)
    assert stage.mac() == "00:00:5e:00:01:33"
    assert stage.counters("d1")["tx"] > 0
    assert stage.counters("d2").get("tx", 0) == 0, "a backup does not balance what is for the active's MAC"
    # A frame that the switch floods reaches the backup too, whose macvlan has the same address.
    stage.network.switch.run(["ip", "link", "set", "d1.lan", "type", "bridge_slave", "learning", "off"])
    stage.network.switch.run(["bridge", "fdb", "del", "00:00:5e:00:01:33", "dev", "d1.lan", "master"])
    wait_for(lambda: stage.answers() == both, PATIENCE, "both servers to answer a flooded request")
    assert stage.counters("d2")["foreign_mac"] > 0
    assert stage.counters("d2").get("tx", 0) == 0
    stage.network.switch.run(["ip", "link", "set", "d1.lan", "type", "bridge_slave", "learning", "on"])

    stage.directors["d1"].kill()
    wait_for(lambda: stage.leads("d2"), PATIENCE, "d2 to take over")
    # The dead one's kernel has the address until its lifetime ends, answers the announcement from the same MAC, and
    # forwards what the switch gives it then: until d2's next advert.
    wait_for(lambda: stage.answers() == both and stage.counters("d2")["tx"] > 0, PATIENCE, "both to answer through d2")
    assert stage.mac() == "00:00:5e:00:01:33", "the clients learned nothing new"
