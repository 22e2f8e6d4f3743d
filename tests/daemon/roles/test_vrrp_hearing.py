# SPDX-License-Identifier: Apache-2.0
"""Who hears what comes in by a real interface."""

from __future__ import annotations

import select

import pytest

from bascule.lab.waiting import wait_for
from bascule.linux import addresses, rawsocket
from bascule.model.base import Priority, Vrid
from bascule.model.configuration import AuthType, ChecksumForm, UnicastPeer, VrrpState
from tests.daemon.roles.group_bench import HERE, LINK_LOCAL, OTHER, PEER, VIP, VIP6, Bench, advert, instance, instance6

pytestmark = [pytest.mark.root, pytest.mark.lab]


def test_a_higher_peer_is_heard_and_strangers_are_counted_and_said_once(
    group_bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    group_bench.run(instance(priority=Priority(100), auth_type=AuthType.PASS, auth_pass=b"1111"))
    good = advert(200, b"1111")
    group_bench.from_peer(good)
    assert group_bench.group.instances["VI_1"].machine.snapshot().active == PEER
    for _ in range(5):
        group_bench.from_peer(good[:-3])
        group_bench.from_peer(good[:-1] + b"x")
        group_bench.from_peer(advert(200, b"1111", vrid=Vrid(77)))
        group_bench.from_peer(advert(200, b"2222"))
        group_bench.from_peer(advert(200))
        group_bench.from_peer(advert(200, b"1111", addresses=(OTHER,)))
        group_bench.from_peer(good, ttl=64)
    assert group_bench.group.ports.require("eth0").refusals.counts == {"truncated": 5, "checksum": 5, "vrid": 5}
    found = group_bench.group.instances["VI_1"]
    assert found.refusals.counts == {"auth_data": 5, "auth_type": 5, "address_list": 5, "ttl": 5}
    assert found.received == 1
    lines = [line for line in capfd.readouterr().err.splitlines() if "packet_refused" in line]
    assert len(lines) == 7
    assert all("source=192.168.2.211" in line for line in lines)


def test_the_same_vrid_over_ipv4_and_ipv6_is_two_routers(group_bench: Bench) -> None:
    group_bench.run(instance(version=3), instance6())
    assert group_bench.state("VI_1") is VrrpState.MASTER
    wait_for(lambda: group_bench.news() and group_bench.state("VI_6") is VrrpState.MASTER, 5, "its link-local address")
    found = {entry.address: entry for entry in addresses.dump(group_bench.netlink)}
    assert {VIP, VIP6, LINK_LOCAL} <= set(found)
    assert found[VIP6].usable
    assert found[VIP6].lifetime is not None
    source = group_bench.group.instances["VI_6"].source
    assert source.is_link_local
    assert source != LINK_LOCAL
    group_bench.from_peer(advert(200, version=3, checksum_form=ChecksumForm.MESSAGE))
    counts = {name: entry.received for name, entry in group_bench.group.instances.items()}
    assert counts == {"VI_1": 1, "VI_6": 0}
    group_bench.run()
    assert not {VIP, VIP6, LINK_LOCAL} & {entry.address for entry in addresses.dump(group_bench.netlink)}


def test_unicast_peers_hear_each_other(group_bench: Bench) -> None:
    group_bench.run(instance(unicast_peers=(UnicastPeer(address=PEER),), priority=Priority(100)))
    with group_bench.network.host("d2").entered():
        listener = rawsocket.RawSocket("eth0")
        rawsocket.send_once("eth0", PEER, HERE, 64, advert(200))
    port = group_bench.group.ports.require("eth0")
    assert select.select([port.sockets[4]], [], [], 5)[0]
    group_bench.group.packets(port)
    assert group_bench.group.instances["VI_1"].machine.snapshot().active == PEER
    group_bench.run()
    group_bench.run(instance(unicast_peers=(UnicastPeer(address=PEER),), unicast_ttl=77))
    assert select.select([listener], [], [], 5)[0]
    sent = next(listener.receive())
    assert (sent.source, sent.destination, sent.ttl, sent.payload) == (HERE, PEER, 77, advert(255))
    listener.close()
