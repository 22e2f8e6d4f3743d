# SPDX-License-Identifier: Apache-2.0
"""Counted always, said seldom."""

from __future__ import annotations

from bascule.daemon.roles.vrrp_refusals import QUIET, Refusals, Seldom, merged
from bascule.vrrp.packet import Refusal, RefusedPacketError


def test_the_first_is_said_and_then_one_in_a_while_that_speaks_for_all() -> None:
    seldom = Seldom()
    assert [seldom.due("late", at / 10) for at in range(5)] == [1, 0, 0, 0, 0]
    assert seldom.due("other", 0.5) == 1
    assert seldom.due("late", QUIET + 1) == 5
    assert seldom.due("late", QUIET + 2) == 0


def test_packets_are_counted_by_reason() -> None:
    refusals = Refusals()
    said = [refusals.count(RefusedPacketError(Refusal.CHECKSUM, "wrong"), at) for at in (1.0, 2.0)]
    said.append(refusals.count(RefusedPacketError(Refusal.TTL, "254"), 3.0))
    assert said == [1, 0, 1]
    assert refusals.counts == {"checksum": 2, "ttl": 1}


def test_counters_are_added_by_reason() -> None:
    assert merged({"ttl": 1, "type": 2}, {"ttl": 3}) == {"ttl": 4, "type": 2}
    assert merged() == {}
