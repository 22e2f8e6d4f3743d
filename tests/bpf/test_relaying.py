# SPDX-License-Identifier: Apache-2.0
"""After a planned switch: which frames go to the predecessor, how they look then, and which do not."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from tests.bpf.conftest import MakeTrial
from tests.bpf.packets import (
    ACK,
    DIRECTOR_MAC,
    FIN,
    PSH,
    RST,
    SYN,
    UDP_PROTOCOL,
    VIP,
    VIRTUAL_MAC,
    Packet,
    icmp_error,
    ip_is_sound,
)
from tests.bpf.trial import LOOPBACK, OTHER_INTERFACE, Trial, Xdp

pytestmark = pytest.mark.root

PREDECESSOR = bytes.fromhex("02000000d002")
OTHER_VIP = IPv4Address("192.168.2.241")
LATE = Packet(flags=ACK, payload=b"GET / HTTP/1.0")


def arm(trial: Trial, *, seconds: float = 60, ifindex: int = LOOPBACK) -> None:
    until = trial.director.clock()[0] + round(seconds * trial.director.hz)
    trial.director.relay(VIP, ifindex, PREDECESSOR, DIRECTOR_MAC, until)


@pytest.fixture
def armed(trial: Trial) -> Trial:
    """A director with a service, whose predecessor has just handed its address over."""
    trial.service()
    arm(trial)
    return trial


@pytest.mark.parametrize("flags", [ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, SYN | RST, 0])
@pytest.mark.parametrize("ttl", [2, 64, 255])
@pytest.mark.parametrize("options", [b"", b"\x07\x27" + bytes(38)], ids=["plain", "options"])
def test_relayed(armed: Trial, flags: int, ttl: int, options: bytes) -> None:
    packet = LATE.with_(flags=flags, ttl=ttl, options=options)
    outcome = armed.send(packet)
    assert (outcome.verdict, outcome.counted) == (Xdp.TX, {"relayed": 1})
    assert outcome.frame == bytes(packet.with_(destination_mac=PREDECESSOR, source_mac=DIRECTOR_MAC, ttl=ttl - 1))
    assert ip_is_sound(outcome.frame)
    assert armed.positions() == [], "it is no connection here"


def test_relayed_from_the_interfaces_own_mac_even_if_it_came_for_the_virtual_one(armed: Trial) -> None:
    frame = armed.send(LATE.with_(destination_mac=VIRTUAL_MAC)).frame
    assert (frame[:6], frame[6:12]) == (PREDECESSOR, DIRECTOR_MAC)


def test_relayed_whether_or_not_a_server_could_take_it(trial: Trial) -> None:
    trial.service(weights=(0,))
    arm(trial)
    assert trial.send(LATE).counted == {"relayed": 1}
    assert trial.send(LATE.with_(flags=SYN)).counted == {"refused": 1}, "what begins here is answered here"


def test_relayed_when_the_entry_here_is_over(armed: Trial) -> None:
    armed.establish(Packet())
    armed.age(armed.the_only(), 1000)
    assert armed.send(LATE).counted == {"relayed": 1}


def test_relayed_when_what_is_here_has_ended_and_the_port_is_used_again(armed: Trial) -> None:
    server = armed.establish(Packet())
    assert armed.send(LATE.with_(flags=FIN | ACK)).server == server
    assert armed.send(LATE).server == server, "its last words"
    armed.age(armed.the_only(), 2)
    assert armed.send(LATE).counted == {"relayed": 1}
    assert armed.send(LATE.with_(source_mac=PREDECESSOR)).server == server, "the predecessor does not know it"
    armed.age(armed.the_only(), 2)
    armed.director.forget_relays()
    assert armed.send(LATE).server == server, "without a predecessor, as ever"


NOT_RELAYED: list[tuple[str, Packet, str]] = [
    ("SYN", Packet(), "tx"),
    ("from the predecessor, which has none either", LATE.with_(source_mac=PREDECESSOR), "no_entry"),
    ("another address that is a service's", LATE.with_(destination=OTHER_VIP), "no_entry"),
    ("another address", LATE.with_(destination=IPv4Address("192.168.2.210")), "other"),
    ("another port", LATE.with_(destination_port=81), "other"),
    ("for another MAC", LATE.with_(destination_mac=bytes.fromhex("02000000ee01")), "foreign_mac"),
    ("UDP, which is scheduled anew", LATE.with_(protocol=UDP_PROTOCOL), "tx"),
    ("a fragment", LATE.with_(fragment=0x2000), "fragment"),
    ("an ICMP error", icmp_error(), "icmp_error"),
    ("time to live 1", LATE.with_(ttl=1), "ttl"),
]


@pytest.mark.parametrize(("packet", "counter"), [r[1:] for r in NOT_RELAYED], ids=[r[0] for r in NOT_RELAYED])
def test_not_relayed(armed: Trial, packet: Packet, counter: str) -> None:
    armed.service(address=OTHER_VIP)
    armed.service(protocol=UDP_PROTOCOL)
    outcome = armed.send(packet)
    assert outcome.counted == {counter: 1}
    assert outcome.frame[:6] != PREDECESSOR


def test_a_connection_that_is_here_stays_here(armed: Trial) -> None:
    server = armed.establish(Packet())
    armed.age(armed.the_only(), 600)
    assert armed.send(LATE).server == server
    assert armed.send(LATE.with_(flags=FIN | ACK)).server == server


def test_its_time_is_over(trial: Trial) -> None:
    trial.service()
    arm(trial, seconds=0)
    outcome = trial.send(LATE)
    assert (outcome.verdict, outcome.counted, outcome.frame) == (Xdp.PASS, {"no_entry": 1}, bytes(LATE))
    arm(trial)
    assert trial.send(LATE).counted == {"relayed": 1}
    trial.director.forget_relays()
    assert trial.send(LATE).counted == {"no_entry": 1}


def test_another_interface_has_its_own_predecessor(trial: Trial) -> None:
    trial.service()
    arm(trial, ifindex=OTHER_INTERFACE)
    assert trial.send(LATE).counted == {"no_entry": 1}


def test_two_that_relay_to_each_other_run_dry_at_once(make_trial: MakeTrial) -> None:
    """What the one sends on, the other, which has none either, gives to its stack."""
    for defects, verdict in (((), "no_entry"), (("DEFECT_RELAY_LOOP",), "relayed")):
        trial = make_trial(*defects)
        trial.service()
        arm(trial)
        frame = trial.send(LATE).frame
        there = DIRECTOR_MAC + PREDECESSOR + frame[12:]  # the same frame, with the two directors' parts exchanged
        assert trial.send(there).counted == {verdict: 1}


def test_a_relay_that_does_not_end_is_noticed(make_trial: MakeTrial) -> None:
    trial = make_trial("DEFECT_RELAY_FOREVER")
    trial.service()
    arm(trial, seconds=0)
    assert trial.send(LATE).counted == {"relayed": 1}  # test_its_time_is_over says no_entry
