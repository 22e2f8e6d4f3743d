# SPDX-License-Identifier: Apache-2.0
"""Lateness never promotes: what a machine does that was stopped or suspended, and the tests that could fail."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest

from bascule.model.base import Priority, Seconds
from bascule.model.configuration import VrrpState
from bascule.vrrp.events import (
    AdvertReceived,
    Drain,
    Event,
    Notice,
    Noticed,
    ReadyChanged,
    Reconfigured,
    SendAdvert,
    Settings,
    Start,
    Stop,
    TakeAddresses,
    Timeout,
)
from bascule.vrrp.machine import FORGIVEN, PATIENCE, WATCH, Machine
from bascule.vrrp.transitions import Action
from tests.vrrp.bench import DOWN, PEER, SETTINGS, active, bench


class NeverLate(Machine):
    """The defect: does not look at the clock before it believes a timer."""

    def _check_lateness(self, event: Event) -> None:
        pass


class NoDrain(Machine):
    """The defect: puts a late timer off, but does not ask for what waits in the socket."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._actions[Action.DRAIN] = lambda: None


class NoPutOff(Machine):
    """The defect: asks for what waits, but believes the timer if nothing does."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._actions[Action.PUT_OFF] = lambda: None


class NoWatch(Machine):
    """The defect: looks at the clock only when the down timer ends."""

    def deadline(self) -> float:
        self._watch_at = math.inf
        return super().deadline()


class NotClose(Machine):
    """The defect: looks at the clock no more often when an advert is missed."""

    def _watch(self, **_: bool) -> None:
        super()._watch(close=False)


def backup_wakes_late_beside_a_live_active(machine: type[Machine]) -> None:
    """Ten seconds stopped: nothing is promoted, what waits is asked for, and the active's next advert settles it."""
    made = bench(machine)
    made.hear_every_second(5, 200)
    made.sleep(10.0)
    did = made.tell(Timeout())
    assert Drain() in did
    assert made.is_in(VrrpState.BACKUP)
    made.wait(0.99)
    assert made.is_in(VrrpState.BACKUP)
    made.hear_every_second(5, 200)
    assert made.is_in(VrrpState.BACKUP)


def backup_wakes_late_to_a_dead_active(machine: type[Machine]) -> None:
    """It listens for one more down interval, and then takes over: within two down intervals of waking."""
    made = bench(machine)
    made.hear_every_second(5, 200)
    made.sleep(10.0)
    made.tell(Timeout())
    woke = made.now - 1000
    made.wait(8)
    assert made.entered(VrrpState.MASTER) - woke == pytest.approx(DOWN)


def backup_suspended_for_less_than_its_timer(machine: type[Machine]) -> None:
    """Suspended just before the timer ends and awake before it does: the silence was its own, not the active's."""
    made = bench(machine)
    made.hear_every_second(5, 200)
    made.sleep(DOWN - 0.1)
    made.tell(Timeout())
    made.wait(0.9)
    assert made.is_in(VrrpState.BACKUP)


def old_adverts_drained_late_do_not_end_the_wait_early(machine: type[Machine]) -> None:
    """The last advert in the socket is as old as the down interval: still one full interval of listening."""
    made = bench(machine)
    made.hear_every_second(5, 200)
    made.sleep(6.0)
    made.hear(200, age=DOWN - 0.05)
    made.wait(0.9)
    assert made.is_in(VrrpState.BACKUP)


def active_that_overslept_is_backup_first(machine: type[Machine]) -> None:
    """Whatever wakes it, it sends nothing as active any more."""
    for event in (Timeout(), Stop(), Reconfigured(SETTINGS)):
        made = active(machine)
        before = len(made.sent())
        made.sleep(DOWN + 0.5)
        did = made.tell(event)
        assert len(made.sent()) == before
        assert did[0] == TakeAddresses()
        assert Drain() in did


def overslept_active_listens_before_it_returns(machine: type[Machine]) -> None:
    """Its adverts of before are old too: one full interval at least before it is active again."""
    made = active(machine)
    made.sleep(DOWN + 5)
    made.hear(200, age=DOWN - 0.05)
    assert made.is_in(VrrpState.BACKUP)
    made.wait(0.95)
    assert made.is_in(VrrpState.BACKUP)
    made.wait(2 * DOWN)
    assert made.is_in(VrrpState.MASTER)


