# SPDX-License-Identifier: Apache-2.0
"""A named pipe: whole lines, a reader that comes late, one that never comes."""

from __future__ import annotations

import os
import pathlib
import pwd
import select
import stat

import pytest

from bascule.linux.identities import Identity, ScriptRefusedError, identity
from bascule.notify.fifo import FifoWriter

ME = Identity(name="me", uid=os.getuid(), gid=os.getgid(), groups=())
LINE = b'INSTANCE "VI_1" MASTER 100\n'


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "fifo"


def test_lines_wait_for_a_reader_that_comes_later(path: pathlib.Path) -> None:
    fifo = FifoWriter(str(path), ME)
    assert fifo.write(LINE)
    assert fifo.write(LINE)
    with path.open("rb", buffering=0) as reader:
        assert reader.read(1000) == LINE * 2
    assert (fifo.written, fifo.lost) == (2, 0)
    fifo.close(remove=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_reader_nothing_blocks_and_losses_are_counted(path: pathlib.Path) -> None:
    fifo = FifoWriter(str(path), ME)
    for _ in range(10_000):
        fifo.write(LINE)
    assert fifo.lost > 0
    assert fifo.written + fifo.lost == 10_000
    with path.open("rb", buffering=0) as reader:
        waiting = b""
        while select.select([reader], [], [], 0)[0]:
            waiting += reader.read(65536)
    assert waiting == LINE * fifo.written, "whole lines only"
    assert fifo.write(LINE), "there is room again"
    fifo.close(remove=False)


def test_a_line_that_could_be_torn_is_not_written(path: pathlib.Path) -> None:
    fifo = FifoWriter(str(path), ME)
    assert not fifo.write(b"x" * (select.PIPE_BUF + 1))
    assert fifo.lost == 1
    fifo.close(remove=True)


def test_one_that_is_there_is_used_and_left(path: pathlib.Path) -> None:
    os.mkfifo(path, 0o622)
    before = path.stat()
    FifoWriter(str(path), ME).close(remove=True)
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)


def test_one_that_was_made_here_goes_if_it_is_to_go(path: pathlib.Path) -> None:
    FifoWriter(str(path), ME).close(remove=True)
    assert not path.exists()
    gone = FifoWriter(str(path), ME)
    path.unlink()
    gone.close(remove=True)


def test_what_is_no_pipe_is_not_written_to(path: pathlib.Path) -> None:
    path.write_text("precious")
    with pytest.raises(ScriptRefusedError, match="something else is there"):
        FifoWriter(str(path), ME)
    assert path.read_text() == "precious"
    with pytest.raises(ScriptRefusedError, match="No such file or directory"):
        FifoWriter(str(path.parent / "no" / "fifo"), ME)
    (path.parent / "link").symlink_to("/etc/passwd")
    with pytest.raises(ScriptRefusedError, match=r"symbolic links|something else"):
        FifoWriter(str(path.parent / "link"), ME)


@pytest.mark.root
def test_it_belongs_to_its_user(path: pathlib.Path) -> None:
    FifoWriter(str(path), identity("nobody", "daemon")).close(remove=False)
    assert (path.stat().st_uid, path.stat().st_gid) == (pwd.getpwnam("nobody").pw_uid, 1)
