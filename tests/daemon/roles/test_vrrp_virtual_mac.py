# SPDX-License-Identifier: Apache-2.0
"""The macvlans of instances: made as keepalived makes them, adopted, mended, removed; strangers' are left alone."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_seats import Seat, plain
from bascule.daemon.roles.vrrp_virtual_mac import VirtualLinks
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import PAIR
from bascule.linux import sysctl
from bascule.linux.netlink import Netlink
from bascule.model.base import Priority, Vrid
from bascule.model.configuration import UnicastPeer, VrrpInstance
from bascule.model.virtual_mac import VirtualMac, hardware_address

pytestmark = [pytest.mark.root, pytest.mark.lab]

PEER = ipaddress.ip_address("192.0.2.2")


def instance(name: str = "VI_1", vrid: int = 51, *, family: int = 4, **changes: object) -> VrrpInstance:
    mac = {"address": hardware_address(Vrid(vrid), family), **{k: v for k, v in changes.items() if k in _OF_MAC}}
    values: dict[str, Any] = {
        "virtual_mac": VirtualMac(**mac),  # type: ignore[arg-type]
        "native_ipv6": family == 6,
        **{k: v for k, v in changes.items() if k not in _OF_MAC},
    }
    return VrrpInstance(name=name, interface="eth0", vrid=Vrid(vrid), priority=Priority(100), **values)


_OF_MAC = ("address", "prefix", "sends_from_base")


def named(entry: VrrpInstance, name: str) -> VrrpInstance:
    assert entry.virtual_mac is not None
    mac = VirtualMac(address=entry.virtual_mac.address, name=name)
    values = {field: getattr(entry, field) for field in entry.__struct_fields__}
    return VrrpInstance(**{**values, "virtual_mac": mac})


class Bench:
    def __init__(self, host: LabHost, netlink: Netlink) -> None:
        self.host = host
        self.netlink = netlink
        self.links = VirtualLinks(netlink, Log("vrrp"))

    def seats(self, *entries: VrrpInstance) -> dict[str, Seat]:
        seats, refused = self.links.seats(entries)
        assert refused == {}
        return seats

    def macvlans(self) -> dict[str, tuple[str, str, int]]:
        """Name: MAC address, mode, index."""
        shown = json.loads(self.host.run(["ip", "-json", "-details", "link", "show", "type", "macvlan"]).stdout)
        return {
            each["ifname"]: (each["address"], each["linkinfo"]["info_data"]["mode"], each["ifindex"]) for each in shown
        }


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Network(PAIR) as network, network.host("d1").entered(), Netlink() as netlink:
        yield Bench(network.host("d1"), netlink)


def test_names_are_made_as_keepalived_makes_them(bench: Bench) -> None:
    found = bench.seats(
        instance(),
        instance("VI_6", family=6),
        instance("VI_2", 52, prefix="a-rather-long-one"),
        instance("VI_3", 53, address="02:00:00:00:00:53"),
        named(instance("VI_4", 54), "vm54"),
    )
    assert {name: seat.holds for name, seat in found.items()} == {
        "VI_1": "vrrp.51",
        "VI_6": "vrrp6.51",
        "VI_2": "a-rather-lon.52",
        "VI_3": "vrrp.53",
        "VI_4": "vm54",
    }
    macs = {name: (mac, mode) for name, (mac, mode, _) in bench.macvlans().items()}
    assert macs == {
        "vrrp.51": ("00:00:5e:00:01:33", "private"),
        "vrrp6.51": ("00:00:5e:00:02:33", "private"),
        "a-rather-lon.52": ("00:00:5e:00:01:34", "private"),
        "vrrp.53": ("02:00:00:00:00:53", "private"),
        "vm54": ("00:00:5e:00:01:36", "private"),
    }
    assert sysctl.read("net/ipv4/conf/eth0/arp_announce") == "2"
    assert sysctl.read("net/ipv6/conf/vrrp.51/disable_ipv6") == "1"
    bench.links.release()
    assert bench.macvlans() == {}


def test_where_an_instance_works(bench: Bench) -> None:
    found = bench.seats(
        instance(),
        instance("BASE", 52, sends_from_base=True),
        instance("UNICAST", 53, unicast_peers=(UnicastPeer(address=PEER),)),
        VrrpInstance(name="PLAIN", interface="eth0", vrid=Vrid(54)),
    )
    assert found["VI_1"] == Seat(base="eth0", holds="vrrp.51", talks="vrrp.51")
    assert found["VI_1"].names == ("eth0", "vrrp.51")
    assert found["BASE"] == Seat(base="eth0", holds="vrrp.52", talks="eth0")
    assert found["UNICAST"] == Seat(base="eth0", holds="vrrp.53", talks="eth0")
    assert found["PLAIN"] == plain("eth0")
    assert plain("eth0").names == ("eth0",)


def test_instances_with_the_same_address_share_a_macvlan(bench: Bench) -> None:
    shared = "02:00:00:00:00:01"
    found = bench.seats(instance(address=shared), instance("VI_2", 52, address=shared))
    assert found["VI_1"].holds == found["VI_2"].holds
    assert len(bench.macvlans()) == 1


def test_what_a_predecessor_left_is_adopted_renamed_or_removed(bench: Bench) -> None:
    bench.seats(instance(), instance("VI_2", 52))
    before = bench.macvlans()
    successor = VirtualLinks(bench.netlink, Log("vrrp"))
    seats, _ = successor.seats([instance(), named(instance("VI_2", 52), "mine")])
    assert (seats["VI_1"].holds, seats["VI_2"].holds) == ("vrrp.51", "mine")
    assert bench.macvlans()["vrrp.51"] == before["vrrp.51"]
    assert set(bench.macvlans()) == {"vrrp.51", "mine"}
    successor.keep({"mine"})
    assert set(bench.macvlans()) == {"mine"}


def test_a_strangers_interface_is_never_taken(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    bench.host.run(["ip", "link", "add", "vrrp.51", "type", "bridge"])
    other = ["link", "eth0", "address", "00:00:5e:00:01:36", "type", "macvlan", "mode", "private"]
    bench.host.run(["ip", "link", "add", "vrrp.54", *other])
    bench.host.run(["ip", "link", "set", "vrrp.54", "up"])
    seats, refused = bench.links.seats([instance(), named(instance("VI_2", 52), "vrrp.51"), instance("VI_4", 54)])
    assert {name: seat.holds for name, seat in seats.items()} == {"VI_1": "vrrp1.51", "VI_2": "vrrp.52"}
    assert "name_taken" in capfd.readouterr().err
    assert list(refused) == ["VI_4"], "the kernel does not let two have one address"
    bench.links.release()
    assert list(bench.macvlans()) == ["vrrp.54"]
    assert "bridge" in bench.host.run(["ip", "-details", "link", "show", "vrrp.51"]).stdout


def test_a_macvlan_that_is_gone_is_made_again_when_its_base_lets_it(bench: Bench) -> None:
    bench.seats(instance())
    assert bench.links.mend({"eth0", "vrrp.51"}) == frozenset(), "nothing is gone"
    bench.host.run(["ip", "link", "del", "vrrp.51"])
    assert bench.links.mend({"other"}) == frozenset()
    assert bench.links.mend({"vrrp.51"}) == {"vrrp.51"}
    assert list(bench.macvlans()) == ["vrrp.51"]
    bench.host.run(["ip", "link", "del", "eth0"])
    assert bench.links.mend({"eth0"}) == frozenset()


def test_settings_of_the_namespace_are_put_back_at_the_end(bench: Bench) -> None:
    sysctl.write("net/ipv4/conf/all/rp_filter", 1)
    bench.seats(instance())
    assert sysctl.read("net/ipv4/conf/all/rp_filter") == "0"
    assert sysctl.read("net/ipv4/conf/eth0/rp_filter") == "1"
    assert sysctl.read("net/ipv4/conf/vrrp.51/rp_filter") == "0"
    bench.links.release()
    assert sysctl.read("net/ipv4/conf/all/rp_filter") == "1"
