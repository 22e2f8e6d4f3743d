# SPDX-License-Identifier: Apache-2.0
"""What a demonstration writes down while it is played, and the report made of it at its end."""

from __future__ import annotations

from bascule import __version__
from bascule.errors import BasculeError
from bascule.lab import judge
from bascule.lab.progress import Progress
from bascule.lab.records import DemoReport, Failover, Window
from bascule.lab.stage import Stage
from bascule.model.configuration import RealServerConfig

MAIL_SECONDS = 10.0
"""From a verdict to the mail in the relay."""
CARRIED_OVER = "no: directors do not synchronise connections yet; one that is open during a failover is reset"


class Notebook:
    """The notes of one demonstration."""

    def __init__(self, stage: Stage, progress: Progress) -> None:
        """An empty one."""
        self._stage = stage
        self._progress = progress
        self._windows: list[Window] = []
        self._spans: list[judge.Span] = []
        self._failovers: list[Failover] = []
        self._wanted: list[judge.WantedMail] = []
        self._tables: dict[str, str] = {}
        self._trouble: list[str] = []
        self._quiet_since: float | None = None

    def deviates(self, text: str) -> None:
        """Something is not as it must be."""
        self._trouble.append(text)
        self._progress.trouble(text)

    def window(self, name: str, why: str, begin: float, end: float) -> float:
        """Requests may get lost from `begin` to `end`; returns the end."""
        self._windows.append(Window(name=name, why=why, begin=begin, end=end))
        return end

    def failover(self, failover: Failover) -> None:
        """The director changed, or should have."""
        self._failovers.append(failover)

    def settle(self) -> None:
        """From now on nothing changes: every client keeps its server."""
        self._quiet_since = self._stage.now()

    def unsettle(self) -> None:
        """The quiet stretch ends, if there is one."""
        if self._quiet_since is not None:
            now = self._stage.now()
            name = f"nothing changed ({self._quiet_since:.1f} to {now:.1f} s)"
            self._spans.append(judge.Span(name=name, begin=self._quiet_since, end=now))
            self._quiet_since = None

    def want_mails(self, server: RealServerConfig, what: str, begin: float, verdict: float) -> None:
        """Every director must mail that the server is `what` (`UP`, `DOWN`), judged so until `verdict`."""
        service = self._stage.service
        subject = f"Realserver {server.id.text(service.protocol)} of virtual server {service.id} - {what}"
        self._wanted += [
            judge.WantedMail(director=director, subject=subject, after=begin, before=verdict + MAIL_SECONDS)
            for director in self._stage.directors
        ]

    def mails_settled(self) -> bool:
        """Whether every wanted mail has come, or is too late now."""
        missing = judge.missing_mails(self._wanted, self._stage.mails())
        return all(want.before < self._stage.now() for want in missing)

    def show_table(self, director: str, moment: str) -> None:
        """Keep and show a director's table."""
        table = self._stage.directors[director].table()
        self._tables[f"{director}, {moment}"] = table
        self._progress.say(f"bascule ipvsadm -Ln on {director}, {moment}:")
        for line in table.splitlines():
            self._progress.say(f"  {line}")

    def expect_in_table(self, director: str, moment: str, server: RealServerConfig, *, there: bool) -> None:
        """A real server must be in a director's table now, or must not."""
        table = self._stage.directors[director].table()
        if (f"{server.address}:{server.port} " in table) is not there:
            where = "missing from" if there else "still in"
            self.deviates(f"{server.address} is {where} the table of {director} {moment}")

    def expect_attached(self, director: str) -> None:
        """The director's program must sit on its interfaces."""
        status = self._stage.directors[director].status()
        if status is None or status.plane is None:
            self.deviates(f"{director} does not answer `bascule status`")
        elif not status.plane.attachments:
            self.deviates(f"{director}: the XDP director sits on no interface")
        else:
            for attachment in status.plane.attachments:
                if attachment.note is not None:
                    self.deviates(
                        f"{director}: XDP detached from {attachment.interface}, or not native: {attachment.note}"
                    )

    def report(self, started: float, injected: tuple[str, ...]) -> DemoReport:
        """Judge everything. `started` is Unix time."""
        self.unsettle()
        stage = self._stage
        evidence = self._evidence()
        found = (*self._trouble, *self._server_troubles(), *judge.deviations(evidence))
        return DemoReport(
            version=__version__,
            files=tuple(str(plan.file) for plan in stage.plans.values()),
            started=started,
            seconds=stage.now(),
            topology={name: host.host.links[0].addresses for name, host in stage.network.hosts.items()},
            faults=injected,
            sent=len(evidence.requests),
            answered={name: sum(r.server == name for r in evidence.requests) for name in evidence.servers},
            lost=tuple(request for request in evidence.requests if request.server is None),
            windows=judge.in_windows(evidence.requests, self._windows)[0],
            failovers=evidence.failovers,
            passing=evidence.passing,
            mails=evidence.mails,
            tables=self._tables,
            connections_carried_over=CARRIED_OVER,
            deviations=found,
            evidence={d.name: d.evidence() for d in stage.directors.values()} if found else {},
            passed=not found,
        )

    def _evidence(self) -> judge.Evidence:
        stage = self._stage
        return judge.Evidence(
            requests=stage.requests(),
            windows=tuple(self._windows),
            spans=tuple(self._spans),
            failovers=tuple(self._failovers),
            passing=stage.captures.passing(),
            mails=stage.mails(),
            wanted_mails=tuple(self._wanted),
            servers=tuple(nginx.host.name for nginx in stage.servers.values()),
            receivers=stage.plans["d1"].configuration.globals.mail.to,
        )

    def _server_troubles(self) -> list[str]:
        """What `bascule realserver status` finds on the real servers at the end."""
        found = []
        for nginx in self._stage.servers.values():
            try:
                status, text = self._stage.realserver(nginx.host, "status")
            except BasculeError as error:
                status, text = 1, str(error)
            if status != 0:
                found += [f"{nginx.host.name}: {line}" for line in text.splitlines()]
        return found
