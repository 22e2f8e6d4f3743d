# SPDX-License-Identifier: Apache-2.0
"""The table of states: complete, without doubles, and fit to be drawn."""

from __future__ import annotations

import pytest

from bascule.model.configuration import VrrpState
from bascule.vrrp.transitions import ROWS, TABLE, Action, Cause, as_diagram, as_table


def test_no_row_is_there_twice_and_every_cause_and_action_is_used() -> None:
    assert len(ROWS) == len(TABLE)
    assert {row.cause for row in TABLE} == set(Cause)
    assert {action for row in TABLE for action in row.actions} == set(Action)


def test_every_state_can_be_entered_and_left() -> None:
    changes = [row for row in TABLE if row.source is not row.target]
    assert {row.source for row in changes} == set(VrrpState)
    assert {row.target for row in changes} == set(VrrpState)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.source.value}-{row.cause.name}")
def test_addresses_are_on_in_master_and_nowhere_else(row: object) -> None:
    found = next(entry for entry in TABLE if entry is row)
    if found.source is found.target:
        assert Action.TAKE_ADDRESSES not in found.actions
        return
    quietly = Action.LEAVE_ADDRESSES in found.actions
    off = Action.LEAVE_ADDRESSES if quietly else Action.TAKE_ADDRESSES
    wanted = Action.PUT_ADDRESSES if found.target is VrrpState.MASTER else off
    unwanted = Action.TAKE_ADDRESSES if found.target is VrrpState.MASTER else Action.PUT_ADDRESSES
    assert wanted in found.actions
    assert unwanted not in found.actions


def test_an_active_that_leaves_in_order_says_so() -> None:
    rows = {row.cause for row in TABLE if Action.SEND_STOP in row.actions}
    assert rows == {
        Cause.GROUP_STANDS_BACK,
        Cause.FAULT_FOUND,
        Cause.STOPPED,
        Cause.SUCCESSOR_SILENT,
        Cause.YIELDED,
    }
    assert all(row.source is VrrpState.MASTER for row in TABLE if Action.SEND_STOP in row.actions)


def test_an_active_that_overslept_sends_nothing() -> None:
    actions = ROWS[VrrpState.MASTER, Cause.OVERSLEPT].actions
    assert not {Action.SEND_ADVERT, Action.SEND_STOP, Action.ANNOUNCE, Action.ANSWER} & set(actions)
    assert Action.DRAIN in actions


def test_the_table_is_drawn() -> None:
    table = as_table().splitlines()
    assert len(table) == len(TABLE) + 2
    assert "| MASTER | stop | INIT |" in as_table()
    diagram = as_diagram()
    assert diagram.startswith("digraph vrrp {")
    assert 'BACKUP -> MASTER [label="no advert within the down interval"]' in diagram
