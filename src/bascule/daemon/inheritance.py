# SPDX-License-Identifier: Apache-2.0
"""What a supervisor leaves to the program that takes its process over at `bascule restart`.

execve(2) keeps the process number, its children and the descriptors named here: locks, control socket, the clients
that wait for an answer, and each role's bus. So no lock is ever free, and the roles go on until they are replaced.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable

from bascule.daemon import memfd
from bascule.model.base import Model, pack, unpack
from bascule.model.messages import Message, Role

VARIABLE = "BASCULE_INHERITANCE"
"""The environment variable with the number of the memfd."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What the supervisor listens to. They wait while one program becomes the other, which has no ear for them yet."""


class InheritedRole(Model, frozen=True, kw_only=True):
    """A role's running process."""

    role: Role
    pid: int
    bus_fd: int
    since: float
    deaths: int = 0


class Inheritance(Model, frozen=True, kw_only=True):
    """Everything."""

    namespace_lock: int
    run_dir_lock: int
    control: int
    clients: tuple[int, ...]
    """Those that wait for the restart to be done."""
    roles: tuple[InheritedRole, ...]
    states: tuple[Message, ...]
    """The latest state messages, the last will among them."""
    configuration: bytes
    generation: int
    started: float

    def descriptors(self) -> Iterable[int]:
        """All that must stay open."""
        yield from (self.namespace_lock, self.run_dir_lock, self.control, *self.clients)
        yield from (role.bus_fd for role in self.roles)


def leave(inheritance: Inheritance) -> None:
    """Become the program anew. Returns never; raises OSError when it cannot be started, with nothing changed."""
    will = memfd.make("bascule-inheritance", pack(inheritance))
    kept = (will, *inheritance.descriptors())
    for descriptor in kept:
        os.set_inheritable(descriptor, True)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, VARIABLE: str(will)})
    except OSError:
        hear_signals()
        for descriptor in kept:
            os.set_inheritable(descriptor, False)
        os.close(will)
        raise


def hear_signals() -> None:
    """Let the signals come that waited; once there are handlers for them."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def take() -> Inheritance | None:
    """What the program before this one left, if there was one; once."""
    number = os.environ.pop(VARIABLE, None)
    if number is None:
        return None
    descriptor = int(number)
    inheritance = unpack(memfd.read_all(descriptor), Inheritance)
    os.close(descriptor)
    for kept in inheritance.descriptors():
        os.set_inheritable(kept, False)
    return inheritance
