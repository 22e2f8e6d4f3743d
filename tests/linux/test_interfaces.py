# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of interfaces."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.lab.network import Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux import interfaces, netlink
from bascule.linux.interfaces import DELETE_LINK, NEW_LINK, Interface
from bascule.linux.netlink import Monitor, Netlink, NetlinkError, NetlinkMessage

ONE = Topology(
    name="one",
    about="One host on a segment.",
    segments=(Segment(name="lan"),),
    hosts=(Host(name="h", role=HostRole.ROUTER, links=(Link(segment="lan", addresses=("192.168.2.210/24",)),)),),
)


def test_the_loopback_is_found_and_a_nonsense_name_is_not() -> None:
    with Netlink() as kernel:
        found = interfaces.find(kernel, "lo")
        assert found is not None
        assert (found.index, found.name, found.up, found.running) == (1, "lo", True, True)
        assert interfaces.find(kernel, "no-such-iface") is None
        assert interfaces.find(kernel, "a-name-that-is-far-too-long") is None


def test_other_trouble_is_not_taken_for_a_missing_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> list[NetlinkMessage]:
        raise NetlinkError(1, "look")

    with Netlink() as kernel:
        monkeypatch.setattr(kernel, "get", refuse)
        with pytest.raises(NetlinkError):
            interfaces.find(kernel, "lo")


def test_a_link_that_is_deleted_is_down() -> None:
    body = struct.pack("=BxHiII", 0, 1, 7, 0x41, 0) + netlink.attribute(3, b"eth7\0")
    here = Interface(index=7, name="eth7", hardware_address=b"", up=True, running=True)
    assert interfaces.parse(NetlinkMessage(NEW_LINK, body)) == here
    gone = interfaces.parse(NetlinkMessage(DELETE_LINK, body))
    assert gone is not None
    assert not gone.up
    assert interfaces.parse(NetlinkMessage(20, body)) is None


@given(st.sampled_from((NEW_LINK, DELETE_LINK)), st.binary(max_size=100))
def test_random_bytes_are_read_without_an_error(kind: int, body: bytes) -> None:
    interfaces.parse(NetlinkMessage(kind, body))


@pytest.mark.root
@pytest.mark.lab
def test_a_lost_carrier_and_a_link_set_down_are_seen() -> None:
    with Network(ONE) as network, network.host("h").entered(), Netlink() as kernel:

        def state() -> tuple[bool, bool]:
            found = interfaces.find(kernel, "eth0")
            assert found is not None
            assert found.hardware_address.hex(":") == "02:00:c0:a8:02:d2"
            return found.up, found.running

        monitor = Monitor((netlink.GROUP_LINK,))
        wait_for(lambda: state() == (True, True), 5, "the carrier")
        network.cut("h")
        wait_for(lambda: state() == (True, False), 5, "the carrier to go")
        network.host("h").run(["ip", "link", "set", "eth0", "down"])
        assert state() == (False, False)
        heard = [interfaces.parse(message) for message in monitor.receive()[0]]
        assert [(entry.up, entry.running) for entry in heard if entry is not None][-1] == (False, False)
        monitor.close()
