# SPDX-License-Identifier: Apache-2.0
"""The states of a VRRP instance as a table (RFC 3768 6.4, RFC 9568 6.4): data from which the documentation draws.

Data only: machine.py decides which cause has occurred, looks the row up, and carries its actions out in their order.
INIT is before the start and after the stop; FAULT is a lost interface, or something else that is tracked and down, as
keepalived names it (RFC: Initialize).
A pair of state and cause that has no row cannot occur.
"""

from __future__ import annotations

import dataclasses
import enum

from bascule.model.configuration import VrrpState


class Cause(enum.Enum):
    """What moves an instance; values are words for people."""

    __hash__ = object.__hash__  # Looked up with each event: not by its name, in Python's own code.

    STARTED = "start"
    OWNER_STARTED = "start as owner of the addresses (priority 255)"
    ADOPTED = "restart of an active that left its addresses here"
    STARTED_WITH_FAULT = "start with a fault"
    STOPPED = "stop"
    LINK_LOST = "interface down"
    FAULT_FOUND = "a fault that leaves the interface usable"
    FAULTS_GONE = "no fault any more"
    OWNER_FAULTS_GONE = "no fault any more as owner of the addresses (priority 255)"
    PRIORITY_CHANGED = "another effective priority"
    NOBODY_HEARD = "no advert within the down interval"
    PREEMPTED = "only lower priorities heard within the down interval"
    PEER_STOPPED = "advert with priority 0"
    PEER_YIELDS = "advert of a peer that stands behind"
    PEER_LEADS = "advert of a peer that stands before us"
    """By priority, then by address; a backup stands behind an equal priority too, and with nopreempt behind any."""
    WITNESS_AWAITED = "could be active since nobody is heard, and waits for its witness"
    GROUP_AWAITED = "could be active, and waits for its sync group"
    GROUP_LEADS = "its sync group becomes active"
    GROUP_STANDS_BACK = "its sync group stands back"
    TIMER_LATE = "down timer handled late"
    ADVERT_DUE = "advert interval over"
    RECONFIGURED = "new settings"
    OVERSLEPT = "woke later than the own down interval"
    HANDING_OVER = "planned switch: a successor was asked"
    YIELDED = "planned switch: addresses given up"
    SUCCEEDED = "planned switch: the successor has announced"
    SUCCESSOR_SILENT = "planned switch: the successor does not answer"
    SUCCESSOR_REFUSED = "planned switch: the successor refuses"
    APPOINTED = "planned switch: asked to take over"


class Action(enum.Enum):
    """What a row does, in the order of the row."""

    __hash__ = object.__hash__  # Looked up with each event: not by its name, in Python's own code.

    SEND_ADVERT = "send an advert"
    SEND_STOP = "send an advert with priority 0"
    LAST_WORD = "send a last advert, unless configured otherwise"
    """The peer hears of a lower priority, and announces the addresses after our last announcement."""
    PUT_ADDRESSES = "put the virtual addresses on"
    TAKE_ADDRESSES = "take the virtual addresses off"
    ANNOUNCE = "announce the virtual addresses (gratuitous ARP, unsolicited NA), and once more later"
    ANSWER = "send an advert, unless configured otherwise, and announce the virtual addresses; to a flood, now and then"
    DRAIN = "read what waits in the socket"
    START_DOWN_TIMER = "wait for the down interval"
    PUT_OFF = "wait for one more down interval"
    SHORTEN = "wait for the skew time only"
    SHIFT = "wait longer or shorter by as much as the skew time has changed"
    HEAR = "remember that a peer is heard; go on waiting to preempt it"
    CLEAR = "stop all timers"
    AWAIT = "say nothing until the successor has announced, for at most 5 ms"
    LEAVE_ADDRESSES = "take the virtual addresses off, but serve late frames for one second"
    HOLD = "keep back with priority 1"
    GIVE_WAY = "wait for one advert interval and the skew time of priority 1"
    FORGET = "go by the own advert interval"
    """Version 3: until the active's is learned from its advert."""


@dataclasses.dataclass(slots=True, frozen=True)
class Transition:
    """A row: in `source`, on `cause`, do `actions` and be in `target`."""

    source: VrrpState
    cause: Cause
    target: VrrpState
    actions: tuple[Action, ...]


_INIT, _BACKUP, _MASTER, _FAULT = VrrpState.INIT, VrrpState.BACKUP, VrrpState.MASTER, VrrpState.FAULT

_TAKE_OVER = (Action.CLEAR, Action.FORGET, Action.SEND_ADVERT, Action.PUT_ADDRESSES, Action.ANNOUNCE)
_BEGIN = (Action.CLEAR, Action.FORGET, Action.TAKE_ADDRESSES, Action.START_DOWN_TIMER)
_STAND_BACK = (Action.CLEAR, Action.TAKE_ADDRESSES, Action.START_DOWN_TIMER)
_GIVE_UP = (Action.CLEAR, Action.HOLD, Action.SEND_STOP, Action.TAKE_ADDRESSES, Action.GIVE_WAY)

