# SPDX-License-Identifier: Apache-2.0
"""`bascule run`, from the first check to the exit status: puts the supervisor's parts together and lets them run."""

from __future__ import annotations

import dataclasses
import pathlib
import signal
import socket

from bascule.daemon import control, inheritance, locks, parsing, preflight, replacement, service
from bascule.daemon.control import ControlServer, Reply, StatusAnswer
from bascule.daemon.crew import Crew
from bascule.daemon.inheritance import SIGNALS, Inheritance
from bascule.daemon.log import Log
from bascule.daemon.loop import Loop
from bascule.daemon.parsed import usable
from bascule.daemon.plans import Plan
from bascule.daemon.processes import Command, default_command
from bascule.daemon.routing import StateCache
from bascule.daemon.service import Service
from bascule.daemon.supervisor import Supervisor
from bascule.dataplane import choose
from bascule.errors import KernelRefusedError
from bascule.linux import scheduling
from bascule.model.control import ControlReply
from bascule.model.messages import Role


@dataclasses.dataclass(slots=True, kw_only=True, frozen=True)
class Options:
    """What the command line says."""

    files: tuple[pathlib.Path, ...]
    run_dir: pathlib.Path
    command: Command = default_command
    """The program of each role."""


@dataclasses.dataclass(slots=True, kw_only=True)
class _Ground:
    """What must be held before the first role starts."""

    plan: Plan
    namespace_lock: socket.socket
    run_dir_lock: int
    control_socket: socket.socket


def run(options: Options) -> int:
    """Be the director until told to stop. Raises BasculeError before anything is touched if it cannot be."""
    # Whoever ignored it before us would have the kernel reap our roles, and their exit statuses be lost.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    inherited = inheritance.take()
    ground = _prepare(options) if inherited is None else _resume(inherited)
    notes = _be_on_time()
    loop = Loop()
    crew = Crew(loop, options.run_dir, (ground.namespace_lock.fileno(),), options.command)
    supervisor = Supervisor(loop, crew, ground.plan, StateCache(inherited.states if inherited else ()))
    supervisor.notes.update(notes)
    lock_numbers = (ground.namespace_lock.fileno(), ground.run_dir_lock)
    office = Service(supervisor, options.files, lock_numbers, ground.control_socket.fileno())
    server = ControlServer(loop, ground.control_socket, office.serve)
    office.listen_with(server)
    supervisor.publish = server.publish
    loop.watch(ground.namespace_lock.fileno(), lambda: locks.turn_away(ground.namespace_lock))
    loop.on_signals(SIGNALS, office.signalled)
    inheritance.hear_signals()
    if inherited is None:
        supervisor.fill()
        office.first_start()
    else:
        _take_over(inherited, supervisor, office, server)
    scheduling.freeze_collector()
    loop.run()
    (options.run_dir / control.SOCKET_NAME).unlink(missing_ok=True)
    if office.failure is not None:
        raise KernelRefusedError(office.failure)
    return 0


def _prepare(options: Options) -> _Ground:
    """Check, read, lock, in the order that leaves nothing behind when one of them fails."""
    preflight.check()
    parsed = parsing.read_now(options.files)
    service.say(parsed)
    packed = usable(parsed)
    plan = Plan.of(packed, 1)
    if Role.PLANE in plan.needed:
        choose.preflight()
    namespace_lock = locks.lock_namespace()
    run_dir_lock = locks.lock_run_dir(options.run_dir)
    return _Ground(
        plan=plan,
        namespace_lock=namespace_lock,
        run_dir_lock=run_dir_lock,
        control_socket=control.listen(options.run_dir),
    )


def _resume(inherited: Inheritance) -> _Ground:
    """What the program before this one held."""
    return _Ground(
        plan=Plan.of(inherited.configuration, inherited.generation),
        namespace_lock=socket.socket(fileno=inherited.namespace_lock),
        run_dir_lock=inherited.run_dir_lock,
        control_socket=socket.socket(fileno=inherited.control),
    )


def _take_over(inherited: Inheritance, supervisor: Supervisor, office: Service, server: ControlServer) -> None:
    supervisor.started = inherited.started
    replies: list[Reply] = [server.adopt(descriptor) for descriptor in inherited.clients]

    def answer(reply: ControlReply | StatusAnswer) -> None:
        for each in replies:
            each(reply)

    replacement.adopt(supervisor, inherited)
    replacement.replace_all(supervisor)
    office.begin("restart", "all roles are replaced", answer)


def _be_on_time() -> dict[str, str]:
    """Realtime and locked memory; what the machine refuses becomes a note."""
    reasons = {
        "realtime": scheduling.make_realtime(scheduling.PRIORITY_SUPERVISOR),
        "memory": scheduling.lock_memory(),
    }
    log = Log("supervisor")
    for reason in filter(None, reasons.values()):
        log.warning("not_on_time", reason=reason)
    return {subject: f"supervisor: {reason}" for subject, reason in reasons.items() if reason}