@pytest.mark.parametrize(
    ("scenario", "defects"),
    [
        (backup_wakes_late_beside_a_live_active, (NeverLate, NoDrain, NoPutOff)),
        (backup_wakes_late_to_a_dead_active, (NeverLate, NoPutOff)),
        (backup_suspended_for_less_than_its_timer, (NeverLate, NoWatch, NoPutOff)),
        (old_adverts_drained_late_do_not_end_the_wait_early, (NeverLate, NoPutOff)),
        (active_that_overslept_is_backup_first, (NeverLate, NoDrain)),
        (overslept_active_listens_before_it_returns, (NeverLate, NoPutOff)),
    ],
)
def test_lateness_never_promotes_and_the_test_can_fail(
    scenario: Callable[[type[Machine]], None], defects: tuple[type[Machine], ...]
) -> None:
    scenario(Machine)
    for defect in defects:
        with pytest.raises(AssertionError):
            scenario(defect)


def short_stops_each_over_an_advert(machine: type[Machine]) -> None:
    """Half a second asleep over each of three adverts: none is long, and together they are a whole silence."""
    made = bench(machine)
    made.hear_every_second(5, 200)
    for _ in range(3):
        made.wait(0.75)
        made.sleep(0.5)
        made.tell(Timeout())
        assert made.is_in(VrrpState.BACKUP)
    made.wait(1.0)
    assert made.is_in(VrrpState.BACKUP)


def test_short_stops_do_not_promote_and_the_test_can_fail() -> None:
    short_stops_each_over_an_advert(Machine)
    for defect in (NeverLate, NoPutOff, NotClose):
        with pytest.raises(AssertionError):
            short_stops_each_over_an_advert(defect)


def test_a_timer_late_by_less_than_an_eighth_of_an_interval_is_believed() -> None:
    made = bench()
    made.wait(DOWN - 0.05)
    made.sleep(0.15)
    made.tell(Timeout())
    assert made.is_in(VrrpState.MASTER)
    assert made.machine.snapshot().late_timers == 0


def test_fast_adverts_leave_room_for_what_any_process_comes_late() -> None:
    made = Machine(dataclasses.replace(SETTINGS, version=3, interval=Seconds(0.01)))
    made.handle(Start(), 0.0)
    for _ in range(100):
        made.handle(Timeout(), made.deadline() + 0.0045)
    assert made.state is VrrpState.MASTER
    assert made.snapshot().late_timers == 0


def test_the_last_of_many_timers_is_not_late_because_of_the_others() -> None:
    made = bench()
    made.wait(DOWN - 0.05)
    began = made.now + 0.06
    made.sleep(0.5)
    made.tell(Timeout(awake_since=began))
    assert made.is_in(VrrpState.MASTER)
    assert made.machine.snapshot().late_timers == 0


def test_an_advert_that_waited_while_the_process_was_busy_is_no_sign_of_sleep() -> None:
    """One of lower priority became active at the last moment: it is preempted, and not listened to once more."""
    made = bench()
    made.tell(ReadyChanged(True))
    made.wait(DOWN - 0.05)
    began = made.now + 0.06
    made.sleep(0.5)
    made.tell(
        AdvertReceived(
            source=PEER,
            priority=Priority(50),
            interval=Seconds(1.0),
            received_at=made.now - 0.1,
            awake_since=began,
        )
    )
    made.tell(Timeout(awake_since=began))
    assert made.is_in(VrrpState.MASTER)
    assert made.machine.snapshot().late_timers == 0


def test_an_advert_read_late_does_not_put_off_the_look_at_the_clock() -> None:
    """The next two adverts are slept over at once, and two are enough where `down_timer_adverts` is 2."""
    made = bench(down_adverts=2)
    made.hear_every_second(3, 200)
    made.wait(0.9)
    made.sleep(0.4)
    made.hear(200, age=0.3)
    made.wait(0.5)
    made.sleep(1.21)
    made.tell(Timeout())
    made.wait(0.9)
    assert made.is_in(VrrpState.BACKUP)


