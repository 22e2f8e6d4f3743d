# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from bascule.linux import interfaces, links, macvlan, own_links, sysctl
from bascule.linux.iproute import ip
from bascule.linux.links import OWN_ALIAS
from bascule.linux.netlink import Netlink, NetlinkError

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("inside")]

MAC = bytes.fromhex("00005e000133")


def test_a_macvlan_is_made_private_and_marked_set_up_and_removed() -> None:
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    with Netlink() as netlink:
        base = interfaces.find(netlink, "eth0")
        assert base is not None
        macvlan.create(netlink, base.index, "vrrp.51", MAC)
        made = next(link for link in links.dump(netlink).values() if link.name == "vrrp.51")
        assert (made.kind, made.mode, made.parent, made.hardware_address) == ("macvlan", 1, base.index, MAC)
        assert (made.alias, made.up) == (OWN_ALIAS, False)
        ip("link", "set", "eth0", "up")
        own_links.set_up(netlink, made.index)
        assert links.dump(netlink)[made.index].up
        with pytest.raises(NetlinkError, match=r"make the macvlan vrrp\.51: File exists"):
            macvlan.create(netlink, base.index, "vrrp.51", MAC)
        assert own_links.remove(netlink, made.index)
        assert not own_links.remove(netlink, made.index), "it was not there"


def test_many_are_removed_together_and_nothing_else_is() -> None:
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    with Netlink() as netlink:
        base = interfaces.find(netlink, "eth0")
        assert base is not None
        for number in range(1, 51):
            macvlan.create(netlink, base.index, f"vrrp.{number}", bytes.fromhex("00005e0001") + bytes((number,)))
        ours = [link.index for link in links.dump(netlink).values() if link.name.startswith("vrrp.")]
        ip("link", "set", "vrrp.50", "group", "7")
        assert {link.group for link in links.dump(netlink).values()} == {0, 7}
        own_links.remove_together(netlink, [*ours[:49], max(ours) + 1], 4711)
        assert {link.name for link in links.dump(netlink).values()} == {"lo", "eth0", "eth1", "vrrp.50"}
        own_links.remove_together(netlink, [max(ours) + 1], 0)
        assert len(links.dump(netlink)) == 4, "of none that is there, group 0 is not taken for what is meant"


def test_settings_are_written_where_they_differ() -> None:
    macvlan.apply(macvlan.BASE_4, "lo")
    macvlan.apply(macvlan.HOLDER_4, "lo")
    assert sysctl.read("net/ipv4/conf/lo/arp_announce") == "2"
    assert sysctl.read("net/ipv4/conf/lo/accept_local") == "1"
    assert sysctl.read("net/ipv6/conf/lo/disable_ipv6") == "1"
    macvlan.apply(macvlan.HOLDER_6, "lo")
    assert sysctl.read("net/ipv6/conf/lo/disable_ipv6") == "0"
