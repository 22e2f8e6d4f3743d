# SPDX-License-Identifier: Apache-2.0
"""The interfaces in use: followed through everything that happens to them."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator

import pytest

from bascule.daemon.roles.vrrp_ports import Ports
from bascule.errors import ConfigurationError
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux.netlink import GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS, GROUP_LINK, Monitor, Netlink
from bascule.model.base import Vrid
from bascule.model.configuration import UnicastPeer, VrrpInstance
from bascule.vrrp import packet

pytestmark = [pytest.mark.root, pytest.mark.lab]

HERE = ipaddress.IPv4Address("192.168.2.210")
VIP = ipaddress.IPv4Address("192.168.2.240")

ONE = Topology(
    name="one",
    about="One host on a segment.",
    segments=(Segment(name="lan"),),
    hosts=(Host(name="h", role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"{HERE}/24",)),)),),
)


def instance(**changes: object) -> VrrpInstance:
    return VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(51), **changes)  # type: ignore[arg-type]


class Bench:
    """Ports, and the kernel's news for them."""

    def __init__(self, host: LabHost, netlink: Netlink) -> None:
        self.host = host
        self.monitor = Monitor((GROUP_LINK, GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS))
        self.ports = Ports(netlink)
        self.port = self.ports.require("eth0")
        self.port.listen(packet.GROUP_IPV4)

    def ip(self, *words: str) -> None:
        self.host.run(["ip", *words])

    def news(self) -> tuple[set[str], list[object]]:
        changes = self.ports.update(*self.monitor.receive(), frozenset({VIP}))
        return set(changes.ports), [entry.address for entry in changes.lost]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Network(ONE) as network, network.host("h").entered(), Netlink() as netlink:
        made = Bench(network.host("h"), netlink)
        wait_for(lambda: made.news() and made.port.up, 5, "the carrier")
        yield made
        made.ports.close()
        made.monitor.close()


def test_a_missing_interface_is_named(bench: Bench) -> None:
    with pytest.raises(ConfigurationError, match="there is no interface eth7"):
        bench.ports.require("eth7")
    assert bench.ports.get("eth7") is None
    assert bench.ports.get("eth0") is bench.port
    assert list(bench.ports) == [bench.port]


def test_addresses_that_come_and_go_are_news_of_their_interface_unless_they_are_virtual(bench: Bench) -> None:
    assert HERE in bench.ports.local & bench.ports.lasting("eth0")
    for address, touched in (("192.168.2.219", {"eth0"}), (str(VIP), set())):
        bench.ip("address", "add", f"{address}/32", "dev", "eth0")
        assert bench.news() == (touched, [])
        assert ipaddress.ip_address(address) in bench.ports.local
        bench.ip("address", "del", f"{address}/32", "dev", "eth0")
        assert bench.news() == (touched, [ipaddress.ip_address(address)])
        assert ipaddress.ip_address(address) not in bench.ports.local
    bench.ip("address", "add", "127.7.7.7/32", "dev", "lo")
    assert bench.news() == (set(), [])


def test_adverts_come_from_the_wanted_address_if_it_is_here_and_never_from_a_virtual_one(bench: Bench) -> None:
    second = ipaddress.IPv4Address("192.168.2.215")
    bench.ip("address", "add", f"{VIP}/32", "dev", "eth0")
    bench.ip("address", "add", f"{second}/24", "dev", "eth0")
    bench.news()
    virtual = frozenset({VIP})
    elsewhere = ipaddress.IPv4Address("10.0.0.1")

    def source(**changes: object) -> object:
        return bench.ports.source(bench.port, virtual, instance(**changes))

    assert source() == HERE
    assert source(multicast_source=second) == second
    assert source(multicast_source=VIP) == HERE
    assert source(multicast_source=elsewhere) == HERE
    peers = (UnicastPeer(address=elsewhere),)
    assert source(unicast_peers=peers) == HERE
    assert source(unicast_peers=peers, unicast_source=second) == second
    assert source(unicast_peers=peers, unicast_source=elsewhere) is None
    bench.ip("address", "flush", "dev", "eth0")
    bench.news()
    assert source() is None


