# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress
import pathlib

import pytest

from bascule.dataplane.ledger import Ledger
from bascule.errors import BasculeError
from bascule.model.service import Protocol, RealServer, ServiceId, VirtualService

NAME = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.0.2.1"), port=80)
OTHER = ServiceId(protocol=Protocol.UDP, address=ipaddress.ip_address("192.0.2.1"), port=53)
SERVICE = VirtualService(id=NAME, servers=(RealServer(address=ipaddress.ip_address("192.0.2.11"), port=80),))


def test_a_claim_outlives_the_process_before_anything_is_applied(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state" / "services"
    Ledger(path).claim((NAME, OTHER))
    again = Ledger(path)
    assert again.owned == (NAME, OTHER)
    assert NAME in again
    assert again.applied(NAME) is None


def test_settling_keeps_values_and_strikes_out_what_is_gone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "services"
    ledger = Ledger(path)
    ledger.claim((NAME, OTHER))
    ledger.settle({NAME: SERVICE})
    again = Ledger(path)
    assert again.applied(NAME) == SERVICE
    assert OTHER not in again


def test_nothing_is_written_when_nothing_changed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "services"
    ledger = Ledger(path)
    ledger.settle({NAME: SERVICE})
    path.unlink()
    ledger.claim((NAME,))
    ledger.settle({NAME: SERVICE})
    assert not path.exists()


def test_a_file_of_something_else_is_an_error_that_names_it(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "services"
    path.write_bytes(b"\xffgarbage")
    with pytest.raises(BasculeError, match="services: not a ledger"):
        Ledger(path)


def test_without_a_path_it_lives_in_memory() -> None:
    ledger = Ledger()
    ledger.claim((NAME,))
    assert NAME in ledger
