# SPDX-License-Identifier: Apache-2.0
"""The simulator itself: a seed is a run, a failure is shown in its smallest form, what occurs is counted."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bascule.model.base import Priority, Seconds
from tests.simulation import replay, soak
from tests.simulation.crowd import Block, Outcome, outcomes
from tests.simulation.facts import Rule, down_interval, skew_time
from tests.simulation.generator import FAST, generate
from tests.simulation.group_runs import Broken
from tests.simulation.group_tally import Tally as GroupTally
from tests.simulation.mutants.catalogue import MUTANTS
from tests.simulation.plan import Kind
from tests.simulation.record import Record
from tests.simulation.runs import Finding, report, run, run_all, shrink
from tests.simulation.tally import Pace, Tally


@pytest.mark.parametrize("version", [2, 3])
def test_a_seed_is_a_schedule_and_a_run(version: int) -> None:
    assert generate(5, version) == generate(5, version)
    first, second = Record(), Record()
    run(generate(5, version), record=first)
    run(generate(5, version), record=second)
    assert first.lines == second.lines
    assert len(first.lines) > 100


def test_schedules_have_three_faults_and_version_3_is_fast_now_and_then() -> None:
    schedules = [generate(seed, 3) for seed in range(100)]
    assert all(3 <= len(schedule.faults) <= 25 for schedule in schedules)
    assert {len(schedule.routers) for schedule in schedules} == {2, 3, 4}
    assert sum(schedule.interval == FAST for schedule in schedules) == 10
    assert all(generate(seed).interval == Seconds(1.0) for seed in range(20))


def test_the_rules_know_the_rfcs_times() -> None:
    assert skew_time(2, Priority(100), Seconds(2.0)) == pytest.approx(156 / 256)
    assert skew_time(3, Priority(100), Seconds(0.1)) == pytest.approx(15.6 / 256)
    assert down_interval(2, Priority(254), Seconds(1.0)) == pytest.approx(3 + 2 / 256)


def test_a_failure_is_reported_in_its_smallest_form() -> None:
    subject = MUTANTS["no_farewell"].subject()
    finding = run_all(range(1000), 2, Tally(), subject)
    assert finding is not None
    assert finding.rule is Rule.NO_FAREWELL
    least, kept = shrink(finding, subject)
    assert len(kept) == 1
    assert least.schedule.faults[0].kind is Kind.STOP
    text = report(finding, subject)
    assert "INIT: stopped" in text
    assert f"tests.simulation.replay {finding.schedule.seed} --version 2 --faults {kept[0]}" in text
    assert f"Regression({finding.schedule.seed}, 2, ({kept[0]},)" in text


def test_a_chart_has_lanes_and_arrows() -> None:
    record = Record()
    record.note(0.5, 0, "MASTER: here")
    record.message(1.0, 0, 1, "priority 100")
    record.message(2.0, 1, 0, "lost", arrived=False)
    record.message(0.1, 0, 1, "long ago")
    head, note, arrow, lost = record.chart(["first", "second"], last=2.0, span=1.5).splitlines()
    assert (head.split(), note.split()) == (["first", "second"], ["0.5000", "|", "MASTER:", "here", "|"])
    assert "- priority 100 -" in arrow
    assert arrow.rstrip().endswith(">|")
    assert "|x" in lost


def test_a_tally_names_what_never_occurred() -> None:
    tally = Tally()
    assert f"fault: {Kind.LOSS.value}" in tally.missing()
    run_all(range(20), 2, tally)
    other = Tally()
    other.add(tally)
    assert other == tally
    assert f"fault: {Kind.PAUSE.value}" not in tally.missing()
    assert len(tally.lines()) > len(Kind)


def test_blocks_run_in_processes() -> None:
    found = list(outcomes(iter([Block(2, 0, 3), Block(3, 0, 2)]), processes=2))
    assert sorted(outcome.tally.schedules for outcome in found) == [2, 3]


def test_a_soak_ends_in_order_on_ctrl_c() -> None:
    """As a process of its own, which gets the signal when its bar shows the first schedules."""
    command = [sys.executable, "-u", "-m", "tests.simulation.soak"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "SCHEDULES": "1000000", "TTY_COMPATIBLE": "1"}
    ) as process:
        assert process.stdout is not None
        begin = b""
        while b"1000000" not in begin:
            begin += os.read(process.stdout.fileno(), 4096)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == soak.INTERRUPTED
    assert out.decode().splitlines()[-1].startswith("soak: interrupted: ")


def test_a_soak_ends_with_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULES", "5")
    monkeypatch.setenv("START", "3")
    assert soak.main() == 1, "so few schedules cannot show everything"
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("soak: 5 schedules in ")
    assert "every rule held; never occurred: fault: " in last


def test_a_soak_shows_how_far_it_is() -> None:
    out = io.StringIO()
    found = soak.Soaked()
    soak.soak(found, 4, 0, Console(file=out, force_terminal=True, width=100), processes=1)
    assert (found.tally.schedules, found.held) == (4, True)
    assert "4/4" in out.getvalue()


def one_outcome(finding: Finding | None = None, broken: Broken | None = None) -> Outcome:
    """Of a block in which a rule was broken."""
    return Outcome(Block(2, 0, 1), Tally(schedules=1), finding, GroupTally(), broken)


def test_a_soak_that_finds_something_shows_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = Finding(generate(7), Rule.TWO, 20.0, "20.0000 s: two")
    monkeypatch.setattr(soak, "outcomes", lambda *_: iter([one_outcome(finding), one_outcome()]))
    assert soak.main() == 1
    text = capsys.readouterr().out
    assert "MASTER: " in text, "a chart"
    assert "again: .venv/bin/python -m tests.simulation.replay 7 --version 2" in text
    assert "1 schedules" in text.splitlines()[-1]
    assert "seed 7 failed" in text.splitlines()[-1]
    monkeypatch.setattr(soak, "outcomes", lambda *_: iter([one_outcome(broken=Broken(5, 20.0, "a rule"))]))
    assert soak.main() == 1
    text = capsys.readouterr().out
    assert "again: .venv/bin/python -m tests.simulation.replay 5 --groups" in text
    assert "seed 5 of sync groups failed" in text.splitlines()[-1]


def test_an_interrupted_soak_says_what_it_has_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Iterator[Outcome]:
        signal.raise_signal(signal.SIGINT)
        yield one_outcome()

    monkeypatch.setattr(soak, "outcomes", interrupted)
    assert soak.main() == soak.INTERRUPTED
    assert "soak: interrupted: 1 schedules in " in capsys.readouterr().out.splitlines()[-1]


def test_speeds_are_of_one_core_and_apart() -> None:
    tally = Tally()
    run_all(range(10), 3, tally)
    assert sum(tally.paces.values()) == 10
    assert tally.paces[Pace.FAST] == 1
    assert tally.rate(Pace.USUAL) == tally.paces[Pace.USUAL] / tally.seconds[Pace.USUAL] > 0
    assert Tally().rate(Pace.FAST) == 0.0


def test_a_replay_shows_the_chart(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.main(["4", "--faults", "none", "--whole"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].startswith("- 0: Fault(")
    assert "priority" in out
    assert out.endswith("every rule held\n")
    assert replay.main(["4", "--groups"]) == 0
    out = capsys.readouterr().out
    assert "director 0 (" in out
    assert out.endswith("every rule held\n")


def test_every_fault_has_its_place_in_the_documentation(root: Path) -> None:
    text = " ".join((root / "docs" / "simulation.md").read_text(encoding="utf-8").split())
    assert [kind.value for kind in Kind if kind.value not in text] == []
    assert [rule.value for rule in Rule if rule.value not in text] == []
