# SPDX-License-Identifier: Apache-2.0
"""ICMP echo: the codec by round trips and the kernel's own checksum, the socket against a real host."""

from __future__ import annotations

import functools
import ipaddress
import select
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux.echo import Echo, EchoSocket, reply, request
from bascule.linux.netlink import NetlinkError
from bascule.model.base import IPAddress

WORDS = st.integers(0, 0xFFFF)
ECHOES = st.builds(Echo, identifier=WORDS, sequence=WORDS, payload=st.binary(max_size=64))

THERE: dict[int, IPAddress] = {4: ipaddress.IPv4Address("192.168.2.211"), 6: ipaddress.IPv6Address("fd02::211")}
NOBODY: dict[int, IPAddress] = {4: ipaddress.IPv4Address("192.0.2.1"), 6: ipaddress.IPv6Address("2001:db8::1")}
PAIR = Topology(
    name="pair",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(
            name=name,
            role=HostRole.ROUTER,
            links=(Link(segment="lan", addresses=(f"192.168.2.{last}/24", f"fd02::{last}/64")),),
        )
        for name, last in (("d1", 210), ("d2", 211))
    ),
)


def answer(family: int, message: bytes) -> bytes:
    """As a host makes it (RFC 1624: 8 is 0 now, and the sum is less by that)."""
    if family == 6:
        return b"\x81" + message[1:]
    total = int.from_bytes(message[2:4], "big") + 0x0800
    return b"\0" + message[1:2] + struct.pack("!H", (total & 0xFFFF) + (total >> 16)) + message[4:]


@given(echo=ECHOES, family=st.sampled_from((4, 6)))
def test_an_answer_says_what_was_asked(echo: Echo, family: int) -> None:
    assert reply(family, answer(family, request(family, echo))) == echo
    assert reply(family, request(family, echo)) is None, "the question itself answers nothing"


@given(echo=ECHOES, at=st.integers(0, 71), bit=st.integers(0, 7))
def test_a_broken_answer_is_none(echo: Echo, at: int, bit: int) -> None:
    whole = bytearray(answer(4, request(4, echo)))
    whole[at % len(whole)] ^= 1 << bit
    assert reply(4, bytes(whole)) is None


@given(data=st.binary(max_size=80), family=st.sampled_from((4, 6)))
def test_anything_may_come(data: bytes, family: int) -> None:
    found = reply(family, data)
    assert found is None or len(found.payload) == len(data) - 8


def test_a_request_is_the_rfc_s() -> None:
    # RFC 1071's sum: 0x0800 + 0x1234 + 0x0001 + 0x6162 = 0x7b97.
    found = request(4, Echo(identifier=0x1234, sequence=1, payload=b"ab"))
    assert found == bytes.fromhex("0800 8468 1234 0001 6162")


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        for host in built.hosts.values():
            wait_for(functools.partial(settled, host), 10, "duplicate address detection")
        yield built


def settled(host: LabHost) -> bool:
    return "tentative" not in host.run(["ip", "-6", "address", "show", "dev", "eth0"]).stdout


@pytest.mark.root
@pytest.mark.lab
@pytest.mark.parametrize("family", [4, 6])
def test_a_host_answers_and_only_who_asked_hears_it(network: Network, family: int) -> None:
    with network.host("d1").entered():
        mine, other = EchoSocket(family), EchoSocket(family)
    other.identifier ^= 1 if other.identifier == mine.identifier else 0
    mine.ask(THERE[family], 70_000, b"12345678")
    assert select.select([mine], [], [], 10)[0]
    ((who, echo),) = mine.receive()
    assert (who, echo.sequence, echo.payload) == (THERE[family], 70_000 & 0xFFFF, b"12345678")
    assert list(other.receive()) == []
    assert list(mine.receive()) == []
    mine.close()
    other.close()


@pytest.mark.root
@pytest.mark.lab
@pytest.mark.parametrize("family", [4, 6])
def test_a_host_that_no_route_leads_to_is_an_error(network: Network, family: int) -> None:
    with network.host("d1").entered():
        sock = EchoSocket(family)
    with pytest.raises(NetlinkError, match="unreachable"):
        sock.ask(NOBODY[family], 1, b"")
    sock.close()
