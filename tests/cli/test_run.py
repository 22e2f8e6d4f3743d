# SPDX-License-Identifier: Apache-2.0
"""What the command line makes of `bascule run`."""

from __future__ import annotations

import os
import pathlib

import pytest
from click.testing import CliRunner

from bascule.cli.run import DEFAULT_FILE, DEFAULT_RUN_DIR, run
from bascule.daemon import director
from bascule.daemon.log import DEBUG_VARIABLE, Level, Log


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[director.Options]:
    """The options that the director was started with."""
    options: list[director.Options] = []

    def start(wanted: director.Options) -> int:
        options.append(wanted)
        return 7

    monkeypatch.setattr(director, "run", start)
    monkeypatch.setattr(Log, "threshold", Level.INFO)
    monkeypatch.setenv(DEBUG_VARIABLE, "")
    return options


def test_the_defaults_are_keepalived_s(given: list[director.Options]) -> None:
    assert CliRunner().invoke(run, []).exit_code == 7
    assert (given[0].files, given[0].run_dir) == ((DEFAULT_FILE,), DEFAULT_RUN_DIR)
    assert Log.threshold is Level.INFO


def test_several_files_stay_in_order_and_become_absolute(
    given: list[director.Options], monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(run, ["-f", "b.conf", "--file", "/a.conf", "--run-dir", "r", "--foreground", "--debug"])
    assert given[0].files == (tmp_path / "b.conf", pathlib.Path("/a.conf"))
    assert given[0].run_dir == tmp_path / "r"
    assert Log.threshold is Level.DEBUG
    assert os.environ[DEBUG_VARIABLE] == "1", "roles inherit it"
