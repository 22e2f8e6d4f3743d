# SPDX-License-Identifier: Apache-2.0
"""Packet in, verdict, packet out, counters: what the director leaves alone, forwards, refuses and drops."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest

from tests.bpf.conftest import MakeTrial
from tests.bpf.packets import (
    ACK,
    CLIENT_MAC,
    DIRECTOR_MAC,
    FIN,
    RST,
    SYN,
    UDP_PROTOCOL,
    VIRTUAL_MAC,
    Packet,
    icmp_error,
    ip_is_sound,
    transport_is_sound,
)
from tests.bpf.trial import LOOPBACK, OTHER_INTERFACE, Trial, Xdp

pytestmark = pytest.mark.root

SYN_IN = Packet()

PASSED: list[tuple[str, Packet | bytes, str]] = [
    ("ARP", Packet(ethertype=0x0806), "other"),
    ("IPv6", Packet(ethertype=0x86DD), "other"),
    ("a VLAN tag", Packet(ethertype=0x8100), "other"),
    ("a frame that ends in the IP header", bytes(SYN_IN)[:30], "other"),
    ("another host's MAC", Packet(destination_mac=bytes.fromhex("02000000ee01")), "foreign_mac"),
    ("broadcast", Packet(destination_mac=b"\xff" * 6), "foreign_mac"),
    ("another address", Packet(destination=IPv4Address("192.168.2.210")), "other"),
    ("another port", Packet(destination_port=81), "other"),
    ("another protocol of the same port", Packet(protocol=UDP_PROTOCOL), "other"),
    ("neither TCP nor UDP", Packet(protocol=112, payload=bytes(20)), "other"),
    ("VRRP without a byte", Packet(protocol=112), "other"),
    ("the first fragment", Packet(fragment=0x2000), "fragment"),
    ("a later fragment", Packet(fragment=0x0010), "fragment"),
    ("a fragment for another address", Packet(fragment=0x2000, destination=IPv4Address("192.168.2.210")), "other"),
    ("ICMP: unreachable", icmp_error(kind=3), "icmp_error"),
    ("ICMP: time exceeded", icmp_error(kind=11), "icmp_error"),
    ("ICMP: an error for another address", icmp_error(IPv4Address("192.168.2.210")), "other"),
    ("ICMP: echo", icmp_error(kind=8), "other"),
    ("do not fragment is no fragment, but no SYN either", Packet(fragment=0x4000, flags=ACK), "no_entry"),
    ("ACK without a connection", Packet(flags=ACK), "no_entry"),
    ("FIN without a connection", Packet(flags=FIN | ACK), "no_entry"),
    ("RST without a connection", Packet(flags=RST), "no_entry"),
    ("SYN and RST at once", Packet(flags=SYN | RST), "no_entry"),
    ("time to live 1", Packet(ttl=1), "ttl"),
    ("time to live 0", Packet(ttl=0), "ttl"),
    ("a header shorter than 20 bytes", bytes(SYN_IN)[:14] + b"\x44" + bytes(SYN_IN)[15:], "malformed"),
    ("not version 4", Packet(version=5), "malformed"),
    ("longer than the frame", Packet(total_length=60), "malformed"),
    ("shorter than its header", Packet(total_length=10), "malformed"),
    ("half a TCP header", bytes(Packet(total_length=30))[:46], "malformed"),
    ("half the ports", bytes(Packet(total_length=22))[:36], "malformed"),
]


@pytest.mark.parametrize(("packet", "counter"), [row[1:] for row in PASSED], ids=[row[0] for row in PASSED])
def test_passed_untouched(trial: Trial, packet: Packet | bytes, counter: str) -> None:
    trial.service()
    outcome = trial.send(packet)
    assert (outcome.verdict, outcome.counted) == (Xdp.PASS, {counter: 1})
    assert outcome.frame == bytes(packet)
    assert trial.positions() == []


@pytest.mark.parametrize("ttl", [2, 3, 64, 128, 255])
@pytest.mark.parametrize("options", [b"", b"\x94\x04\0\0", b"\x07\x27" + bytes(38)])
def test_forwarded(trial: Trial, ttl: int, options: bytes) -> None:
    trial.service(weights=(1,))
    packet = Packet(ttl=ttl, options=options, payload=b"hello")
    outcome = trial.send(packet)
    assert (outcome.verdict, outcome.counted) == (Xdp.TX, {"tx": 1})
    expected = bytes(packet.with_(destination_mac=bytes.fromhex("020000050001"), source_mac=DIRECTOR_MAC, ttl=ttl - 1))
    assert outcome.frame == expected
    assert ip_is_sound(outcome.frame)


@pytest.mark.parametrize("identification_sum", range(0, 0xFFFF, 4369))
def test_the_lowered_checksum_holds_for_every_carry(trial: Trial, identification_sum: int) -> None:
    trial.service(weights=(1,))
    source = IPv4Address(0x0A000000 + identification_sum)
    assert ip_is_sound(trial.send(Packet(source=source)).frame)


def test_a_ttl_that_is_not_lowered_is_noticed(make_trial: MakeTrial) -> None:
    trial = make_trial("DEFECT_TTL")
    trial.service(weights=(1,))
    assert trial.send(SYN_IN).frame[22] == SYN_IN.ttl  # test_forwarded says ttl - 1


def test_udp_is_forwarded_and_is_a_connection(trial: Trial) -> None:
    trial.service(protocol=UDP_PROTOCOL, weights=(1,))
    outcome = trial.send(Packet(protocol=UDP_PROTOCOL, payload=b"query"))
    assert (outcome.verdict, outcome.server) == (Xdp.TX, 1)
    assert ip_is_sound(outcome.frame)
    assert transport_is_sound(outcome.frame)
    assert trial.counts(1) == (1, 0, 0)


def test_a_virtual_mac_that_is_given_up_is_another_directors(trial: Trial) -> None:
    trial.service(weights=(1,))
    packet = Packet(destination_mac=VIRTUAL_MAC)
    assert trial.send(packet).verdict is Xdp.TX
    trial.director.accept([(LOOPBACK, DIRECTOR_MAC)])
    assert (trial.send(packet).verdict, trial.send(packet).counted) == (Xdp.PASS, {"foreign_mac": 1})
    trial.director.accept([(LOOPBACK, DIRECTOR_MAC), (LOOPBACK, VIRTUAL_MAC)])
    assert trial.send(packet).verdict is Xdp.TX


def test_a_virtual_mac_is_ours_too(trial: Trial) -> None:
    trial.service()
    assert trial.send(Packet(destination_mac=VIRTUAL_MAC)).verdict is Xdp.TX


def test_the_mac_of_another_interface_is_not(trial: Trial) -> None:
    trial.service()
    trial.director.accept([(OTHER_INTERFACE, DIRECTOR_MAC)])
    assert trial.send(SYN_IN).counted == {"foreign_mac": 1}


def test_two_armed_goes_out_by_the_servers_interface(trial: Trial) -> None:
    trial.service(weights=(1,))
    trial.director.servers[1]["ifindex"] = OTHER_INTERFACE
    outcome = trial.send(SYN_IN)
    assert (outcome.verdict, outcome.counted) == (Xdp.REDIRECT, {"redirect": 1})


def test_counters_count_ip_bytes(trial: Trial) -> None:
    service = trial.service(weights=(1,))
    before = trial.director.server_counters(2)[1].tolist(), trial.director.service_counters(2)[service].tolist()
    trial.send(SYN_IN)
    trial.send(Packet(flags=ACK, payload=bytes(100)))
    after = trial.director.server_counters(2)[1].tolist(), trial.director.service_counters(2)[service].tolist()
    for old, new in zip(before, after, strict=True):
        assert [b - a for a, b in zip(old, new, strict=True)] == [1, 2, 40 + 140]


def test_counters_begin_anew(trial: Trial) -> None:
    service = trial.service(weights=(1,))
    trial.send(SYN_IN)
    trial.director.clear_server_counters(1)
    trial.director.clear_service_counters(service)
    assert trial.director.server_counters(2)[1].tolist() == (0, 0, 0)
    assert trial.director.service_counters(2)[service].tolist() == (0, 0, 0)


def test_no_server_refuses_with_a_reset(trial: Trial) -> None:
    trial.service(weights=(0,))
    outcome = trial.send(Packet(payload=b"early data", sequence=0xFFFFFFFF))
    assert (outcome.verdict, outcome.counted) == (Xdp.TX, {"refused": 1})
    frame = outcome.frame
    assert (frame[0:6], frame[6:12]) == (CLIENT_MAC, DIRECTOR_MAC)
    assert (IPv4Address(frame[26:30]), IPv4Address(frame[30:34])) == (SYN_IN.destination, SYN_IN.source)
    ports, sequence, acknowledged = frame[34:38], *struct.unpack("!II", frame[38:46])
    assert (ports, sequence, acknowledged) == (struct.pack("!HH", 80, 40000), 0, 0)
    assert (frame[47], len(frame)) == (RST | ACK, 54)
    assert ip_is_sound(frame)
    assert transport_is_sound(frame)


@pytest.mark.parametrize("packet", [Packet(protocol=UDP_PROTOCOL), Packet(options=bytes(4))], ids=["UDP", "IP options"])
def test_no_server_drops_what_it_cannot_refuse(trial: Trial, packet: Packet) -> None:
    trial.service(protocol=packet.protocol, weights=())
    outcome = trial.send(packet)
    assert (outcome.verdict, outcome.counted) == (Xdp.DROP, {"no_server": 1})


def test_a_server_out_of_reach_takes_no_connection_and_gets_no_packet(trial: Trial) -> None:
    trial.service(weights=(1, 1))
    server = trial.establish(SYN_IN)
    trial.director.servers[server]["mac"] = 0
    assert trial.send(Packet(flags=ACK)).counted == {"no_neighbour": 1}
    others = {trial.send(Packet(source_port=port)).server for port in range(50000, 50010)}
    assert others == {3 - server}


def test_a_removed_service_is_the_stacks(trial: Trial) -> None:
    trial.service()
    trial.establish(SYN_IN)
    trial.director.withdraw_service(SYN_IN.destination, 80, SYN_IN.protocol)
    assert trial.send(Packet(flags=ACK)).counted == {"other": 1}
    assert trial.send(Packet(fragment=0x2000)).counted == {"other": 1}
