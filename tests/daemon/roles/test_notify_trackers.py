# SPDX-License-Identifier: Apache-2.0
"""Track scripts at their intervals: real programs, and what is told of them."""

from __future__ import annotations

import asyncio
import os
import pathlib
from collections.abc import Callable

from bascule.daemon.log import Log
from bascule.daemon.roles.notify_trackers import NOT_STARTED, Trackers
from bascule.lab.waiting import come
from bascule.model.base import Seconds
from bascule.model.messages import ScriptVerdict
from bascule.model.scripts import Script, ScriptSettings
from bascule.model.tracking import TrackScript
from bascule.notify.programs import Programs
from bascule.notify.tasks import Tasks

ME = "root" if os.geteuid() == 0 else str(os.geteuid())


def shell(code: str, name: str = "chk", **values: object) -> TrackScript:
    settings: dict[str, object] = {"interval": Seconds(0.05), "timeout": Seconds(20.0), **values}
    return TrackScript(name=name, run=Script(command=("/bin/sh", "-c", code)), **settings)  # type: ignore[arg-type]


class Bench:
    """Trackers, and what they tell."""

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.told: list[ScriptVerdict] = []
        self.trackers = Trackers(self.tasks, self.told.append, Log("notify"))

    def configure(self, *scripts: TrackScript, user: str = ME) -> None:
        self.trackers.configure(scripts, Programs(ScriptSettings(user=user), print))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        await come(condition, 20, what)

    def results(self, name: str = "chk") -> list[tuple[bool, int, int]]:
        return [(each.up, each.status, each.runs) for each in self.told if each.script == name]

    def runs(self) -> int:
        return self.trackers.status()[0].runs


def play(scene: Callable[[Bench], object]) -> Bench:
    async def main() -> Bench:
        bench = Bench()
        try:
            await scene(bench)  # type: ignore[misc]
        finally:
            bench.trackers.close()
            await bench.tasks.close()
        return bench

    return asyncio.run(main())


def test_the_first_result_and_each_change_of_status_is_told(tmp_path: pathlib.Path) -> None:
    answer = tmp_path / "status"
    answer.write_text("0")

    async def scene(bench: Bench) -> None:
        bench.configure(shell(f"exit $(cat {answer})"))
        await bench.until(lambda: bench.runs() >= 3, "three runs")
        assert bench.results() == [(True, 0, 1)]
        for status in ("1", "2", "0"):
            (tmp_path / "new").write_text(status)
            (tmp_path / "new").rename(answer)
            await bench.until(lambda status=status: bench.told[-1].status == int(status), f"status {status}")  # type: ignore[misc]

    bench = play(scene)
    assert [(up, status) for up, status, _ in bench.results()] == [(True, 0), (False, 1), (False, 2), (True, 0)]
    assert bench.told[1].why == "exited with status 1"


def test_runs_are_told_until_rise_or_fall_is_reached() -> None:
    async def scene(bench: Bench) -> None:
        bench.configure(shell("exit 0", rise=3), shell("exit 1", name="bad", fall=2))
        await bench.until(lambda: all(each.runs > 3 for each in bench.trackers.status()), "four runs")

    bench = play(scene)
    assert bench.results() == [(True, 0, 1), (True, 0, 2), (True, 0, 3)]
    assert bench.results("bad") == [(False, 1, 1), (False, 1, 2)]


def test_a_script_never_runs_beside_itself(tmp_path: pathlib.Path) -> None:
    lock, log = tmp_path / "lock", tmp_path / "log"
    log.touch()
    code = f"mkdir {lock} || echo twice >> {log}; sleep 0.2; rmdir {lock}; echo ran >> {log}"

    async def scene(bench: Bench) -> None:
        bench.configure(shell(code))
        await bench.until(lambda: bench.runs() >= 3, "three runs")

    play(scene)
    assert "twice" not in log.read_text()


def test_one_that_takes_too_long_is_down_and_tried_again() -> None:
    async def scene(bench: Bench) -> None:
        bench.configure(shell("trap 'exit 0' TERM; while :; do sleep 0.05; done", timeout=Seconds(0.3)))
        await bench.until(lambda: bench.runs() >= 2, "two runs")

    bench = play(scene)
    (told,) = bench.told
    assert (told.up, told.status, told.why) == (False, -1, "timed out after 0.3 s")


def test_one_that_hangs_delays_no_other() -> None:
    async def scene(bench: Bench) -> None:
        bench.configure(shell("sleep 60", name="hangs", timeout=Seconds(60.0)), shell("exit 0"))
        await bench.until(lambda: bench.trackers.status()[1].runs >= 3, "three runs of the other")
        assert bench.trackers.status()[0].running_since is not None
        assert bench.trackers.status()[0].up is None

    play(scene)


def test_one_that_cannot_run_counts_for_nothing_as_in_keepalived() -> None:
    async def scene(bench: Bench) -> None:
        bench.configure(TrackScript(name="gone", run=Script(command=("/no/such/program",))))
        assert bench.trackers.status() == ()
        words = "vrrp_script gone counts for nothing: /no/such/program cannot be run: No such file or directory"
        assert bench.trackers.notes == (words,)

    assert play(scene).told == []


def test_one_that_vanishes_later_is_down(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "check"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)

    async def scene(bench: Bench) -> None:
        bench.configure(TrackScript(name="chk", run=Script(command=(str(path),)), interval=Seconds(0.05)))
        await bench.until(lambda: bench.results() == [(True, 0, 1)], "up")
        path.unlink()
        await bench.until(lambda: bench.told[-1].status == NOT_STARTED, "down")
        assert bench.told[-1].why == f"{path} cannot be run: No such file or directory"

    play(scene)


def test_a_reload_leaves_what_stays_and_ends_what_goes(tmp_path: pathlib.Path) -> None:
    alive = tmp_path / "alive"

    async def scene(bench: Bench) -> None:
        stays = shell("exit 0")
        bench.configure(stays, shell(f"echo $$ > {alive}; exec sleep 60", name="goes", timeout=Seconds(60.0)))
        await bench.until(lambda: bench.runs() >= 2 and alive.exists() and bool(alive.read_text()), "both")
        pid = int(alive.read_text())
        bench.configure(stays, shell("exit 4", name="new"))
        await bench.until(lambda: bench.results("new") == [(False, 4, 1)], "the new one")
        assert bench.runs() >= 2
        assert bench.results() == [(True, 0, 1)]
        await bench.until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "the end of the old one")

    play(scene)


def test_another_user_begins_it_anew() -> None:
    async def scene(bench: Bench) -> None:
        bench.configure(shell("exit 0"))
        await bench.until(lambda: len(bench.told) == 1, "a verdict")
        bench.configure(shell("exit 0"), user=str(os.getuid()))
        await bench.until(lambda: len(bench.told) == 2, "another")

    play(scene)
