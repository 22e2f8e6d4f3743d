# SPDX-License-Identifier: Apache-2.0
"""What every probe has in common: the kinds that there are fit the one interface."""

from __future__ import annotations

import ipaddress
import select
import socket

import pytest

from bascule.model.configuration import TcpCheck
from bascule.model.service import ServerId
from bascule.probes import tcp
from bascule.probes.probe import Probe, Result


def test_a_tcp_probe_is_a_probe() -> None:
    sock = socket.socket()
    server = ServerId(address=ipaddress.ip_address("192.0.2.1"), port=80)
    probe: Probe = tcp.TcpProbe(sock, server, TcpCheck().connect_timeout)
    assert probe.fileno() == sock.fileno()
    assert probe.events == select.EPOLLOUT
    probe.close()
    assert sock.fileno() == -1


def test_a_result_is_a_frozen_value() -> None:
    result = Result(passed=True, why="fine")
    assert result == Result(passed=True, why="fine")
    with pytest.raises(AttributeError):
        result.why = "no"  # type: ignore[misc]
