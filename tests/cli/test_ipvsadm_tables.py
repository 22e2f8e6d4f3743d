# SPDX-License-Identifier: Apache-2.0
"""The tables against what ipvsadm 1.31 printed of the same contents (data/ipvsadm; kernel IPVS)."""

from __future__ import annotations

import ipaddress
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.cli.ipvsadm_names import numeric
from bascule.cli.ipvsadm_tables import BANNER, Layout, connections_table, in_order, number, services_table
from bascule.model.base import Seconds, Weight
from bascule.model.service import (
    Connection,
    ConnectionState,
    Counters,
    ForwardingMethod,
    Protocol,
    Rates,
    RealServer,
    RealServerView,
    Scheduler,
    ServiceId,
    ServiceView,
    VirtualService,
)

DATA = pathlib.Path(__file__).parent / "data" / "ipvsadm"


def golden(name: str) -> list[str]:
    return (DATA / f"{name}.txt").read_text().removesuffix("\n").split("\n")


def service(
    text: str, protocol: Protocol = Protocol.TCP, scheduler: Scheduler = Scheduler.WLC, persistence: int | None = None
) -> VirtualService:
    host, _, port = text.rpartition(":")
    name = ServiceId(protocol=protocol, address=ipaddress.ip_address(host.strip("[]")), port=int(port))
    span = Seconds(float(persistence)) if persistence is not None else None
    return VirtualService(id=name, scheduler=scheduler, persistence=span)


def server(text: str, weight: int, forwarding: ForwardingMethod = ForwardingMethod.DR) -> RealServer:
    host, _, port = text.rpartition(":")
    address = ipaddress.ip_address(host.strip("[]"))
    return RealServer(address=address, port=int(port), weight=Weight(weight), forwarding=forwarding)


SEED = ServiceView(
    service=service("192.168.2.240:80", persistence=60),
    counters=Counters(connections=11, packets_in=723, bytes_in=47287),
    rates=Rates(packets_in=2, bytes_in=160),
    servers=(
        RealServerView(
            server=server("192.168.2.213:80", 3),
            inactive=10,
            persistent=8,
            counters=Counters(connections=6, packets_in=577, bytes_in=37754),
            rates=Rates(packets_in=2, bytes_in=152),
        ),
    ),
)
TWO = ServiceView(
    service=SEED.service,
    servers=(
        RealServerView(server=server("192.168.2.213:80", 3), active=5, inactive=10, persistent=6),
        RealServerView(server=server("192.168.2.212:80", 3), active=1, inactive=5, persistent=5),
    ),
)


@pytest.mark.parametrize(
    ("name", "layout", "view"),
    [
        ("seed-ln", Layout.PLAIN, SEED),
        ("seed-stats", Layout.STATS, SEED),
        ("seed-rate", Layout.RATE, SEED),
        ("seed-thresholds", Layout.THRESHOLDS, SEED),
        ("seed-persistent-conn", Layout.PERSISTENT, SEED),
        ("seed-two-servers", Layout.PLAIN, TWO),
        ("seed-two-servers-persistent-conn", Layout.PERSISTENT, TWO),
    ],
)
def test_whole_tables(name: str, layout: Layout, view: ServiceView) -> None:
    assert [BANNER.format(size=4096), *services_table(in_order([view]), layout, numeric)] == golden(name)


