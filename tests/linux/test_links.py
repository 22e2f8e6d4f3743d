# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from bascule.lab.network import Network, pass_object
from bascule.lab.topologies import PAIR
from bascule.linux.links import Link, accepted_addresses, dump
from bascule.linux.netlink import Netlink

OWN, VIRTUAL = bytes.fromhex("020000000001"), bytes.fromhex("00005e000133")


def link(index: int, mac: bytes, parent: int | None = None, kind: str = "", up: bool = True) -> Link:
    return Link(index=index, name=f"if{index}", hardware_address=mac, up=up, running=up, parent=parent, kind=kind)


def test_an_interface_takes_frames_for_itself_and_for_the_virtual_routers_on_it() -> None:
    found = {
        2: link(2, OWN),
        3: link(3, VIRTUAL, parent=2, kind="macvlan"),
        4: link(4, bytes.fromhex("00005e000134"), parent=2, kind="macvlan", up=False),
        5: link(5, bytes.fromhex("00005e000135"), parent=9, kind="macvlan"),
        6: link(6, bytes.fromhex("0200000000aa"), parent=2, kind="macvlan"),
    }
    assert accepted_addresses(found, 2) == (OWN, VIRTUAL)


@pytest.mark.root
@pytest.mark.lab
def test_links_of_a_namespace() -> None:
    with Network(PAIR) as network:
        d1 = network.host("d1")
        d1.run(["ip", "link", "add", "vr51", "link", "eth0", "address", "00:00:5e:00:01:33", "type", "macvlan"])
        d1.run(["ip", "link", "set", "vr51", "up"])
        with d1.entered(), Netlink() as netlink:
            found = {each.name: each for each in dump(netlink).values()}
            eth0, virtual = found["eth0"], found["vr51"]
            assert (eth0.kind, eth0.up, eth0.running, eth0.xdp) == ("veth", True, True, None)
            assert eth0.hardware_address == bytes.fromhex("0200c0a802d2")
            assert (virtual.kind, virtual.parent, virtual.hardware_address) == ("macvlan", eth0.index, VIRTUAL)
            assert accepted_addresses(dump(netlink), eth0.index) == (eth0.hardware_address, VIRTUAL)
            network.cut("d1")
            assert not {each.name: each for each in dump(netlink).values()}["eth0"].running
            d1.run(["ip", "link", "del", "vr51"])
            for mode, words in (("native", "xdpdrv"), ("generic", "xdpgeneric")):
                d1.run(["ip", "link", "set", "eth0", words, "obj", str(pass_object()), "sec", "xdp"])
                assert dump(netlink)[eth0.index].xdp == mode
                d1.run(["ip", "link", "set", "eth0", words, "off"])
