# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bascule.errors import KernelRefusedError
from bascule.linux.poll import Poll

BEYOND_SELECT = 1500
"""A descriptor that select(2) cannot wait for."""


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_can_be_read_and_written_is_told_apart(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    both = [ours.fileno(), theirs.fileno()]
    poll = Poll()
    assert poll.wait(both, [], 0) == (set(), set())
    assert poll.wait(both, both, 10) == (set(), set(both))
    theirs.send(b"x")
    assert poll.wait(both, [], 10) == ({ours.fileno()}, set())
    assert poll.wait(both, [ours.fileno()], 10) == ({ours.fileno()}, {ours.fileno()})
    ours.recv(1)
    assert poll.wait(both, [], 0) == (set(), set()), "what was found before is not found again"


def test_an_end_is_something_to_read(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.close()
    assert Poll().wait([ours.fileno()], [], 10) == ({ours.fileno()}, set())


def test_a_number_that_is_used_anew_is_waited_for(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    poll = Poll()
    first, second = socket.socketpair()
    number = first.fileno()
    assert poll.wait([number], [], 0) == (set(), set())
    first.close()
    second.close()
    os.dup2(ours.fileno(), number)
    try:
        theirs.send(b"x")
        assert poll.wait([number], [], 10) == ({number}, set())
    finally:
        os.close(number)


def test_descriptors_beyond_1024_are_waited_for(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, BEYOND_SELECT + 1), hard))
    try:
        os.dup2(ours.fileno(), BEYOND_SELECT)
        theirs.send(b"x")
        assert Poll().wait([BEYOND_SELECT], [], 10) == ({BEYOND_SELECT}, set())
    finally:
        os.close(BEYOND_SELECT)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_it_waits_no_shorter_than_asked_though_for_nobody() -> None:
    before = time.monotonic()
    assert Poll().wait([], [], 0.0105) == (set(), set())
    assert time.monotonic() - before >= 0.0105
    assert Poll().wait([], [], -1.0) == (set(), set())


def test_a_signal_ends_the_waiting() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: came.append(number))
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        assert Poll().wait([], [], 60) == (set(), set())
        assert came == [signal.SIGUSR1]
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


def test_what_the_kernel_refuses_is_said() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(KernelRefusedError, match=f"wait for {soft + 1} descriptors: Invalid argument"):
        Poll().wait([0] * (soft + 1), [], 0)