def test_one_stop_over_two_uneven_adverts_is_noticed_where_two_are_enough() -> None:
    """The active's process is busy: its adverts leave up to half an interval late, so two are closer together."""
    made = bench(down_adverts=2)
    made.hear_every_second(3, 200)
    made.wait(1.4)
    made.hear(200)
    made.wait(0.7)
    made.sleep(0.95)
    made.tell(Timeout())
    made.wait(1.3)
    assert made.is_in(VrrpState.BACKUP)
    assert made.machine.snapshot().late_timers == 1


def test_nobody_is_busy_for_half_an_interval() -> None:
    made = bench()
    made.wait(DOWN - 0.05)
    began = made.now + 0.06
    made.sleep(0.6)
    made.tell(Timeout(awake_since=began))
    assert made.is_in(VrrpState.BACKUP)


def test_one_that_is_always_late_takes_over_some_time() -> None:
    made = bench()
    for _ in range(30):
        made.sleep(0.7)
        made.tell(Timeout())
    assert made.is_in(VrrpState.MASTER)
    assert made.machine.snapshot().late_timers == PATIENCE


def test_one_that_is_always_late_still_notices_a_long_stop() -> None:
    made = bench()
    for seconds in (*[0.7] * 12, 10.0):
        made.sleep(seconds)
        made.tell(Timeout())
    assert made.is_in(VrrpState.BACKUP)
    assert made.machine.snapshot().late_timers == PATIENCE + 1


def test_a_late_timer_is_no_reason_to_wait_for_long_when_the_active_stops() -> None:
    made = bench()
    made.hear_every_second(5, 200)
    made.sleep(10.0)
    made.tell(Timeout())
    woke = made.now - 1000
    made.wait(0.5)
    made.hear(0)
    made.wait(2)
    assert made.entered(VrrpState.MASTER) - woke == pytest.approx(DOWN - 2)


def test_lateness_is_counted_and_said() -> None:
    made = bench()
    made.sleep(10)
    did = made.tell(Timeout())
    assert [c.notice for c in did if isinstance(c, Noticed)] == [Notice.TIMER_LATE]
    assert made.machine.snapshot().late_timers == 1


def test_watching_the_clock_costs_a_backup_nothing_while_there_is_an_active() -> None:
    made = bench()
    made.hear_every_second(5, 200)
    assert made.machine.deadline() - made.now == pytest.approx(WATCH)


def fast_active(machine: type[Machine] = Machine) -> Machine:
    """Active with an advert every 10 ms, and all of them sent in time until now."""
    made = machine(dataclasses.replace(SETTINGS, version=3, interval=Seconds(0.01)))
    made.handle(Start(), 0.0)
    while made.deadline() < 1.0:
        made.handle(Timeout(), made.deadline())
    assert made.state is VrrpState.MASTER
    return made


def test_with_fast_adverts_an_active_that_any_machine_might_have_stopped_goes_on_at_once() -> None:
    """To stand back would make 70 ms of silence 110, and the other one's time come."""
    made = fast_active()
    did = made.handle(Timeout(), made.deadline() + 0.06)
    assert SendAdvert(SETTINGS.priority) in did
    assert (made.state, made.snapshot().late_timers) == (VrrpState.MASTER, 0)


def test_but_not_when_another_was_heard_meanwhile() -> None:
    made = fast_active()
    at = made.deadline() + 0.06
    heard = AdvertReceived(source=PEER, priority=Priority(90), interval=Seconds(0.01), received_at=at - 0.01)
    did = made.handle(heard, at)
    assert not any(isinstance(command, SendAdvert) for command in did)
    assert made.state is VrrpState.BACKUP


def test_nor_after_a_longer_stop() -> None:
    made = fast_active()
    did = made.handle(Timeout(), made.deadline() + FORGIVEN)
    assert not any(isinstance(command, SendAdvert) for command in did)
    assert (made.state, made.snapshot().late_timers) == (VrrpState.BACKUP, 1)
