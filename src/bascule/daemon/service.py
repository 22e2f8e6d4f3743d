# SPDX-License-Identifier: Apache-2.0
"""What a running director does when asked: status, reload, restart, stop; by control socket and by signal."""

from __future__ import annotations

import pathlib
import signal
import sys
from collections.abc import Callable, Sequence

from bascule.config.render import as_text
from bascule.daemon import inheritance, readiness
from bascule.daemon.control import ControlServer, Reply, StatusAnswer
from bascule.daemon.inheritance import Inheritance, InheritedRole
from bascule.daemon.parsed import Parsed, usable
from bascule.daemon.parsing import Outcome, read_later
from bascule.daemon.plans import Plan
from bascule.daemon.supervisor import Supervisor
from bascule.errors import ConfigurationError
from bascule.model.control import ControlReply, ControlRequest, Verb
from bascule.model.messages import Role

VITAL = (Role.PLANE, Role.VRRP)
"""The roles without which a director must not start: it would draw traffic to an address that it cannot serve."""

Done = Callable[[ControlReply], None]
"""Who wants to know how a reload, restart or start went."""


class Service:
    """Serves requests on a supervisor. At most one of reload, restart and stop is under way."""

    def __init__(
        self, supervisor: Supervisor, files: Sequence[pathlib.Path], locks: tuple[int, int], server_socket: int
    ) -> None:
        """`locks` are the descriptors that a restart keeps: the namespace's and the run directory's."""
        self._supervisor = supervisor
        self._files = files
        self._locks = locks
        self._server_socket = server_socket
        self._server: ControlServer | None = None
        self._busy: str | None = None
        self._stop_wanted: list[Reply] = []
        self.failure: str | None = None
        """Why the start came to nothing."""

    def listen_with(self, server: ControlServer) -> None:
        """The server whose clients a restart hands on."""
        self._server = server

    def serve(self, request: ControlRequest, reply: Reply) -> None:
        """One request of the control socket."""
        match request.verb:
            case Verb.STATUS:
                self._supervisor.desk.ask(lambda status: reply(StatusAnswer(ok=True, status=status)))
            case Verb.RELOAD:
                self.reload(reply)
            case Verb.RESTART:
                self.restart(reply)
            case Verb.STOP:
                self.stop(reply)
            case Verb.FAILOVER if not self._refused_as_busy(reply):
                self._supervisor.failovers.ask(request, reply)

    def signalled(self, number: signal.Signals) -> None:
        """SIGHUP is reload, SIGTERM and SIGINT are stop."""
        self._supervisor.log.info("signal", signal=number.name)
        if number is signal.SIGHUP:
            self.reload(_nobody)
        else:
            self.stop(_nobody)

    def first_start(self) -> None:
        """Wait for the roles of a fresh start. A director without its table or its instances is none: it ends again."""

        def started(_answer: ControlReply) -> None:
            refusals = self._supervisor.refusals()
            self.failure = "; ".join(refusals[role] for role in VITAL if role in refusals) or None
            if self.failure is not None:
                self._stop_wanted.append(_nobody)

        self.begin("start", "all roles run", started)

    def begin(self, what: str, done: str, reply: Done) -> None:
        """Wait for the roles to put the plan into effect, then tell the service manager, the log and the asker."""
        self._busy = what

        def settled(problems: tuple[str, ...]) -> None:
            self._report(ControlReply(ok=not problems, text="; ".join(problems) or done), what, reply)

        self._supervisor.settle(settled)

    def reload(self, reply: Reply) -> None:
        """Read the files again and put them into effect; what cannot run changes nothing."""
        if self._refused_as_busy(reply):
            return
        self._busy = "reload"
        readiness.reloading()
        self._read("reload", reply, self._apply)

    def restart(self, reply: Reply) -> None:
        """Read the files again and become the program anew, with new processes for all roles."""
        if self._refused_as_busy(reply):
            return
        self._busy = "restart"
        readiness.reloading()
        self._read("restart", reply, self._leave)

    def stop(self, reply: Reply) -> None:
        """End in order; after what is under way."""
        self._stop_wanted.append(reply)
        if self._busy == "stop":
            return
        if self._busy is not None:
            self._supervisor.log.info("stop_waits", waits_for=self._busy)
            return
        self._end()

    def _end(self) -> None:
        self._busy = "stop"
        readiness.stopping()
        self._supervisor.end(self._ended)

    def _ended(self) -> None:
        for reply in self._stop_wanted:
            reply(ControlReply(ok=True, text="stopped"))
        self._supervisor.log.info("stopped")
        self._supervisor.loop.stop()

    def _refused_as_busy(self, reply: Reply) -> bool:
        if self._busy is None:
            return False
        self._supervisor.log.warning("busy", under_way=self._busy)
        reply(ControlReply(ok=False, text=f"a {self._busy} is under way"))
        return True

    def _read(self, what: str, reply: Reply, then: Callable[[Parsed, bytes, Reply], None]) -> None:
        def read(outcome: Outcome) -> None:
            try:
                if isinstance(outcome, ConfigurationError):
                    raise outcome
                say(outcome)
                then(outcome, usable(outcome, running=True), reply)
            except (ConfigurationError, OSError) as error:
                diagnostics = outcome.diagnostics if isinstance(outcome, Parsed) else ()
                text = f"nothing is changed: {error}"
                self._report(ControlReply(ok=False, text=text, diagnostics=diagnostics), what, reply)

        read_later(self._supervisor.loop, self._files, read)

    def _apply(self, parsed: Parsed, packed: bytes, reply: Reply) -> None:
        plan = Plan.of(packed, self._supervisor.plan.generation + 1)
        self._supervisor.adopt_plan(plan)

        def with_diagnostics(answer: ControlReply) -> None:
            reply(ControlReply(ok=answer.ok, text=answer.text, diagnostics=parsed.diagnostics))

        self.begin("reload", f"configuration {plan.generation} is in effect", with_diagnostics)

    def _leave(self, parsed: Parsed, packed: bytes, reply: Reply) -> None:  # noqa: ARG002 - the successor answers
        supervisor = self._supervisor
        supervisor.log.notice("restart", generation=supervisor.plan.generation + 1)
        members = supervisor.crew.members.values()
        for member in members:
            if not member.connected:
                # It is on its way out; the program after this one could not see to that.
                member.process.kill()
        inheritance.leave(
            Inheritance(
                namespace_lock=self._locks[0],
                run_dir_lock=self._locks[1],
                control=self._server_socket,
                clients=tuple(self._server.waiting()) if self._server else (),
                roles=tuple(
                    InheritedRole(
                        role=member.role,
                        pid=member.process.pid,
                        bus_fd=member.bus.fileno(),
                        since=member.since,
                        deaths=supervisor.crew.policies[member.role].deaths,
                    )
                    for member in members
                    if member.connected
                ),
                states=supervisor.states.all(),
                configuration=packed,
                generation=supervisor.plan.generation + 1,
                started=supervisor.started,
            )
        )

    def _report(self, answer: ControlReply, what: str, reply: Done) -> None:
        self._busy = None
        log = self._supervisor.log
        (log.notice if answer.ok else log.error)(f"{what}_done" if answer.ok else f"{what}_failed", outcome=answer.text)
        self._supervisor.notes.pop(what, None)
        if not answer.ok:
            self._supervisor.notes[what] = f"last {what} failed: {answer.text}"
        readiness.ready(answer.text)
        reply(answer)
        if self._stop_wanted:
            self._end()


def say(parsed: Parsed) -> None:
    """Print what the reader of the files found to standard error."""
    if parsed.diagnostics:
        print(as_text(parsed.diagnostics, sys.stderr.isatty()), file=sys.stderr, end="", flush=True)


def _nobody(_reply: ControlReply | StatusAnswer) -> None:
    """A signal has nobody to answer; the log has it."""