def test_over_ipv6_adverts_come_from_a_link_local_address_unless_peers_are_elsewhere(bench: Bench) -> None:
    bench.ip("address", "add", "fd02::210/64", "dev", "eth0", "nodad")
    bench.ip("address", "add", "fe80::53/128", "dev", "eth0", "nodad")
    virtual = frozenset({ipaddress.IPv6Address("fe80::53")})

    def source(*peers: str) -> str:
        listed = tuple(UnicastPeer(address=ipaddress.ip_address(peer)) for peer in peers)
        return str(bench.ports.source(bench.port, virtual, instance(native_ipv6=True, unicast_peers=listed)))

    wait_for(lambda: bench.news() and source() != "None", 5, "duplicate address detection")
    assert source().startswith("fe80::")
    assert source() != "fe80::53"
    assert source() == source("fe80::1")
    assert source("fd02::211") == "fd02::210"


def test_a_link_local_address_of_another_interface_is_not_an_own_one(bench: Bench) -> None:
    bench.ip("link", "add", "other0", "type", "veth", "peer", "name", "other1")
    bench.ip("address", "add", "fe80::77/64", "dev", "other0", "nodad")
    bench.ip("address", "add", "fd02::77/64", "dev", "other0", "nodad")

    def own() -> frozenset[object]:
        bench.news()
        return frozenset(bench.ports.own(bench.port))

    wait_for(lambda: ipaddress.IPv6Address("fd02::77") in own(), 5, "news of the addresses")
    assert HERE in own()
    assert ipaddress.IPv6Address("fe80::77") not in own()
    bench.ip("address", "add", "fe80::77/64", "dev", "eth0", "nodad")
    wait_for(lambda: ipaddress.IPv6Address("fe80::77") in own(), 5, "news of the address")


def test_a_link_that_goes_and_returns_is_followed(bench: Bench) -> None:
    bench.ip("link", "set", "eth0", "down")
    names, _ = bench.news()
    assert names == {"eth0"}
    assert not bench.port.up
    bench.ip("link", "set", "eth0", "up")
    wait_for(lambda: bench.news() and bench.port.up, 5, "the carrier")


def test_an_interface_made_anew_gets_new_sockets(bench: Bench) -> None:
    bench.port.listen(packet.GROUP_IPV6)
    before = bench.port.sockets[4]
    bench.ip("link", "del", "eth0")
    bench.news()
    assert not bench.port.up
    bench.ip("link", "add", "eth0", "type", "veth", "peer", "name", "peer0")
    bench.ip("link", "set", "peer0", "up")
    bench.ip("link", "set", "eth0", "up")
    wait_for(lambda: bench.news() and bench.port.up, 5, "the new interface")
    assert bench.port.sockets[4] is not before
    bench.ip("address", "add", f"{HERE}/24", "dev", "eth0")
    bench.news()
    bench.port.sockets[4].send(b"x", HERE, ipaddress.IPv4Address("224.0.0.18"))
    bench.ports.announce("eth0", VIP)
    assert set(bench.port.sockets) == {4, 6}
    assert bench.port.sockets[6].fileno() >= 0


def test_an_interface_that_is_gone_before_it_has_sockets_counts_as_down_until_the_next_news(bench: Bench) -> None:
    anew = dataclasses.replace(bench.port.facts, index=77, name="eth7")
    before = bench.port.sockets[4]
    bench.port.refresh(anew)
    assert not bench.port.up
    assert bench.port.sockets[4] is before
    assert before.fileno() >= 0
    bench.port.refresh(dataclasses.replace(anew, name="eth0"))
    assert bench.port.up
    assert bench.port.sockets[4] is not before


def test_news_that_the_kernel_had_to_drop_are_read_anew(bench: Bench) -> None:
    bench.ip("address", "add", f"{VIP}/32", "dev", "eth0")
    bench.news()
    bench.ip("address", "del", f"{VIP}/32", "dev", "eth0")
    bench.ip("link", "set", "eth0", "down")
    changes = bench.ports.update([], False, frozenset({VIP}))
    assert changes.ports == {"eth0"}
    assert VIP in [entry.address for entry in changes.lost]
    assert not bench.port.up


def test_ports_that_nobody_uses_are_closed(bench: Bench) -> None:
    bench.ports.announce("lo", VIP)
    bench.ports.keep({"eth0"})
    assert list(bench.ports) == [bench.port]
    bench.ports.keep(())
    assert bench.port.sockets[4].fileno() == -1
