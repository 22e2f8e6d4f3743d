# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

import pytest

from bascule.lab.metronome import Metronome
from bascule.lab.waiting import wait_for


@pytest.mark.root
def test_there_is_one_process_for_each_processor_and_none_afterwards(tmp_path: pathlib.Path) -> None:
    with Metronome(tmp_path) as metronome:
        files = sorted(tmp_path.iterdir())
        assert len(files) == len(os.sched_getaffinity(0))
        assert all(process.poll() is None for process in metronome.processes)
    assert all(process.poll() is not None for process in metronome.processes)


@pytest.mark.root
def test_a_processor_that_was_kept_busy_is_noticed(tmp_path: pathlib.Path) -> None:
    hog = (
        "import os, time; os.sched_setaffinity(0, {%d}); os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(60))\n"
        "end = time.monotonic() + 0.05\n"
        "while time.monotonic() < end: pass"
    )
    with Metronome(tmp_path) as metronome:
        processor = min(os.sched_getaffinity(0))

        def noticed() -> bool:
            begin = time.monotonic()
            subprocess.run([sys.executable, "-c", hog % processor], check=True, timeout=10)
            return metronome.late(begin, time.monotonic()) >= 0.03

        wait_for(noticed, 20, "the lateness of a processor that a higher priority took for 50 ms")


def test_only_what_was_late_at_that_time_counts(tmp_path: pathlib.Path) -> None:
    metronome = Metronome(tmp_path)
    for file in metronome.files:
        file.write_text("10.000000 0.020000\n20.000000 0.500000\n30.000000 0.0")
    assert metronome.late(5.0, 9.9) == 0.0
    assert metronome.late(5.0, 9.985) == 0.02
    assert metronome.late(10.0, 15.0) == 0.02
    assert metronome.late(10.1, 19.6) == 0.5
    assert metronome.late(21.0, 40.0) == 0.0
