# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct

import pytest

from bascule.linux import interfaces, links, own_links
from bascule.linux.iproute import ip
from bascule.linux.netlink import Netlink, attribute

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("inside")]


def test_what_is_made_is_marked_and_has_the_kernels_mac_unless_another_is_given() -> None:
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    with Netlink() as netlink:
        base = interfaces.find(netlink, "eth0")
        assert base is not None
        data = attribute(1, struct.pack("=I", 1))
        own_links.create(netlink, "macvlan", base.index, "own0", data, alias="bascule virtual router 7")
        own_links.create(netlink, "macvlan", base.index, "own1", data, bytes.fromhex("020000000007"))
        found = {link.name: link for link in links.dump(netlink).values()}
        assert found["own0"].alias == "bascule virtual router 7"
        assert (found["own1"].alias, found["own1"].hardware_address) == (links.OWN_ALIAS, bytes.fromhex("020000000007"))
        assert not found["own0"].up
        ip("link", "set", "eth0", "up")
        own_links.set_up(netlink, found["own0"].index)
        assert links.dump(netlink)[found["own0"].index].up
        assert own_links.remove(netlink, found["own0"].index)
        assert not own_links.remove(netlink, found["own0"].index), "it was not there"
