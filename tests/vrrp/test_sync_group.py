# SPDX-License-Identifier: Apache-2.0
"""Sync groups: real machines whose moves the rules decide, and the rules by themselves."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import (
    LINK_DOWN,
    AdvertReceived,
    Command,
    Event,
    Fault,
    GroupMoves,
    SendAdvert,
    StandingChanged,
    Start,
    StateChanged,
    Stop,
    Timeout,
)
from bascule.vrrp.machine_grouped import GroupedMachine
from bascule.vrrp.sync_group import RULES, Member, as_table, awaited, moves, shared, state_of
from tests.vrrp.bench import DOWN, PEER, SETTINGS

BACKUP, MASTER, FAULT, INIT = VrrpState.BACKUP, VrrpState.MASTER, VrrpState.FAULT, VrrpState.INIT
NAMES = ("V4", "V6")


class Pair:
    """Two instances in a group, as the role runs them."""

    def __init__(self, *priorities: int, preempt: bool = True) -> None:
        self.now = 1000.0
        self.did: list[tuple[str, Command]] = []
        self.own: dict[str, tuple[Fault, ...]] = dict.fromkeys(NAMES, ())
        self.machines = {
            name: GroupedMachine(
                dataclasses.replace(SETTINGS, priority=Priority(priority), grouped=True, preempt=preempt)
            )
            for name, priority in zip(NAMES, priorities or (100, 100), strict=True)
        }
        for name in NAMES:
            self.tell(name, Start())

    @property
    def states(self) -> set[VrrpState]:
        return {machine.state for machine in self.machines.values()}

    def members(self, left: str | None = None) -> list[Member]:
        return [
            Member(name=name, state=each.state, wants=each.wants, led=each.led, left=name == left)
            for name, each in self.machines.items()
            if each.state is not INIT
        ]

    def tell(self, name: str, event: Event) -> None:
        commands = self.machines[name].handle(event, self.now)
        self.did += [(name, command) for command in commands]
        changes = [command for command in commands if isinstance(command, StateChanged)]
        left = any(change.previous is MASTER and change.state is BACKUP for change in changes)
        members = self.members(name if left else None)
        if isinstance(event, GroupMoves) and not changes:
            return
        for other, move in moves("G", members) if len(members) == len(NAMES) else ():
            self.tell(other, move)

    def faults(self, name: str, *faults: Fault) -> None:
        self.own[name] = faults
        for each in (name, *(other for other in NAMES if other != name)):
            self.tell(each, StandingChanged(faults=shared("G", each, self.own)))

    def wait(self, seconds: float, **heard: int) -> None:
        """The time passes; `heard`: priority of the adverts that an instance hears each second."""
        end = self.now + seconds
        beat = self.now + 1.0
        while True:
            due = min((machine.deadline(), name) for name, machine in self.machines.items())
            if beat <= min(due[0], end):
                self.now = beat
                for name, priority in heard.items():
                    self.hear(name, priority)
                beat += 1.0
            elif due[0] <= end:
                self.now = max(self.now, due[0])
                self.tell(due[1], Timeout())
            else:
                break
        self.now = end

    def hear(self, name: str, priority: int) -> None:
        advert = AdvertReceived(source=PEER, priority=Priority(priority), interval=Seconds(1.0), received_at=self.now)
        self.tell(name, advert)

    def reasons(self, name: str) -> list[str]:
        return [c.reason for who, c in self.did if who == name and isinstance(c, StateChanged)]


@pytest.fixture
def active() -> Pair:
    pair = Pair()
    pair.wait(DOWN + 0.01)
    assert pair.states == {MASTER}
    return pair


def test_both_become_active_when_the_time_of_the_last_has_come() -> None:
    pair = Pair(150, 100)
    pair.wait(3 + 106 / 256 + 0.01)
    assert pair.states == {BACKUP}
    assert pair.machines["V4"].wants
    pair.wait(1.0)
    assert pair.states == {MASTER}


def test_a_member_that_hears_an_active_keeps_the_others_waiting_and_nothing_spins() -> None:
    pair = Pair()
    pair.wait(20.0, V6=200)
    assert pair.states == {BACKUP}
    assert awaited(pair.members()) == ("V6",)
    assert len(pair.did) < 100
    pair.wait(DOWN + 0.01)
    assert pair.states == {MASTER}


def test_half_the_group_may_preempt_and_the_other_half_not_so_none_does() -> None:
    pair = Pair(150, 90)
    pair.wait(30.0, V4=100, V6=100)
    assert pair.states == {BACKUP}


def test_the_group_preempts_as_one() -> None:
    pair = Pair(150, 150)
    pair.wait(5.0, V4=100, V6=100)
    assert pair.states == {MASTER}


def test_a_group_that_never_preempts_succeeds_who_is_gone() -> None:
    pair = Pair(150, 150, preempt=False)
    pair.wait(20.0, V4=100, V6=100)
    assert pair.states == {BACKUP}
    pair.wait(DOWN)
    assert pair.states == {MASTER}


def test_a_wish_to_succeed_the_silent_is_gone_when_one_that_leads_is_heard() -> None:
    pair = Pair()
    pair.wait(5.0, V6=200)
    assert pair.machines["V4"].wants
    pair.hear("V4", 200)
    assert not pair.machines["V4"].wants
    pair.wait(1.0)
    assert pair.states == {BACKUP}


def test_who_yields_takes_the_group_along_and_says_farewell(active: Pair) -> None:
    active.did.clear()
    active.hear("V6", 200)
    assert active.states == {BACKUP}
    assert ("V4", SendAdvert(Priority(0))) in active.did
    assert active.reasons("V4") == ["with V6 in sync group G"]


def test_a_fault_of_one_is_a_fault_of_all_and_its_end_a_new_beginning(active: Pair) -> None:
    active.faults("V6", LINK_DOWN)
    assert active.states == {FAULT}
    assert active.reasons("V4")[-1] == "V6 of sync group G: the interface is down"
    assert ("V4", SendAdvert(Priority(0))) in active.did
    assert ("V6", SendAdvert(Priority(0))) not in active.did
    active.faults("V4", LINK_DOWN)
    active.faults("V6")
    assert active.states == {FAULT}
    active.faults("V4")
    assert active.states == {BACKUP}
    active.wait(DOWN + 0.01)
    assert active.states == {MASTER}


def test_priority_0_of_one_member_moves_nobody_while_the_other_hears_its_active() -> None:
    pair = Pair()
    pair.wait(5.0, V4=200, V6=200)
    pair.hear("V4", 0)
    pair.wait(3.0, V6=200)
    assert pair.states == {BACKUP}
    pair.hear("V6", 0)
    pair.wait(0.7)
    assert pair.states == {MASTER}


def test_an_owner_takes_the_others_along() -> None:
    pair = Pair(255, 100)
    assert pair.states == {MASTER}


def test_who_joins_an_active_group_is_active_at_once(active: Pair) -> None:
    active.machines["V6"] = GroupedMachine(dataclasses.replace(SETTINGS, grouped=True))
    active.tell("V6", Start())
    assert active.states == {MASTER}


def test_a_group_that_overslept_stands_back_whole(active: Pair) -> None:
    active.now += 10.0
    active.tell("V4", Timeout())
    assert active.states == {BACKUP}
    active.wait(1.0)
    assert active.states == {BACKUP}


def test_a_pause_makes_wishes_void() -> None:
    pair = Pair()
    pair.wait(5.0, V6=200)
    assert pair.machines["V4"].wants
    pair.now += 10.0
    for name in NAMES:
        pair.tell(name, Timeout())
    assert not any(machine.wants for machine in pair.machines.values())
    assert pair.states == {BACKUP}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), INIT),
        ((MASTER, MASTER), MASTER),
        ((MASTER, BACKUP), BACKUP),
        ((BACKUP, BACKUP), BACKUP),
        ((MASTER, FAULT), FAULT),
        ((BACKUP, INIT), INIT),
    ],
)
def test_the_state_of_a_group(states: tuple[VrrpState, ...], expected: VrrpState) -> None:
    assert state_of([Member(name=str(n), state=state) for n, state in enumerate(states)]) is expected


def test_a_freed_address_is_taken_by_all_although_they_listen_after_a_pause() -> None:
    pair = Pair(1, 1, preempt=False)
    pair.now += 1.0
    pair.hear("V4", 0)
    pair.hear("V6", 0)
    pair.wait(5.0)
    assert pair.states == {MASTER}


def test_what_all_follow_is_named_once() -> None:
    sick, down = Fault("file sick says 1"), LINK_DOWN
    own = {"A": (sick,), "B": (sick, down)}
    assert shared("G", "A", own) == (sick, Fault("B of sync group G: the interface is down"))
    assert shared("G", "B", own) == (sick, down)
    assert shared("G", "A", {"A": (down,), "B": (down,)})[0] == down


def test_no_move_while_a_member_is_in_fault() -> None:
    members = [Member(name=n, state=s, wants=True) for n, s in (("A", FAULT), ("B", BACKUP), ("C", MASTER))]
    assert moves("G", members) == []


def test_the_rules_as_a_table_name_each() -> None:
    assert all(rule.sight.value in as_table() for rule in RULES)


STEPS = st.one_of(
    st.tuples(st.just("hear"), st.sampled_from(NAMES), st.sampled_from((0, 50, 100, 101, 200))),
    st.tuples(st.just("wait"), st.floats(0.0, 5.0), st.none()),
    st.tuples(st.just("sleep"), st.floats(0.0, 10.0), st.none()),
    st.tuples(st.just("fault"), st.sampled_from(NAMES), st.sampled_from((None, LINK_DOWN, Fault("sick")))),
    st.tuples(st.just("weight"), st.sampled_from(NAMES), st.integers(-60, 60)),
    st.tuples(st.just("stop"), st.none(), st.none()),
)


@given(st.sampled_from((1, 100, 254, 255)), st.sampled_from((1, 100, 254)), st.booleans(), st.lists(STEPS, max_size=30))
def test_whatever_comes_all_are_active_or_none_is(
    first: int, second: int, preempt: bool, steps: list[tuple[str, object, object]]
) -> None:
    pair = Pair(first, second, preempt=preempt)
    for step, what, more in steps:
        match step, what, more:
            case "hear", str(), int():
                pair.hear(what, more)
            case "wait", float(), _:
                pair.wait(what)
            case "sleep", float(), _:
                pair.now += what
            case "fault", str(), _:
                pair.faults(what, *(() if more is None else (more,)))
            case "weight", str(), int():
                faults = shared("G", what, pair.own)
                pair.tell(what, StandingChanged(faults=faults, change=more))
            case _:
                for name in NAMES:
                    pair.tell(name, Stop())
                return
        assert pair.states == {MASTER} or MASTER not in pair.states
