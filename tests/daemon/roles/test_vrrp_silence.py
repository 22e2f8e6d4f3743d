# SPDX-License-Identifier: Apache-2.0
"""Which addresses do not answer, with a filter that writes down what it is asked for."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_silence import Silence
from bascule.errors import KernelRefusedError
from bascule.linux import nftables
from bascule.model.base import IPAddress

A, B = ipaddress.IPv4Address("192.168.2.240"), ipaddress.IPv6Address("fd02::240")


class Filter:
    def __init__(self) -> None:
        self.tables: list[set[IPAddress]] = []
        self.broken = False

    def drop_for(self, addresses: Iterable[IPAddress]) -> None:
        if self.broken:
            raise KernelRefusedError("no such thing")
        self.tables.append(set(addresses))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Filter:
    made = Filter()
    monkeypatch.setattr(nftables, "drop_for", made.drop_for)
    return made


def test_the_table_holds_the_addresses_of_all_and_changes_only_with_them(kernel: Filter) -> None:
    silence = Silence(Log("vrrp"))
    silence.keep("accepts", ())
    assert kernel.tables == []
    silence.keep("one", [A])
    silence.keep("one", [A])
    silence.keep("other", [A, B])
    silence.keep("one", ())
    silence.keep("other", ())
    silence.keep("other", ())
    assert kernel.tables == [{A}, {A, B}, set()]


def test_a_kernel_without_a_filter_is_said_and_tried_again_at_the_next_change(
    kernel: Filter, capfd: pytest.CaptureFixture[str]
) -> None:
    silence = Silence(Log("vrrp"))
    kernel.broken = True
    silence.clear()
    assert "no_accept" not in capfd.readouterr().err
    silence.keep("one", [A])
    assert "event=no_accept_not_kept instance=one" in capfd.readouterr().err
    kernel.broken = False
    silence.keep("other", [A])
    silence.clear()
    assert kernel.tables == [{A}, set()]
