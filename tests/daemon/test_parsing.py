# SPDX-License-Identifier: Apache-2.0
"""Reading in a child: bounded in time, and what goes wrong there is an error here."""

from __future__ import annotations

import os
import pathlib
import time

import pytest

from bascule.daemon import parsing
from bascule.daemon.loop import Loop
from bascule.daemon.parsed import Parsed
from bascule.errors import ConfigurationError
from tests.daemon.conftest import WHOLE


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "a.conf"
    path.write_text(WHOLE)
    return path


def test_now_and_later_find_the_same(file: pathlib.Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    now = parsing.read_now([file])
    loop = Loop()
    outcomes: list[parsing.Outcome] = []

    def ended(outcome: parsing.Outcome) -> None:
        outcomes.append(outcome)
        loop.stop()

    parsing.read_later(loop, [file], ended)
    loop.run()
    assert outcomes == [now]
    assert now.configuration is not None
    assert len(os.listdir("/proc/self/fd")) == before + 1, "the loop's own"


def test_a_file_without_end_is_given_up(tmp_path: pathlib.Path) -> None:
    endless = tmp_path / "endless"
    os.mkfifo(endless)
    begun = time.monotonic()
    with pytest.raises(ConfigurationError, match="reader killed by SIGKILL"):
        parsing.read_now([endless], deadline=1.0)
    assert time.monotonic() - begun < 3.0


def test_a_file_without_end_does_not_hold_the_loop(tmp_path: pathlib.Path) -> None:
    endless = tmp_path / "endless"
    os.mkfifo(endless)
    loop, ticks, outcomes = Loop(), [], list[parsing.Outcome]()
    loop.after(0.1, lambda: ticks.append(1))

    def ended(outcome: parsing.Outcome) -> None:
        outcomes.append(outcome)
        loop.stop()

    parsing.read_later(loop, [endless], ended, deadline=0.5)
    loop.run()
    assert ticks == [1]
    assert isinstance(outcomes[0], ConfigurationError)


def test_a_file_that_wants_all_memory_hurts_only_the_child(tmp_path: pathlib.Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as written:
        written.truncate(4 << 30)
    outcome: parsing.Outcome
    try:
        outcome = parsing.read_now([large], deadline=30.0)
    except ConfigurationError as error:
        outcome = error
    assert not isinstance(outcome, Parsed) or outcome.configuration is None
