# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress

import pytest

from bascule.lab.network import Network
from bascule.lab.topologies import PAIR
from bascule.linux.netlink import Netlink
from bascule.linux.routes import Route, reach

pytestmark = [pytest.mark.root, pytest.mark.lab]


def test_how_addresses_are_reached() -> None:
    with Network(PAIR) as network:
        d1 = network.host("d1")
        d1.run(["ip", "route", "add", "10.0.0.0/8", "via", "192.168.2.211"])
        d1.run(["ip", "route", "add", "unreachable", "10.1.0.0/16"])
        d1.run(["ip", "route", "add", "10.2.0.0/16", "via", "inet6", "fe80::1", "dev", "eth0"])
        d1.run(["ip", "address", "add", "fd00::1/64", "dev", "eth0", "nodad"])
        with d1.entered(), Netlink() as netlink:

            def way(text: str) -> Route | None:
                return reach(netlink, ipaddress.ip_address(text))

            on_link = way("192.168.2.212")
            assert on_link is not None
            index = on_link.index
            assert (on_link.gateway, on_link.local) == (None, False)
            assert way("10.9.9.9") == Route(index=index, gateway=ipaddress.ip_address("192.168.2.211"))
            assert way("10.2.0.1") == Route(index=index, gateway=ipaddress.ip_address("fe80::1"))
            own = way("192.168.2.210")
            assert own is not None
            assert own.local
            assert way("10.1.0.1") is None
            assert way("203.0.113.1") is None
            assert way("fd00::2") == Route(index=index)