TABLE: tuple[Transition, ...] = (
    Transition(_INIT, Cause.STARTED, _BACKUP, _BEGIN),
    Transition(_INIT, Cause.OWNER_STARTED, _MASTER, _TAKE_OVER),
    Transition(
        _INIT, Cause.ADOPTED, _MASTER, (Action.CLEAR, Action.SEND_ADVERT, Action.PUT_ADDRESSES, Action.ANNOUNCE)
    ),
    Transition(_INIT, Cause.STARTED_WITH_FAULT, _FAULT, (Action.CLEAR, Action.TAKE_ADDRESSES)),
    Transition(_BACKUP, Cause.NOBODY_HEARD, _MASTER, _TAKE_OVER),
    Transition(_BACKUP, Cause.PREEMPTED, _MASTER, _TAKE_OVER),
    Transition(_BACKUP, Cause.WITNESS_AWAITED, _BACKUP, (Action.START_DOWN_TIMER,)),
    Transition(_BACKUP, Cause.GROUP_AWAITED, _BACKUP, (Action.START_DOWN_TIMER,)),
    Transition(_BACKUP, Cause.GROUP_LEADS, _MASTER, _TAKE_OVER),
    Transition(_BACKUP, Cause.TIMER_LATE, _BACKUP, (Action.PUT_OFF, Action.DRAIN)),
    Transition(_BACKUP, Cause.PEER_STOPPED, _BACKUP, (Action.SHORTEN,)),
    Transition(_BACKUP, Cause.PEER_LEADS, _BACKUP, (Action.START_DOWN_TIMER,)),
    Transition(_BACKUP, Cause.PEER_YIELDS, _BACKUP, (Action.HEAR,)),
    Transition(_BACKUP, Cause.RECONFIGURED, _BACKUP, (Action.START_DOWN_TIMER,)),
    Transition(_BACKUP, Cause.PRIORITY_CHANGED, _BACKUP, (Action.SHIFT,)),
    Transition(_BACKUP, Cause.LINK_LOST, _FAULT, (Action.CLEAR, Action.TAKE_ADDRESSES)),
    Transition(_BACKUP, Cause.FAULT_FOUND, _FAULT, (Action.CLEAR, Action.TAKE_ADDRESSES)),
    Transition(_BACKUP, Cause.STOPPED, _INIT, (Action.CLEAR, Action.TAKE_ADDRESSES)),
    Transition(_MASTER, Cause.ADVERT_DUE, _MASTER, (Action.SEND_ADVERT,)),
    Transition(_MASTER, Cause.PEER_STOPPED, _MASTER, (Action.SEND_ADVERT, Action.ANNOUNCE)),
    Transition(_MASTER, Cause.PEER_YIELDS, _MASTER, (Action.ANSWER,)),
    Transition(_MASTER, Cause.PEER_LEADS, _BACKUP, (Action.LAST_WORD, *_STAND_BACK)),
    Transition(_MASTER, Cause.GROUP_STANDS_BACK, _BACKUP, (Action.SEND_STOP, *_STAND_BACK)),
    Transition(_MASTER, Cause.OVERSLEPT, _BACKUP, (*_STAND_BACK, Action.PUT_OFF, Action.DRAIN)),
    Transition(_MASTER, Cause.RECONFIGURED, _MASTER, (Action.SEND_ADVERT, Action.PUT_ADDRESSES, Action.ANNOUNCE)),
    Transition(_MASTER, Cause.LINK_LOST, _FAULT, (Action.CLEAR, Action.TAKE_ADDRESSES)),
    Transition(_MASTER, Cause.FAULT_FOUND, _FAULT, (Action.CLEAR, Action.SEND_STOP, Action.TAKE_ADDRESSES)),
    Transition(_MASTER, Cause.STOPPED, _INIT, (Action.CLEAR, Action.SEND_STOP, Action.TAKE_ADDRESSES)),
    Transition(_FAULT, Cause.FAULTS_GONE, _BACKUP, _BEGIN),
    Transition(_FAULT, Cause.OWNER_FAULTS_GONE, _MASTER, _TAKE_OVER),
    Transition(_MASTER, Cause.HANDING_OVER, _MASTER, (Action.AWAIT,)),
    Transition(
        _MASTER,
        Cause.SUCCEEDED,
        _BACKUP,
        (Action.CLEAR, Action.HOLD, Action.LEAVE_ADDRESSES, Action.START_DOWN_TIMER),
    ),
    Transition(_MASTER, Cause.SUCCESSOR_SILENT, _BACKUP, _GIVE_UP),
    Transition(_MASTER, Cause.YIELDED, _BACKUP, _GIVE_UP),
    Transition(_MASTER, Cause.SUCCESSOR_REFUSED, _MASTER, (Action.SEND_ADVERT,)),
    # The advert is the sign for the predecessor, so it comes last.
    Transition(
        _BACKUP,
        Cause.APPOINTED,
        _MASTER,
        (Action.CLEAR, Action.FORGET, Action.PUT_ADDRESSES, Action.ANNOUNCE, Action.SEND_ADVERT),
    ),
    Transition(_MASTER, Cause.APPOINTED, _MASTER, (Action.ANNOUNCE, Action.SEND_ADVERT)),
    Transition(_FAULT, Cause.STOPPED, _INIT, (Action.CLEAR, Action.TAKE_ADDRESSES)),
)

ROWS: dict[tuple[VrrpState, Cause], Transition] = {(row.source, row.cause): row for row in TABLE}


def as_table() -> str:
    """The table as Markdown, for the documentation."""
    lines = ["| in | on | be | do |", "|---|---|---|---|"]
    for row in TABLE:
        actions = "; ".join(action.value for action in row.actions)
        lines.append(f"| {row.source.value} | {row.cause.value} | {row.target.value} | {actions} |")
    return "\n".join(lines)


def as_diagram() -> str:
    """The changes of state as a Graphviz digraph, for the documentation."""
    edges = (row for row in TABLE if row.source is not row.target)
    lines = [f'  {row.source.value} -> {row.target.value} [label="{row.cause.value}"]' for row in edges]
    return "\n".join(("digraph vrrp {", *lines, "}"))
