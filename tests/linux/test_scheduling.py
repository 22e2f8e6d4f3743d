# SPDX-License-Identifier: Apache-2.0
"""Being on time, or a reason why not; in processes of their own, as it cannot be taken back."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from bascule.linux import scheduling


def run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.splitlines()


@pytest.mark.root
def test_realtime_is_this_process_and_not_its_children() -> None:
    said, policy, priority, child = run(
        "import os, subprocess, sys\nfrom bascule.linux import scheduling\n"
        "print(scheduling.make_realtime(scheduling.PRIORITY_VRRP))\n"
        "print(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR)\n"
        "print(os.sched_getparam(0).sched_priority, flush=True)\n"
        "subprocess.run([sys.executable, '-c', 'import os; print(os.sched_getscheduler(0) == os.SCHED_OTHER)'])"
    )
    assert (said, policy, priority, child) == ("None", "True", str(scheduling.PRIORITY_VRRP), "True")


@pytest.mark.root
def test_memory_is_locked_as_it_is_touched() -> None:
    said, locked = run(
        "from bascule.linux import scheduling\nprint(scheduling.lock_memory())\n"
        "print(next(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmLck')))"
    )
    assert said == "None"
    assert int(locked) > 0


@pytest.mark.root
def test_a_refusal_is_a_reason_in_words() -> None:
    realtime, memory = run(
        "import os, resource\nfrom bascule.linux import scheduling\n"
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0)); resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))\n"
        "os.setuid(65534)\n"
        "print(scheduling.make_realtime(50))\nprint(scheduling.lock_memory())"
    )
    assert realtime == "no realtime scheduling: Operation not permitted"
    assert memory.startswith("memory not locked: ")


def test_the_supervisor_stands_below_the_role_that_speaks() -> None:
    assert 0 < scheduling.PRIORITY_SUPERVISOR < scheduling.PRIORITY_VRRP < 99


def test_what_lives_is_out_of_the_collectors_sight() -> None:
    try:
        scheduling.freeze_collector()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
