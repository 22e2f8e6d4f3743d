# SPDX-License-Identifier: Apache-2.0
"""Each fault really does what it says, and the interface can be given back."""

from __future__ import annotations

import ipaddress
import pathlib
from collections.abc import Callable

import pytest

from bascule.errors import KernelRefusedError
from bascule.lab import faults
from bascule.lab.directors import Director
from bascule.lab.network import Network
from bascule.lab.topologies import SEED
from bascule.lab.waiting import wait_for

pytestmark = [pytest.mark.root, pytest.mark.lab]

VIP = ipaddress.ip_address("192.168.2.240")


def test_the_vip_leaves_the_loopback() -> None:
    with Network(SEED) as network:
        host = network.host("rs1")
        host.run(["ip", "address", "add", f"{VIP}/32", "dev", "lo"])
        faults.take_address_off(host, VIP)
        assert str(VIP) not in host.run(["ip", "address", "show", "lo"]).stdout
        with pytest.raises(KernelRefusedError, match="rs1: ip address del"):
            faults.take_address_off(host, VIP)


def test_another_program_takes_the_interface_and_the_director_returns(root: pathlib.Path) -> None:
    with Network(SEED) as network:
        director = Director(network.host("d1"), root / "examples" / "keepalived.conf")
        director.launch()
        director.wait_started()

        def program_on_interface(name: str) -> Callable[[], bool]:
            return lambda: f" name {name} " in director.host.run(["ip", "-details", "link", "show", "eth0"]).stdout

        wait_for(program_on_interface("director"), 10, "the director's program", evidence=director.evidence)
        faults.take_interface(director)
        assert program_on_interface("pass")() or not program_on_interface("director")()
        faults.give_interface_back(director)
        wait_for(program_on_interface("director"), 20, "the director's program again", evidence=director.evidence)