def test_many_kinds_of_service_in_ipvsadms_order() -> None:
    def holding(of: VirtualService, *servers: RealServer) -> ServiceView:
        return ServiceView(service=of, servers=tuple(RealServerView(server=each) for each in servers))

    views = [
        holding(
            service("[fd00::1]:443", scheduler=Scheduler.WRR, persistence=60),
            server("[fd00:1::2222:3333:4444:5555]:443", 1, ForwardingMethod.NAT),
            server("[fd00:1::1]:443", 2),
        ),
        holding(service("10.0.0.2:0", persistence=360), server("10.0.1.1:0", 1)),
        holding(service("10.0.0.1:132", Protocol.SCTP, Scheduler.LC)),
        holding(service("10.0.0.1:53", Protocol.UDP, Scheduler.RR), server("10.0.1.1:53", 1, ForwardingMethod.TUN)),
        holding(
            service("10.0.0.1:81", scheduler=Scheduler.RR),
            server("10.0.1.4:8081", 1, ForwardingMethod.NAT),
            server("10.0.1.3:8080", 65535, ForwardingMethod.NAT),
        ),
        holding(
            service("10.0.0.1:80", persistence=60),
            server("10.0.1.3:80", 1),
            server("10.0.1.2:80", 0),
            server("10.0.1.1:80", 3),
        ),
    ]
    assert list(services_table(in_order(views), Layout.PLAIN, numeric))[2:] == [
        "TCP  10.0.0.1:80 wlc persistent 60",
        "  -> 10.0.1.1:80                  Route   3      0          0         ",
        "  -> 10.0.1.2:80                  Route   0      0          0         ",
        "  -> 10.0.1.3:80                  Route   1      0          0         ",
        "TCP  10.0.0.1:81 rr",
        "  -> 10.0.1.3:8080                Masq    65535  0          0         ",
        "  -> 10.0.1.4:8081                Masq    1      0          0         ",
        "TCP  10.0.0.2:0 wlc persistent 360",
        "  -> 10.0.1.1:0                   Route   1      0          0         ",
        "UDP  10.0.0.1:53 rr",
        "  -> 10.0.1.1:53                  Tunnel  1      0          0         ",
        "SCTP 10.0.0.1:132 lc",
        "TCP  [fd00::1]:443 wrr persistent 60",
        "  -> [fd00:1::1]:443              Route   2      0          0         ",
        "  -> [fd00:1::2222:3333:4444:5555]:443 Masq    1      0          0         ",
    ]
    stats = list(services_table(in_order(views), Layout.STATS, numeric))
    assert stats[-1] == "  -> [fd00:1::2222:3333:4444:5555]:443        0        0        0        0        0"


def test_big_numbers_are_scaled_unless_exact_ones_are_asked_for() -> None:
    def stats(bytes_in: int, exact: bool) -> str:
        counters = Counters(connections=30000, packets_in=330000, bytes_in=bytes_in)
        view = ServiceView(service=service("10.8.0.240:80"), counters=counters)
        return list(services_table([view], Layout.STATS, numeric, exact=exact))[-1]

    assert stats(417180000, False) == "TCP  10.8.0.240:80                   30000   330000        0  417180K        0"
    assert stats(417180000, True) == "TCP  10.8.0.240:80                   30000   330000        0 417180000        0"
    assert stats(1080504000, True) == "TCP  10.8.0.240:80                   30000   330000        0 1080504000        0"
    assert stats(1080504000, False) == "TCP  10.8.0.240:80                   30000   330000        0    1080M        0"
    assert number(2161008000) == "    2161M"
    assert number(12891000000) == "   12891M"
    assert number(50173590) == " 50173590"
    assert number(311113000) == "  311113K"


@given(st.integers(0, 2**64 - 1))
def test_a_scaled_number_always_fits_and_is_never_too_large(value: int) -> None:
    text = number(value)
    assert len(text) == 9
    scale = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}.get(text[-1], 1)
    assert int(text.rstrip("KMGT")) * scale <= value < (int(text.rstrip("KMGT")) + 1) * scale


def connection(line: str) -> Connection:
    """The entry that ipvsadm printed in this line."""

    def split(text: str) -> tuple[ipaddress.IPv4Address, int]:
        host, port = text.split(":")
        return ipaddress.IPv4Address(host), int(port)

    protocol, expires, state, source, virtual, real = line.split()
    minutes, seconds = expires.split(":")
    return Connection(
        protocol=Protocol(protocol.lower()),
        client=split(source)[0],
        client_port=split(source)[1],
        virtual=split(virtual)[0],
        virtual_port=split(virtual)[1],
        real=split(real)[0],
        real_port=split(real)[1],
        state=ConnectionState(state),
        expires=Seconds(int(minutes) * 60 + int(seconds) + 0.9),
    )


@pytest.mark.parametrize(("name", "persistent"), [("seed-lcn", False), ("seed-lcn-persistent", True)])
def test_connections(name: str, persistent: bool) -> None:
    lines = golden(name)
    assert list(connections_table(map(connection, lines[2:]), numeric, persistent=persistent)) == lines
