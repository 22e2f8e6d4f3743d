# SPDX-License-Identifier: Apache-2.0
"""Alarms: what is news, how long one stands, and what it says of the cause."""

from __future__ import annotations

import dataclasses

from bascule.model.base import Seconds
from bascule.model.status import AlarmKind
from bascule.vrrp.alarms import CAUSES, DEAF_AFTER, QUIET, Alarms, why_deaf, why_refused
from bascule.vrrp.packet import Refusal

SECOND = AlarmKind.SECOND_ACTIVE
SECONDS = Seconds(1.0)


def test_only_what_is_new_is_news() -> None:
    alarms = Alarms()
    first = alarms.sight("VI_1", SECOND, "a", SECONDS, 100.0)
    assert first is not None
    assert (first.since, first.count, first.over) == (100.0, 1, False)
    assert alarms.sight("VI_1", SECOND, "a", SECONDS, 101.0) is None
    other = alarms.sight("VI_1", SECOND, "b", SECONDS, 102.0)
    assert other is not None
    assert (other.since, other.last, other.count, other.why) == (100.0, 102.0, 3, "b")
    assert alarms.standing("VI_1") == (other,)
    assert alarms.standing("VI_2") == ()


def test_it_stands_until_it_was_quiet_for_a_while() -> None:
    alarms = Alarms()
    assert alarms.deadline() == float("inf")
    alarms.sight("VI_1", SECOND, "a", SECONDS, 100.0)
    alarms.sight("VI_1", SECOND, "a", SECONDS, 105.0)
    end = 105.0 + QUIET[SECOND]
    assert alarms.deadline() == end
    assert alarms.expire(end - 0.1) == []
    (over,) = alarms.expire(end)
    assert over.over
    assert alarms.standing("VI_1") == ()
    assert alarms.expire(end) == []


def test_slow_adverts_make_it_stand_longer() -> None:
    alarms = Alarms()
    alarms.sight("VI_1", SECOND, "a", Seconds(10.0), 100.0)
    assert alarms.deadline() == 150.0


def test_it_can_end_before_and_goes_with_its_instance() -> None:
    alarms = Alarms()
    found = alarms.sight("VI_1", SECOND, "a", SECONDS, 100.0)
    assert found is not None
    assert alarms.end("VI_1", SECOND) == dataclasses.replace(found, over=True)
    assert alarms.end("VI_1", SECOND) is None
    alarms.sight("VI_1", SECOND, "a", SECONDS, 100.0)
    alarms.sight("VI_2", AlarmKind.VRID_IN_USE, "a", SECONDS, 90.0)
    alarms.keep(frozenset({"VI_2"}))
    assert (alarms.standing("VI_1"), len(alarms.standing("VI_2"))) == ((), 1)


def test_the_cause_says_what_to_make_alike() -> None:
    why = why_refused("192.168.2.211", Refusal.AUTH_DATA, "another password")
    alike = "another password or key: make `auth_pass`, or the keys of `auth_hmac`, alike"
    assert why == f"192.168.2.211: {alike} (another password)"
    assert all(why_refused("x", reason, "detail") for reason in CAUSES)
    assert why_refused("x", Refusal.CHECKSUM, "detail") is None


def test_one_that_goes_on_although_it_is_answered_does_not_hear_us() -> None:
    assert "until now" in why_deaf("x", 90, DEAF_AFTER - 1)
    assert "does not hear our adverts" in why_deaf("x", 90, DEAF_AFTER)
    assert why_deaf("x", 90, DEAF_AFTER) == why_deaf("x", 90, DEAF_AFTER + 1)
