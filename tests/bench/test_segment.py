# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket

import pytest

from bascule.lab.network import Network
from bascule.lab.waiting import wait_for
from bascule.linux.announce import gratuitous_arp
from bench.failover import MACS, TOPOLOGY, VIRTUAL
from bench.segment import Kind, Segment


@pytest.mark.root
@pytest.mark.lab
def test_what_hosts_send_is_seen_with_its_time_and_sender() -> None:
    with Network(TOPOLOGY) as network:
        segment = Segment(network, VIRTUAL)
        host = network.host("d1")
        with host.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind(("eth0", 0))
            mac = bytes.fromhex(MACS["d1"].replace(":", ""))
            for _ in range(2):
                sender.send(gratuitous_arp(mac, VIRTUAL))
        wait_for(lambda: len(segment.times(Kind.ANNOUNCEMENT, MACS["d1"])) == 2, 10, "two gratuitous ARPs")
        first, second = segment.times(Kind.ANNOUNCEMENT, MACS["d1"])
        assert first < second
        assert segment.first(Kind.ANNOUNCEMENT, MACS["d1"], first) == second
        assert segment.last(Kind.ANNOUNCEMENT, MACS["d1"], first) == first
        assert segment.first(Kind.ANNOUNCEMENT, MACS["d1"], second) is None
        assert segment.times(Kind.ANNOUNCEMENT, MACS["d2"]) == []
