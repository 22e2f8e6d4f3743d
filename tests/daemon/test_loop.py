# SPDX-License-Identifier: Apache-2.0
"""The loop: timers in order, descriptors, signals, and callbacks that forget each other."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from bascule.daemon.loop import Loop


def test_timers_come_in_order_of_their_moment_and_of_their_asking() -> None:
    loop, seen = Loop(), []
    loop.after(0.02, lambda: seen.append("c"))
    loop.after(0.02, loop.stop)
    loop.after(0.01, lambda: seen.append("a"))
    loop.after(0.01, lambda: seen.append("b"))
    loop.run()
    assert seen == ["a", "b", "c"]
    assert loop.stopped


def test_a_cancelled_timer_never_comes() -> None:
    loop, seen = Loop(), []
    timer = loop.after(0.005, lambda: seen.append("no"))
    loop.after(0.02, loop.stop)
    timer.cancel()
    loop.run()
    assert seen == []


def test_a_loop_that_was_stopped_does_not_run() -> None:
    loop = Loop()
    loop.after(0.0, lambda: pytest.fail("ran"))
    loop.stop()
    loop.run()


def test_readable_and_writable_descriptors_call() -> None:
    loop, seen = Loop(), []
    ours, theirs = socket.socketpair()

    def readable() -> None:
        seen.append(ours.recv(10))
        loop.stop()

    def writable() -> None:
        seen.append(b"writable")
        loop.when_writable(ours.fileno(), None)
        theirs.send(b"hello")

    with ours, theirs:
        loop.watch(ours.fileno(), readable)
        loop.when_writable(ours.fileno(), writable)
        loop.when_writable(ours.fileno(), writable)
        loop.run()
    assert seen == [b"writable", b"hello"]


def test_a_descriptor_forgotten_in_the_same_round_is_not_called() -> None:
    loop, seen = Loop(), []
    pairs = [socket.socketpair(), socket.socketpair()]
    for _, theirs in pairs:
        theirs.send(b"x")

    def first_come(index: int) -> None:
        seen.append(index)
        loop.unwatch(pairs[1 - index][0].fileno())
        loop.stop()

    loop.watch(pairs[0][0].fileno(), lambda: first_come(0))
    loop.watch(pairs[1][0].fileno(), lambda: first_come(1))
    loop.run()
    assert len(seen) == 1
    for pair in pairs:
        for sock in pair:
            sock.close()


def test_signals_come_as_callbacks() -> None:
    loop, seen = Loop(), []

    def heard(number: signal.Signals) -> None:
        seen.append(number)
        loop.stop()

    before = signal.getsignal(signal.SIGUSR1)
    try:
        loop.on_signals([signal.SIGUSR1], heard)
        os.kill(os.getpid(), signal.SIGUSR1)
        loop.run()
    finally:
        descriptor = signal.set_wakeup_fd(-1)
        os.close(descriptor)
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]
