# SPDX-License-Identifier: Apache-2.0
"""Tracked files: what counts of their contents, and that changes are heard of."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_files import AGAIN, Files, number_in, read
from bascule.lab.waiting import wait_for
from bascule.model.tracking import TrackFile


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"20\n", 20),
        (b" -7 and more", -7),
        (b"+3", 3),
        (b"abc", 0),
        (b"", 0),
        (b"1x", 1),
        (b"9" * 15, 2**31 - 1),
        (b"-" + b"9" * 15, -(2**31)),
        (b"\xff\xfe", 0),
    ],
)
def test_the_number_at_the_beginning_counts(content: bytes, number: int) -> None:
    assert number_in(content) == number


def test_what_is_no_readable_file_counts_as_0_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read(tmp_path / "pipe") == (0, "is no plain file, which counts as 0")
    assert read(tmp_path) == (0, "is no plain file, which counts as 0")
    assert read(tmp_path / "none") == (0, "is not there, which counts as 0")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert read(tmp_path / "loop")[1].startswith("cannot be read (")


class Seen(dict[str, int]):
    """The last number of each."""

    def report(self, name: str, number: int, why: str) -> None:
        assert why
        self[name] = number


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def files(seen: Seen) -> Iterator[Files]:
    made = Files(Log("test"), seen.report)
    yield made
    made.close()


def heard(files: Files, seen: Seen, name: str, number: int) -> None:
    """Wait for a reading as the role's loop does."""

    def came() -> bool:
        descriptor = files.fileno()
        assert descriptor is not None
        if select.select([descriptor], [], [], 0.05)[0]:
            files.readable(0.0)
        return seen.get(name) == number

    wait_for(came, 5.0, f"{name} to be {number}")


def test_changes_are_heard_of(files: Files, seen: Seen, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("1")
    files.configure((TrackFile(name="f", path=str(path)),), 0.0)
    assert seen == {"f": 1}
    assert files.deadline() == float("inf")
    path.write_text("2")
    heard(files, seen, "f", 2)
    path.unlink()
    heard(files, seen, "f", 0)
    (tmp_path / "new").write_text("5")
    (tmp_path / "new").rename(path)
    heard(files, seen, "f", 5)


def test_a_folder_that_comes_later_is_found(files: Files, seen: Seen, tmp_path: Path) -> None:
    path = tmp_path / "later" / "f"
    files.configure((TrackFile(name="f", path=str(path)),), 10.0)
    assert (seen, files.deadline()) == ({"f": 0}, 10.0 + AGAIN)
    path.parent.mkdir()
    path.write_text("4")
    files.timers(11.0)
    assert seen == {"f": 0}
    files.timers(12.0)
    assert (seen, files.deadline()) == ({"f": 4}, float("inf"))
    path.unlink()
    path.parent.rmdir()
    heard(files, seen, "f", 0)
    assert files.deadline() < float("inf")


def test_first_values_are_written_where_there_is_no_file_or_where_it_is_wanted(
    files: Files, seen: Seen, tmp_path: Path
) -> None:
    (tmp_path / "old").write_text("8")
    (tmp_path / "over").write_text("8")
    wanted = (
        TrackFile(name="new", path=str(tmp_path / "new"), init_value=3),
        TrackFile(name="old", path=str(tmp_path / "old"), init_value=3),
        TrackFile(name="over", path=str(tmp_path / "over"), init_value=3, overwrite=True),
        TrackFile(name="nowhere", path=str(tmp_path / "none" / "f"), init_value=3),
    )
    files.configure(wanted, 0.0)
    assert seen == {"new": 3, "old": 8, "over": 3, "nowhere": 0}
    (tmp_path / "over").write_text("9")
    files.configure(wanted, 1.0)
    assert seen["over"] == 9


def test_what_is_tracked_no_more_is_not_heard_of(files: Files, seen: Seen, tmp_path: Path) -> None:
    files.configure((TrackFile(name="f", path=str(tmp_path / "f")),), 0.0)
    files.configure((), 1.0)
    seen.clear()
    (tmp_path / "f").write_text("1")
    descriptor = files.fileno()
    assert descriptor is not None
    if select.select([descriptor], [], [], 0.1)[0]:
        files.readable(2.0)
    assert seen == {}
