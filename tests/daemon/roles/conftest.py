# SPDX-License-Identifier: Apache-2.0
"""A role's runner in a thread of the test, which is its supervisor: quick, and without a change of user. A group of
instances in a host.
"""

from __future__ import annotations

import os
import pathlib
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from bascule.daemon import memfd
from bascule.daemon.bus import Bus, BusClosedError
from bascule.daemon.context import RoleContext
from bascule.lab.network import Network
from bascule.lab.waiting import wait_for
from bascule.linux.netlink import Netlink
from bascule.model.base import from_json, pack
from bascule.model.configuration import Configuration
from bascule.model.messages import Configure, Message, StatusReply, StatusRequest, Stop
from tests.daemon.roles.group_bench import PAIR, Bench

M = TypeVar("M")

PATIENCE = 10.0
"""Seconds after which what has not come will not come."""


class Desk:
    """The supervisor's side of one role in a thread."""

    def __init__(self, role: Callable[[RoleContext], object], context: RoleContext, bus: Bus) -> None:
        self.messages: list[Message] = []
        self.bus = bus
        self._number = 0
        self._crash: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(role, context))
        self._thread.start()

    def _run(self, role: Callable[[RoleContext], object], context: RoleContext) -> None:
        try:
            role(context)
        except BaseException as error:
            self._crash = error
        finally:
            context.bus.close()

    def pump(self, seconds: float) -> bool:
        """Listen for at most so long; False at the end of the bus."""
        if select.select([self.bus], [], [], seconds)[0]:
            try:
                self.messages.extend(message for message, _ in self.bus.receive())
            except BusClosedError:
                return False
        return True

    def expect(self, kind: type[M], where: Callable[[M], bool] = lambda _: True, seconds: float = PATIENCE) -> M:
        """The first message of this kind, taken off the list, waiting for it."""
        end = time.monotonic() + seconds
        while True:
            for message in self.messages:
                if isinstance(message, kind) and where(message):
                    self.messages.remove(message)
                    return message
            left = end - time.monotonic()
            assert left > 0, f"no such {kind.__name__} within {seconds} s, but {self.messages}"
            assert self.pump(left) or self.messages, f"the role ended without a {kind.__name__}: {self._crash!r}"

    def configure(self, configuration: Configuration, generation: int) -> None:
        """A reload."""
        text = memfd.make("configuration", pack(configuration))
        self.bus.send(Configure(generation=generation), text)
        os.close(text)

    def status(self, kind: type[M]) -> M:
        """The role's snapshot."""
        self._number += 1
        number = self._number
        self.bus.send(StatusRequest(number=number))
        return from_json(self.expect(StatusReply, lambda reply: reply.number == number).body, kind)

    def stop(self, seconds: float = PATIENCE) -> None:
        """Stop the role and see it end in order."""
        if self._thread.is_alive():
            self.bus.send(Stop())
        self.join(seconds)

    def join(self, seconds: float = PATIENCE) -> None:
        """See the role end in order."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the role did not end"
        crash, self._crash = self._crash, None
        if crash is not None:
            raise crash


Serve = Callable[..., Desk]


@pytest.fixture
def serve(tmp_path: pathlib.Path) -> Iterator[Serve]:
    """Start a role: `serve(runner, configuration, restarted=False, first=())`; it is stopped at the end."""
    desks: list[Desk] = []

    def start(
        role: Callable[[RoleContext], object],
        configuration: Configuration,
        *,
        restarted: bool = False,
        first: tuple[Message, ...] = (),
    ) -> Desk:
        ours, theirs = Bus.pair()
        for message in first:
            ours.send(message)
        context = RoleContext(
            bus=Bus(theirs), configuration=configuration, generation=1, run_dir=tmp_path, restarted=restarted
        )
        desk = Desk(role, context, ours)
        desks.append(desk)
        return desk

    yield start
    for desk in desks:
        try:
            desk.stop()
        finally:
            desk.bus.close()


@pytest.fixture
def group_bench() -> Iterator[Bench]:
    """A group without instances, in the first of two hosts on a segment."""
    with Network(PAIR) as network, network.host("d1").entered(), Netlink() as netlink:
        made = Bench(network, netlink)
        wait_for(lambda: "LOWER_UP" in made.host.run(["ip", "-br", "link", "show", "eth0"]).stdout, 5, "the carrier")
        yield made
        made.group.stop()
        made.group.close()
        made.monitor.close()
