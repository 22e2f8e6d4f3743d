# SPDX-License-Identifier: Apache-2.0
"""Order: one change at a time for a subject, the newest never lost, nobody delayed by another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.model.scripts import Script
from bascule.notify.changes import Step
from bascule.notify.errands import Errand, Errands
from bascule.notify.tasks import Tasks


def step(name: str) -> Step:
    return (Script(command=(name,)), ())


class Stage:
    """Programs that end when the test says so."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.skipped: list[str] = []
        self.done: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.tasks = Tasks()
        self.errands = Errands(self.tasks, self.execute, lambda errand: self.skipped.append(errand.label))

    async def execute(self, what: Step, label: str) -> None:
        name = what[0].command[0]
        self.ran.append(f"{label}:{name}")
        if name in self.gates:
            await self.gates[name].wait()

    def add(self, subject: str, label: str, *names: str, minor: bool = False) -> None:
        steps = tuple(map(step, names or ("x",)))
        done = lambda: self.done.append(label)  # noqa: E731
        self.errands.add(Errand(subject=(subject,), label=label, steps=steps, minor=minor, done=done))

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


def play(scene: Callable[[Stage], Awaitable[None]]) -> Stage:
    async def main() -> Stage:
        stage = Stage()
        await scene(stage)
        await stage.tasks.close()
        return stage

    return asyncio.run(main())


def test_the_steps_of_a_change_run_in_turn() -> None:
    async def scene(stage: Stage) -> None:
        stage.add("A", "MASTER", "notify_master", "notify")
        await stage.settle()

    stage = play(scene)
    assert stage.ran == ["MASTER:notify_master", "MASTER:notify"]
    assert stage.done == ["MASTER"]


def test_a_subject_s_next_change_waits_and_of_several_the_newest_is_run() -> None:
    async def scene(stage: Stage) -> None:
        stage.gates["slow"] = asyncio.Event()
        stage.add("A", "1", "slow", "then")
        await stage.settle()
        for label in ("2", "3", "4"):
            stage.add("A", label)
        await stage.settle()
        assert stage.ran == ["1:slow"]
        assert len(stage.errands) == 2
        assert stage.errands.under_way == ("1",)
        stage.gates["slow"].set()
        await stage.settle()

    stage = play(scene)
    assert stage.ran == ["1:slow", "1:then", "4:x"]
    assert stage.skipped == ["2", "3"]
    assert stage.done == ["1", "4"]
    assert len(stage.errands) == 0


def test_a_subject_that_hangs_delays_no_other() -> None:
    async def scene(stage: Stage) -> None:
        stage.gates["hangs"] = asyncio.Event()
        stage.add("A", "A1", "hangs")
        stage.add("B", "B1")
        stage.add("C", "C1")
        await stage.settle()
        assert stage.done == ["B1", "C1"]
        stage.gates["hangs"].set()

    play(scene)


def test_what_is_no_change_of_state_gives_way() -> None:
    async def scene(stage: Stage) -> None:
        stage.gates["slow"] = asyncio.Event()
        stage.add("A", "1", "slow")
        await stage.settle()
        stage.add("A", "minor 1", minor=True)
        stage.add("A", "2")
        stage.add("A", "minor 2", minor=True)
        stage.gates["slow"].set()
        await stage.settle()

    stage = play(scene)
    assert stage.done == ["1", "2"]
    assert stage.skipped == ["minor 1", "minor 2"]


def test_the_end_waits_for_what_runs_and_waits() -> None:
    async def scene(stage: Stage) -> None:
        stage.gates["slow"] = asyncio.Event()
        stage.add("A", "1", "slow")
        stage.add("A", "2")
        await stage.settle()
        asyncio.get_running_loop().call_later(0.05, stage.gates["slow"].set)
        assert await stage.errands.finish(20.0) == ()

    assert play(scene).done == ["1", "2"]


def test_the_end_does_not_wait_for_ever_and_says_what_was_cut_off() -> None:
    async def scene(stage: Stage) -> None:
        stage.gates["hangs"] = asyncio.Event()
        stage.add("A", "1", "hangs")
        stage.add("A", "2")
        stage.add("B", "3")
        assert await stage.errands.finish(0.1) == ("1", "2")
        assert await stage.errands.finish(0.1) == ()

    assert play(scene).done == ["3"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.booleans(), st.integers(0, 3)), max_size=40))
def test_every_subject_ends_in_its_last_state_and_never_runs_two_at_once(
    orders: list[tuple[str, bool, int]],
) -> None:
    async def main() -> None:
        running: set[str] = set()
        ran: list[str] = []

        async def execute(what: Step, label: str) -> None:
            assert label[0] not in running
            running.add(label[0])
            for _ in range(int(what[0].command[0])):
                await asyncio.sleep(0)
            running.discard(label[0])
            ran.append(label)

        tasks = Tasks()
        errands = Errands(tasks, execute, lambda _: None)
        for number, (subject, pause, length) in enumerate(orders):
            label = f"{subject}{number}"
            errands.add(Errand(subject=(subject,), label=label, steps=(step(str(length)),)))
            if pause:
                await asyncio.sleep(0)
        await errands.finish(20.0)
        await tasks.close()
        for subject in "ABC":
            given_to = [f"{s}{n}" for n, (s, _, _) in enumerate(orders) if s == subject]
            heard = [label for label in ran if label[0] == subject]
            assert heard[-1:] == given_to[-1:]
            assert heard == [label for label in given_to if label in heard], "in their order"

    asyncio.run(main())
