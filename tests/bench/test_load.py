# SPDX-License-Identifier: Apache-2.0
"""The load is there during the block and nothing of it after."""

from __future__ import annotations

import os
import pathlib
import subprocess

from bascule.lab.waiting import wait_for
from bench import load


def _ticks(process: subprocess.Popen[bytes]) -> int:
    """Of processor time, its children's with it."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))


def _processors(process: subprocess.Popen[bytes]) -> frozenset[int]:
    return frozenset(os.sched_getaffinity(process.pid))


def test_every_processor_has_one_of_each_kind_which_works(tmp_path: pathlib.Path) -> None:
    processors = os.sched_getaffinity(0)
    alone = {frozenset({number}) for number in processors}
    with load.loaded(tmp_path) as running:
        assert len(running) == len(load.KINDS) * len(processors)
        wait_for(lambda: {_processors(each) for each in running} == alone, 60, "each to keep to its processor")
        begun = [_ticks(each) for each in running]
        wait_for(lambda: all(_ticks(e) > n for e, n in zip(running, begun, strict=True)), 60, "work of each")
        files = [tmp_path / f"load-{number}-writing" for number in processors]
        wait_for(lambda: all(file.exists() and file.stat().st_size for file in files), 60, "files that grow")
    assert all(each.poll() is not None for each in running)
