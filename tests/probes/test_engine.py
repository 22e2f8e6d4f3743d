# SPDX-License-Identifier: Apache-2.0
"""The engine: many probes, their deadlines, and nothing left behind."""

from __future__ import annotations

import select
import socket

from bascule.probes.engine import Engine
from bascule.probes.probe import Result


class EchoProbe:
    """Ends when it has read `end`; asks to be woken again for anything else."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.closed = 0
        self.events = select.EPOLLIN

    def fileno(self) -> int:
        return self.ours.fileno()

    def ready(self) -> Result | None:
        text = self.ours.recv(100).decode()
        return Result(passed=True, why=text) if text == "end" else None

    def expired(self) -> Result:
        return Result(passed=False, why="late")

    def close(self) -> None:
        self.closed += 1
        self.ours.close()
        self.theirs.close()


def test_a_probe_ends_when_it_says_so_and_is_closed_once() -> None:
    engine: Engine[str] = Engine()
    probe, other = EchoProbe(), EchoProbe()
    engine.start("one", probe, 10.0)
    engine.start("two", other, 20.0)
    assert engine.collect(1.0) == []
    probe.theirs.send(b"more")
    assert select.select([engine], [], [], 1.0)[0]
    assert engine.collect(2.0) == []
    probe.theirs.send(b"end")
    assert engine.collect(3.0) == [("one", Result(passed=True, why="end"))]
    assert (probe.closed, other.closed, len(engine)) == (1, 0, 1)
    assert engine.deadline() == 20.0
    engine.close()
    assert other.closed == 1


def test_a_deadline_ends_a_probe_and_the_earliest_comes_first() -> None:
    engine: Engine[int] = Engine()
    assert engine.deadline() is None
    for number in (3, 1, 2):
        engine.start(number, EchoProbe(), float(number))
    assert engine.deadline() == 1.0
    assert engine.collect(0.5) == []
    assert [token for token, result in engine.collect(2.0) if not result.passed] == [1, 2]
    assert engine.deadline() == 3.0
    engine.close()


def test_an_answer_that_waits_is_believed_although_we_look_too_late() -> None:
    engine: Engine[str] = Engine()
    probe = EchoProbe()
    engine.start("one", probe, 1.0)
    probe.theirs.send(b"end")
    assert engine.collect(1000.0) == [("one", Result(passed=True, why="end"))]
    engine.close()


def test_a_cancelled_probe_has_no_result() -> None:
    engine: Engine[str] = Engine()
    probe = EchoProbe()
    engine.start("one", probe, 1.0)
    engine.cancel("one")
    engine.cancel("one")
    assert (probe.closed, len(engine), engine.deadline()) == (1, 0, None)
    assert engine.collect(100.0) == []
    engine.close()


def test_many_probes_end_in_one_collection() -> None:
    engine: Engine[int] = Engine()
    probes = [EchoProbe() for _ in range(250)]
    for token, probe in enumerate(probes):
        engine.start(token, probe, 100.0)
        probe.theirs.send(b"end")
    assert {token for token, _ in engine.collect(0.0)} == set(range(len(probes)))
    assert len(engine) == 0
    engine.close()
