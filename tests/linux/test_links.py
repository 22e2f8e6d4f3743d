# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import pytest

from bascule.lab.network import Network, pass_object
from bascule.lab.topologies import PAIR
from bascule.lab.waiting import wait_for
from bascule.linux.links import OWN_ALIAS, Link, accepted_addresses, dump
from bascule.linux.netlink import Netlink

OWN, VIRTUAL = bytes.fromhex("020000000001"), bytes.fromhex("00005e000133")


def link(
    index: int, mac: bytes, parent: int | None = None, kind: str = "", up: bool = True, running: bool = True
) -> Link:
    return Link(
        index=index, name=f"if{index}", hardware_address=mac, up=up, running=up and running, parent=parent, kind=kind
    )


def test_an_interface_takes_frames_for_itself_and_for_the_virtual_routers_that_are_active_on_it() -> None:
    ours = bytes.fromhex("0200000000ab")
    found = {
        2: link(2, OWN),
        3: link(3, VIRTUAL, parent=2, kind="macvlan"),
        4: link(4, bytes.fromhex("00005e000134"), parent=2, kind="macvlan", up=False),
        5: link(5, bytes.fromhex("00005e000135"), parent=9, kind="macvlan"),
        6: link(6, bytes.fromhex("0200000000aa"), parent=2, kind="macvlan"),
        7: link(7, bytes.fromhex("00005e000137"), parent=2, kind="macvlan"),
        8: link(8, bytes.fromhex("00005e000138"), parent=2, kind="macvlan", running=False),
        9: dataclasses.replace(link(9, ours, parent=2, kind="macvlan"), alias=OWN_ALIAS),
    }
    assert accepted_addresses(found, 2, {2, 3, 4, 5, 6, 8, 9}) == (OWN, VIRTUAL, ours)
    assert accepted_addresses(found, 2, ()) == (OWN,), "a backup's macvlan has no address"


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
            assert (virtual.alias, virtual.mode) == ("", 2), "made by somebody else, in mode vepa"
            assert (virtual.kind, virtual.parent, virtual.hardware_address) == ("macvlan", eth0.index, VIRTUAL)
            assert accepted_addresses(dump(netlink), eth0.index, {virtual.index}) == (eth0.hardware_address, VIRTUAL)
            network.cut("d1")
            wait_for(lambda: not dump(netlink)[eth0.index].running, 10, "the kernel to see the cut cable")
            d1.run(["ip", "link", "del", "vr51"])
            for mode, words in (("native", "xdpdrv"), ("generic", "xdpgeneric")):
                d1.run(["ip", "link", "set", "eth0", words, "obj", str(pass_object()), "sec", "xdp"])
                assert dump(netlink)[eth0.index].xdp == mode
                d1.run(["ip", "link", "set", "eth0", words, "off"])
