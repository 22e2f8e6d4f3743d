# SPDX-License-Identifier: Apache-2.0
"""Who owns a lab, and whether that owner lives. Taking down whole labs is in test_network."""

from __future__ import annotations

import fcntl
import os
import pathlib
import subprocess

import pytest

from bascule.lab import janitor


def test_this_process_is_alive_and_its_number_with_another_start_is_not() -> None:
    pid, _, started = janitor.owner().partition("-")
    assert pid == str(os.getpid())
    assert janitor.alive(janitor.owner())
    assert not janitor.alive(f"{pid}-{int(started) + 1}")
    assert not janitor.alive("nonsense")


def test_an_ended_process_is_dead() -> None:
    child = subprocess.Popen(["true"])
    child.wait(5)
    assert not janitor.alive(f"{child.pid}-1")


@pytest.mark.root
def test_a_dead_owners_folder_goes_and_a_living_ones_stays(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janitor, "FOLDER", tmp_path)
    for name in ("1-1", janitor.owner()):
        (tmp_path / name / "d1").mkdir(parents=True)
    assert "1-1" in janitor.sweep()
    assert [entry.name for entry in tmp_path.iterdir()] == [janitor.owner()]


@pytest.mark.root
def test_two_do_not_sweep_at_once(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janitor, "FOLDER", tmp_path)
    (tmp_path / "1-1").mkdir()
    lock = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert janitor.sweep() == ()
        assert (tmp_path / "1-1").exists()
    finally:
        os.close(lock)
    assert "1-1" in janitor.sweep()
    assert list(tmp_path.iterdir()) == []
