# SPDX-License-Identifier: Apache-2.0
"""`reload`, `restart` and `stop` say what the director says, and exit by it."""

from __future__ import annotations

import pathlib

import click
import pytest
from click.testing import CliRunner

from bascule.cli import control
from bascule.daemon import client
from bascule.daemon.client import NotRunningError
from bascule.model.control import ControlReply, Verb
from bascule.model.diagnostic import Diagnostic, Severity

FINDING = Diagnostic(
    severity=Severity.FATAL, code="c", file="a.conf", line=3, column=1, end_column=2, message="wrong", source="x"
)


def answer(monkeypatch: pytest.MonkeyPatch, reply: ControlReply) -> list[tuple[pathlib.Path, Verb]]:
    asked: list[tuple[pathlib.Path, Verb]] = []

    def ask(run_dir: pathlib.Path, verb: Verb) -> ControlReply:
        asked.append((run_dir, verb))
        return reply

    monkeypatch.setattr(client, "ask", ask)
    return asked


@pytest.mark.parametrize(
    ("command", "verb"),
    [(control.reload, Verb.RELOAD), (control.restart, Verb.RESTART), (control.stop, Verb.STOP)],
)
def test_each_verb_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, command: click.Command, verb: Verb, tmp_path: pathlib.Path
) -> None:
    asked = answer(monkeypatch, ControlReply(ok=True, text="done"))
    result = CliRunner().invoke(command, ["--run-dir", str(tmp_path)])
    assert (result.exit_code, result.output) == (0, "bascule: done\n")
    assert asked == [(tmp_path, verb)]
    assert command.name == verb.value


def test_a_failure_shows_what_was_found_and_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, ControlReply(ok=False, text="nothing is changed", diagnostics=(FINDING,)))
    result = CliRunner().invoke(control.reload, [])
    assert result.exit_code == 1
    assert "a.conf:3:1: fatal: wrong" in result.output
    assert result.output.endswith("bascule: nothing is changed\n")


def test_nobody_there_is_the_clients_error(tmp_path: pathlib.Path) -> None:
    result = CliRunner().invoke(control.stop, ["--run-dir", str(tmp_path)])
    assert isinstance(result.exception, NotRunningError)
