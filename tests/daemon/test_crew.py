# SPDX-License-Identifier: Apache-2.0
"""The crew over doubles: starting, hearing, losing, stopping by force."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from bascule.daemon.crew import Crew, Member, Start
from bascule.daemon.loop import Loop
from bascule.daemon.plans import Plan
from bascule.daemon.processes import Command
from bascule.model.base import pack
from bascule.model.configuration import Configuration
from bascule.model.messages import Message, Role, Started, StatusReply, StatusRequest, StopMode
from tests.daemon.director_with_doubles import double


class Chief:
    """Writes down what the crew reports."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.events: list[str] = []

    def hears(self, member: Member, message: Message, descriptor: int | None) -> None:
        assert descriptor is None
        self.heard.append(message)
        self.events.append(f"{member.role.value} says {type(message).__name__}")

    def lost(self, member: Member) -> None:
        self.events.append(f"{member.role.value} lost")

    def ended(self, member: Member, status: int) -> None:
        self.events.append(f"{member.role.value} ended {status}")


class Rig:
    """A crew of one kind of program."""

    def __init__(self, run_dir: pathlib.Path, command: Command) -> None:
        self.loop = Loop()
        self.chief = Chief()
        self.crew = Crew(self.loop, run_dir, (), command)
        self.crew.report_to(self.chief)
        self.plan = Plan.of(pack(Configuration()), 1)
        self._until: Callable[[], bool] = lambda: True

    def start(self, role: Role = Role.CHECKS) -> Member:
        return self.crew.start(role, Start(config_fd=self.plan.config_fd, generation=1))

    def run_until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, self.chief.events
            timer = self.loop.after(0.01, lambda: None)
            self.loop._step()
            timer.cancel()


@pytest.fixture
def rig(tmp_path: pathlib.Path) -> Iterator[Rig]:
    one = Rig(tmp_path, double)
    yield one
    for member in one.crew.members.values():
        member.process.kill()
    one.run_until(lambda: not one.crew.members)


def program(text: str) -> Command:
    return lambda _role: (sys.executable, "-c", text)


def test_a_role_starts_speaks_answers_and_ends(rig: Rig) -> None:
    member = rig.start()
    rig.run_until(lambda: Started(role=Role.CHECKS, generation=1) in rig.chief.heard)
    assert rig.crew.send(Role.CHECKS, StatusRequest(number=9))
    rig.run_until(lambda: any(isinstance(message, StatusReply) for message in rig.chief.heard))
    ended: list[bool] = []
    rig.crew.stop(Role.CHECKS, StopMode.STOP, 5.0, lambda: ended.append(True))
    rig.run_until(lambda: bool(ended))
    assert rig.chief.events[-2:] == ["checks lost", "checks ended 0"]
    assert not rig.crew.members
    assert not rig.crew.send(Role.CHECKS, StatusRequest(number=10))
    assert not rig.crew.send_to(member, StatusRequest(number=10))


def test_a_kill_is_reported_as_lost_at_once_and_then_as_ended(rig: Rig) -> None:
    member = rig.start()
    rig.run_until(lambda: bool(rig.chief.heard))
    begun = time.monotonic()
    member.process.kill()
    rig.run_until(lambda: "checks lost" in rig.chief.events)
    assert time.monotonic() - begun < 0.1
    rig.run_until(lambda: f"checks ended -{int(signal.SIGKILL)}" in rig.chief.events)
    assert rig.chief.events.count("checks lost") == 1


def test_a_role_that_will_not_end_is_killed(rig: Rig) -> None:
    member = rig.start()
    rig.run_until(lambda: bool(rig.chief.heard))
    os.kill(member.process.pid, signal.SIGSTOP)
    ended: list[bool] = []
    rig.crew.stop(Role.CHECKS, StopMode.STOP, 0.2, lambda: ended.append(True))
    rig.run_until(lambda: bool(ended))
    assert rig.chief.events[-1] == f"checks ended -{int(signal.SIGKILL)}"


def test_stopping_what_does_not_run_is_done_at_once(rig: Rig) -> None:
    ended: list[bool] = []
    rig.crew.stop(Role.VRRP, StopMode.STOP, 5.0, lambda: ended.append(True))
    assert ended == [True]


def test_a_role_that_speaks_another_language_is_killed(tmp_path: pathlib.Path) -> None:
    text = (
        "import os, socket, sys, time;"
        "fd = next(int(a.split('=')[1]) for a in sys.argv if a.startswith('--bus-fd'));"
        "socket.socket(fileno=fd).send(b'gibberish'); time.sleep(60)"
    )
    rig = Rig(tmp_path, program(text))
    rig.start()
    rig.run_until(lambda: not rig.crew.members)
    assert rig.chief.events == ["checks lost", f"checks ended -{int(signal.SIGKILL)}"]


def test_a_role_that_hangs_up_and_lives_on_is_killed(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bascule.daemon.crew.HANG_UP_GRACE", 0.2)
    text = (
        "import os, sys, time;"
        "os.close(next(int(a.split('=')[1]) for a in sys.argv if a.startswith('--bus-fd'))); time.sleep(60)"
    )
    rig = Rig(tmp_path, program(text))
    rig.start()
    rig.run_until(lambda: not rig.crew.members)
    assert rig.chief.events == ["checks lost", f"checks ended -{int(signal.SIGKILL)}"]


def test_what_a_slow_reader_does_not_take_waits_and_arrives(rig: Rig) -> None:
    member = rig.start()
    rig.run_until(lambda: bool(rig.chief.heard))
    os.kill(member.process.pid, signal.SIGSTOP)
    sent = 0
    while not member.bus.wants_write:
        rig.crew.send(Role.CHECKS, StatusRequest(number=sent))
        sent += 1
    os.kill(member.process.pid, signal.SIGCONT)

    def answers() -> int:
        return sum(isinstance(message, StatusReply) for message in rig.chief.heard)

    rig.run_until(lambda: answers() == sent, 30.0)
    assert not member.bus.wants_write
