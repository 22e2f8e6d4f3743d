# SPDX-License-Identifier: Apache-2.0
"""Starting processes with nothing but what they are given, and learning of their end."""

from __future__ import annotations

import os
import select
import signal
import sys

import pytest

from bascule.daemon.processes import Process, default_command, describe, spawn
from bascule.model.messages import Role

LIST = "import os, sys; open(int(sys.argv[1]), 'w').write(' '.join(sorted(os.listdir('/proc/self/fd'), key=int)))"


def ended(process: Process) -> int:
    poll = select.poll()
    poll.register(process.pidfd, select.POLLIN)
    assert poll.poll(10_000)
    status = process.reap()
    assert status is not None
    return status


def test_a_process_gets_only_what_it_inherits() -> None:
    reader, writer = os.pipe()
    secret, other = os.pipe()
    process = spawn([sys.executable, "-c", LIST, str(writer)], [writer])
    os.close(writer)
    assert ended(process) == 0
    descriptors = {int(word) for word in os.read(reader, 999).split()}
    assert {0, 1, 2, writer} <= descriptors
    assert not {reader, secret, other} & descriptors
    for descriptor in (reader, secret, other):
        os.close(descriptor)


def test_a_process_has_its_own_session_and_default_signals() -> None:
    program = (
        "import os, signal, sys;"
        "sys.exit(0 if os.getsid(0) == os.getpid() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL else 1)"
    )
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert ended(spawn([sys.executable, "-c", program], [])) == 0
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_running_process_is_not_reaped_and_a_killed_one_says_by_what() -> None:
    process = spawn([sys.executable, "-c", "import time; time.sleep(60)"], [])
    assert process.reap() is None
    process.kill()
    assert ended(process) == -signal.SIGKILL


def test_killing_what_has_ended_is_no_error() -> None:
    process = spawn([sys.executable, "-c", ""], [])
    select.select([process.pidfd], [], [], 10)
    process.kill()
    assert ended(process) == 0


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "ended"), (3, "refused"), (70, "ended by a defect"), (5, "ended with status 5"), (-9, "killed by SIGKILL")],
)
def test_statuses_in_words(status: int, words: str) -> None:
    assert describe(status) == words


def test_the_program_of_a_role() -> None:
    assert list(default_command(Role.VRRP)) == [sys.executable, "-m", "bascule.daemon.roles", "vrrp"]
