# SPDX-License-Identifier: Apache-2.0
"""The packet filter's table in a network namespace, tried with connections from outside and from within."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator

import pytest

from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux import nftables
from bascule.linux.netlink import NetlinkError
from bascule.model.base import IPAddress

HERE, QUIET = ipaddress.IPv4Address("192.168.2.210"), ipaddress.IPv4Address("192.168.2.240")
QUIET6 = ipaddress.IPv6Address("fd02::240")

PAIR = Topology(
    name="filter",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=(
        Host(
            name="d1",
            role=HostRole.ROUTER,
            links=(Link(segment="lan", addresses=(f"{HERE}/24", f"{QUIET}/32", f"{QUIET6}/64")),),
        ),
        Host(
            name="d2",
            role=HostRole.ROUTER,
            links=(Link(segment="lan", addresses=("192.168.2.211/24", "fd02::211/64")),),
        ),
    ),
)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        for host in built.hosts.values():
            wait_for(lambda host=host: "tentative" not in shown(host), 5, "duplicate address detection")  # type: ignore[misc]
        yield built


def shown(host: LabHost) -> str:
    return host.run(["ip", "-6", "address", "show", "dev", "eth0"]).stdout


def answers(host: LabHost, address: IPAddress) -> bool:
    """Whether a connection to a port where nobody listens is refused, and not dropped."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with host.entered(), socket.socket(family, socket.SOCK_STREAM) as opened:
        opened.settimeout(1.0)
        try:
            return opened.connect_ex((str(address), 81)) == errno.ECONNREFUSED
        except TimeoutError:
            return False


@pytest.mark.root
@pytest.mark.lab
def test_what_is_sent_to_some_addresses_is_dropped_while_neighbours_are_answered(network: Network) -> None:
    here, there = network.host("d1"), network.host("d2")
    wait_for(lambda: answers(there, QUIET) and answers(there, QUIET6), 5, "the addresses to answer")
    with here.entered():
        nftables.drop_for([QUIET, QUIET6])
    there.run(["ip", "neighbour", "flush", "dev", "eth0"])
    assert not answers(there, QUIET)
    assert not answers(there, QUIET6)
    assert answers(there, HERE)
    assert answers(here, QUIET)
    assert answers(here, QUIET6)
    found = there.run(["ip", "neighbour", "show", "dev", "eth0"]).stdout
    assert all(f"{address} lladdr" in found for address in (QUIET, QUIET6)), found
    with here.entered():
        nftables.drop_for([QUIET])
    assert answers(there, QUIET6)
    assert not answers(there, QUIET)
    with here.entered():
        nftables.drop_for([])
        nftables.drop_for([])
    assert answers(there, QUIET)


def test_a_refusal_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    # Protocol numbers of netlink go up to 31.
    monkeypatch.setattr(nftables, "_NETFILTER", 99)
    with pytest.raises(NetlinkError, match="change the packet filter"):
        nftables.drop_for([])


@pytest.mark.root
@pytest.mark.lab
def test_a_table_that_cannot_be_is_refused_whole(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    with network.host("d1").entered():
        nftables.drop_for([QUIET])
        monkeypatch.setattr(nftables, "_LOCAL_IN", 77)
        with pytest.raises(NetlinkError):
            nftables.drop_for([QUIET, QUIET6])
    assert not answers(network.host("d2"), QUIET), "the table of before stays"


def test_what_is_reported_of_groups_has_a_table_of_its_own(network: Network) -> None:
    host = network.host("d1")
    with host.entered():
        nftables.drop_for((QUIET6,))
        nftables.drop_reports((socket.if_nametoindex("eth0"),))
        nftables.drop_for(())
        assert "eth0" in tables(host)
        nftables.drop_reports(())
        nftables.drop_reports(())
        assert tables(host) == ""


def tables(host: LabHost) -> str:
    """The packet filter as nft(8) prints it."""
    return host.run(["nft", "list", "ruleset"]).stdout


@pytest.mark.root
@pytest.mark.lab
def test_what_is_not_forwarded_has_a_table_too_by_the_names_of_interfaces(network: Network) -> None:
    host = network.host("d1")
    with host.entered():
        nftables.drop_forwarded(("vrrp6.51", "a" * 15))
        shown = host.run(["nft", "list", "table", "inet", nftables.FORWARDED_TABLE]).stdout
        assert "hook forward" in shown
        for name in ("vrrp6.51", "a" * 15):
            assert f'meta nfproto ipv6 iifname "{name}" drop' in shown
        nftables.drop_forwarded(())
        assert nftables.FORWARDED_TABLE not in host.run(["nft", "list", "tables"]).stdout
