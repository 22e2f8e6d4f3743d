# SPDX-License-Identifier: Apache-2.0
"""One event, one line; never blocking."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import subprocess
import sys

import pytest

from bascule.daemon.log import LINE_MAX, Level, Log, as_line, head
from bascule.model.messages import Role

LIGHT = "asyncio", "rich", "pyroute2", "logging", "structlog", "socket"


def test_values_are_plain_where_they_can_be_and_quoted_where_they_must() -> None:
    fields: dict[str, object] = {
        "address": "192.168.2.240",
        "why": 'said "no"',
        "path": "C:\\x y",
        "nothing": None,
        "empty": "",
        "role_of": Role.VRRP,
        "seconds": 0.1 + 0.2,
        "lines": "a\nb",
    }
    assert as_line("vrrp", "e", fields) == (
        'role=vrrp event=e address=192.168.2.240 why="said \\"no\\"" path="C:\\\\x y" empty="" '
        'role_of=vrrp seconds=0.3 lines="a\\nb"'
    )


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    reader, writer = os.pipe()
    monkeypatch.setattr(Log, "descriptor", writer)
    return reader, writer


def test_each_level_says_its_name(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Log, "threshold", Level.DEBUG)
    log = Log("plane")
    for level in ("error", "warning", "notice", "info", "debug"):
        getattr(log, level)("tried", number=1)
        line = os.read(pipe[0], LINE_MAX).decode()
        time_form = r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        assert re.fullmatch(rf"{time_form} level={level} role=plane event=tried number=1\n", line)


def test_detail_is_left_out_unless_wanted(pipe: tuple[int, int]) -> None:
    log = Log("plane")
    log.debug("hidden")
    log.info("shown")
    assert os.read(pipe[0], LINE_MAX).decode().endswith("event=shown\n")


def test_under_systemd_lines_begin_with_the_journals_level(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("wb") as journal:
        found = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert head(Level.WARNING, journal.fileno()) == "<4>"
    with (tmp_path / "other").open("wb") as other:
        assert head(Level.WARNING, other.fileno()).startswith("time=")


def test_a_reader_that_does_not_read_blocks_nobody_and_hears_what_it_missed(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writer, b"x" * 4096):
            pass
    os.set_blocking(writer, True)
    log = Log("vrrp")
    for _ in range(3):
        log.info("lost")
    os.read(reader, 65536)
    log.info("heard")
    assert os.read(reader, 1 << 20).decode().splitlines()[-1].endswith("event=heard lines_lost_before=3")
    log.info("after")
    assert os.read(reader, LINE_MAX).decode().endswith("event=after\n")


def test_a_line_is_never_longer_than_a_pipe_takes_whole(pipe: tuple[int, int]) -> None:
    Log("vrrp").info("long", text="x" * 10_000)
    line = os.read(pipe[0], 20_000)
    assert len(line) == LINE_MAX
    assert line.endswith(b"x\n")


def test_a_closed_reader_is_no_error(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    Log("vrrp").info("nobody")


def test_the_log_brings_nothing_heavy_with_it() -> None:
    program = "import sys, bascule.daemon.log; print(*(m for m in sys.argv[1:] if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program, *LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
