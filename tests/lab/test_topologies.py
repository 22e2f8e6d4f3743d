# SPDX-License-Identifier: Apache-2.0
"""The topologies as data: names that fit interface names, addresses that agree with each other."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.lab.network import mac, port_name
from bascule.lab.topologies import SEED, TOPOLOGIES, HostRole, Topology


@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_names_and_addresses_are_unique_and_links_lead_somewhere(topology: Topology) -> None:
    links = [(host, link) for host in topology.hosts for link in host.links]
    addresses = [address for _, link in links for address in link.addresses]
    ports = [port_name(host, link) for host, link in links]
    assert len(set(addresses)) == len(addresses)
    assert len(set(ports)) == len(ports)
    assert max(map(len, ports)) <= 15
    assert len({mac(link) for _, link in links}) == len(links)
    assert {link.segment for _, link in links} <= {segment.name for segment in topology.segments}


def test_the_seed_has_the_addresses_of_its_files() -> None:
    by_name = {host.name: str(host.address) for host in SEED.hosts}
    assert by_name == {
        "d1": "192.168.2.210",
        "d2": "192.168.2.211",
        "rs1": "192.168.2.212",
        "rs2": "192.168.2.213",
        "clients": "192.168.2.20",
    }
    assert [host.name for host in SEED.of(HostRole.DIRECTOR)] == ["d1", "d2"]
    (clients,) = SEED.of(HostRole.CLIENT)
    assert len(clients.links[0].addresses) >= 8
    assert ipaddress.ip_interface(clients.links[0].addresses[0]).network == ipaddress.ip_network("192.168.2.0/24")
