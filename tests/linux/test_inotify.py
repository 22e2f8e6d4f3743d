# SPDX-License-Identifier: Apache-2.0
"""Folders whose files change, by the real kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.lab.waiting import wait_for
from bascule.linux.inotify import Folders


@pytest.fixture
def folders() -> Iterator[Folders]:
    made = Folders()
    yield made
    made.close()


def heard(folders: Folders, path: Path) -> None:
    """Wait until a change of `path` was heard."""
    wait_for(lambda: path in folders.receive()[0], 5.0, f"a change of {path}")


def test_a_file_that_is_written_replaced_and_removed(folders: Folders, tmp_path: Path) -> None:
    path = tmp_path / "f"
    assert folders.watch(tmp_path)
    assert folders.watch(tmp_path)
    assert folders.receive() == (frozenset(), True)
    path.write_text("1")
    heard(folders, path)
    (tmp_path / "g").write_text("2")
    (tmp_path / "g").rename(path)
    heard(folders, path)
    path.unlink()
    heard(folders, path)


def test_a_folder_that_is_not_there_or_no_folder_is_not_watched(folders: Folders, tmp_path: Path) -> None:
    assert not folders.watch(tmp_path / "none")
    (tmp_path / "f").write_text("")
    assert not folders.watch(tmp_path / "f")
    assert folders.watched == frozenset()


def test_a_folder_that_goes_is_said_and_forgotten(folders: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    assert folders.watch(folder)
    folder.rmdir()
    wait_for(lambda: not folders.receive()[1], 5.0, "the end of the folder")
    assert folders.watched == frozenset()


def test_what_is_forgotten_is_not_heard(folders: Folders, tmp_path: Path) -> None:
    assert folders.watch(tmp_path)
    folders.forget(tmp_path)
    (tmp_path / "f").write_text("1")
    assert tmp_path / "f" not in folders.receive()[0]
