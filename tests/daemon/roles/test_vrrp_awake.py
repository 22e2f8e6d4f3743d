# SPDX-License-Identifier: Apache-2.0
"""Busy and asleep are told apart: else the last of hundreds of instances wait for one more down interval."""

from __future__ import annotations

from bascule.daemon.roles.vrrp_awake import PAUSE, Awake


def test_a_round_that_takes_up_what_was_left_over_belongs_to_the_one_before() -> None:
    awake = Awake()
    assert awake.begin(10.0) == 10.0
    awake.end(10.1, deadline=10.05)
    assert awake.begin(10.1 + PAUSE / 2) == 10.0
    awake.end(10.2, deadline=10.2)
    assert awake.begin(10.2) == 10.0


def test_after_a_pause_it_begins_anew() -> None:
    awake = Awake()
    awake.begin(10.0)
    awake.end(10.1, deadline=10.05)
    assert awake.begin(10.1 + 2 * PAUSE) == 10.1 + 2 * PAUSE


def test_who_had_nothing_left_to_do_has_waited_of_his_own_will() -> None:
    awake = Awake()
    awake.begin(10.0)
    awake.end(10.1, deadline=10.105)
    assert awake.begin(10.106) == 10.106
