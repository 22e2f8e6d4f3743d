# SPDX-License-Identifier: Apache-2.0
"""The fuzz run finds what fails, gets further than its seeds, and is the same each time."""

from __future__ import annotations

import itertools
import pathlib
import sys

import pytest

from tests.fuzz import fuzz

SEED = "vrrp_instance A {\n interface eth0\n}\n"


def test_the_same_number_is_the_same_run() -> None:
    first, second = ([text for text, _, _ in itertools.islice(fuzz.runs([SEED], 7), 12)] for _ in range(2))
    assert first == second
    assert len(set(first)) > 6


def test_texts_that_get_further_are_kept() -> None:
    steps = [known for _, _, known in itertools.islice(fuzz.runs([SEED], 1), 40)]
    assert steps[0] > 100
    assert steps[-1] > steps[0]


def test_what_raises_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(text: str) -> None:
        assert "~SEQ" not in text

    monkeypatch.setattr(fuzz, "check", refuse)
    monkeypatch.setattr(sys, "argv", ["fuzz", "--seconds", "100"])
    monkeypatch.chdir(tmp_path)
    assert fuzz.main() == 1
    assert "AssertionError" in capsys.readouterr().out
    (written,) = (tmp_path / "results" / "fuzz").iterdir()
    assert "~SEQ" in written.read_text("utf-8")


def test_too_many_steps_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "STEPS_FIXED", 10)
    monkeypatch.setattr(fuzz, "STEPS_PER_CHARACTER", 1)
    with pytest.raises(fuzz.TooManyStepsError):
        fuzz.steps_of(SEED)


def test_a_short_run_ends_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["fuzz", "--seconds", "0.2"])
    assert fuzz.main() == 0
    assert "no failure" in capsys.readouterr().out
