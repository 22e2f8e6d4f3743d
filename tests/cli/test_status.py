# SPDX-License-Identifier: Apache-2.0
"""`bascule status`, for people and as JSON; with nobody there, status 3 and one line."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from click.testing import CliRunner

from bascule.cli.status import status
from bascule.daemon import client
from bascule.errors import BasculeError
from bascule.model.base import from_json
from bascule.model.control import ControlReply
from bascule.model.messages import Role
from bascule.model.status import DirectorStatus, RoleStatus

STATUS = DirectorStatus(
    version="1",
    files=("a.conf",),
    generation=1,
    started=1.0,
    roles=(RoleStatus(role=Role.SUPERVISOR, pid=1, running=True, since=1.0),),
)


def test_json_is_the_struct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ask", lambda _run_dir, _verb: ControlReply(ok=True, status=STATUS))
    result = CliRunner().invoke(status, ["--json"])
    assert result.exit_code == 0
    assert from_json(result.stdout_bytes, DirectorStatus) == STATUS


def test_text_is_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ask", lambda _run_dir, _verb: ControlReply(ok=True, status=STATUS))
    assert CliRunner().invoke(status, []).output.startswith("bascule 1, up ")


def test_no_status_is_said_in_the_directors_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ask", lambda _run_dir, _verb: ControlReply(ok=False, text="busy"))
    result = CliRunner().invoke(status, [])
    assert isinstance(result.exception, BasculeError)
    assert str(result.exception) == "busy"


def test_the_run_directory_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    asked: list[pathlib.Path] = []

    def ask(run_dir: pathlib.Path, _verb: object) -> ControlReply:
        asked.append(run_dir)
        return ControlReply(ok=True, status=STATUS)

    monkeypatch.setattr(client, "ask", ask)
    monkeypatch.setenv("BASCULE_RUN_DIR", str(tmp_path))
    CliRunner().invoke(status, ["--json"])
    CliRunner().invoke(status, ["--json", "--run-dir", "/other"])
    assert asked == [tmp_path, pathlib.Path("/other")]


def test_with_nobody_there_one_line_and_3(tmp_path: pathlib.Path) -> None:
    program = "import sys; from bascule.cli import main; main()"
    command = [sys.executable, "-c", program, "status", "--run-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"bascule: no director runs with {tmp_path}\n"
