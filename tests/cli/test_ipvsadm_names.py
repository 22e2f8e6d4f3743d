# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress
import pathlib
import socket
import threading

import pytest

from bascule.cli.ipvsadm_names import Names, numeric
from bascule.cli.ipvsadm_tables import connections_table
from bascule.model.service import Protocol
from tests.cli.test_ipvsadm_tables import connection

DATA = pathlib.Path(__file__).parent / "data" / "ipvsadm"
V4, V6 = ipaddress.ip_address("192.168.2.240"), ipaddress.ip_address("fd00::1")


def test_numbers() -> None:
    assert numeric(V4, 80, Protocol.TCP) == "192.168.2.240:80"
    assert numeric(V6, 443, Protocol.TCP) == "[fd00::1]:443"


def _nameless(address: str) -> tuple[str, list[str], list[str]]:
    raise socket.herror(1, f"{address} has no name")


def test_ports_have_the_names_of_their_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostbyaddr", _nameless)
    names = Names()
    assert names(V4, 80, Protocol.TCP) == "192.168.2.240:http"
    assert names(V4, 53, Protocol.UDP) == "192.168.2.240:domain"
    assert names(V6, 65533, Protocol.TCP) == "[fd00::1]:65533"
    assert names(V4, 0, Protocol.TCP) == "192.168.2.240:0"


def test_a_whole_listing_by_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostbyaddr", _nameless)
    numbers = (DATA / "seed-lcn.txt").read_text().splitlines()
    named = (DATA / "seed-lc.txt").read_text().splitlines()
    shown = list(connections_table(map(connection, numbers[2:]), Names()))
    assert [line[11:] for line in shown] == [line[11:] for line in named]


def test_hosts_have_names_and_each_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look_up(address: str) -> tuple[str, list[str], list[str]]:
        asked.append(address)
        return "web1.example.com", [], [address]

    monkeypatch.setattr(socket, "gethostbyaddr", look_up)
    names = Names()
    assert [names(V4, 80, Protocol.TCP) for _ in range(3)] == ["web1.example.com:http"] * 3
    assert asked == ["192.168.2.240"]


def test_a_silent_name_server_costs_its_deadline_once(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    asked: list[str] = []

    def look_up(address: str) -> tuple[str, list[str], list[str]]:
        asked.append(address)
        never.wait(20.0)
        raise socket.herror

    monkeypatch.setattr(socket, "gethostbyaddr", look_up)
    names = Names(seconds=0.05)
    try:
        assert names(V4, 80, Protocol.TCP) == "192.168.2.240:http"
        assert names(V6, 80, Protocol.TCP) == "[fd00::1]:http"
        assert asked == ["192.168.2.240"]
    finally:
        never.set()
