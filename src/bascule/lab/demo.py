# SPDX-License-Identifier: Apache-2.0
"""The demonstration: the seed's two directors and two real servers, act by act, and a report that is judged.

An act that does not come out as it must is a deviation, and the next act follows: at the end all of them are named.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bascule import __version__
from bascule.errors import BasculeError
from bascule.lab import faults, judge, windows
from bascule.lab.faults import Fault
from bascule.lab.progress import Progress
from bascule.lab.records import DemoReport, Failover, Request, Window
from bascule.lab.stage import STEADY_CLIENTS, Stage
from bascule.lab.waiting import WaitedTooLongError
from bascule.model.configuration import RealServerConfig

FAILOVER_GRACE = 0.05
"""Seconds that a failover may take above the protocol's figure."""
REMOVAL_GRACE = 0.25
"""Seconds that a removal or a return may take above the checks' figure: the attempt itself, and the table's edit."""
HANDOVER_SECONDS = 0.05
"""How long a planned change of directors may reset connections that are open at that moment."""
MAIL_SECONDS = 10.0
"""From a verdict to the mail in the relay."""
START_SECONDS = 15.0
QUIET_SECONDS = 1.5
"""How long traffic is watched after each window."""
INTERFACE_TAKEN_SECONDS = 2.0
WARM_UP_REQUESTS = 10
PERSISTENCE_REQUESTS = 10
VISIT_PAUSE = 0.25
CARRIED_OVER = "no: directors do not synchronise connections yet; one that is open during a failover is reset"


class Demo:
    """One demonstration on a stage that is set up."""

    def __init__(self, stage: Stage, progress: Progress, injected: tuple[Fault, ...]) -> None:
        """`injected` faults are put in on purpose."""
        self.stage = stage
        self.progress = progress
        self.injected = injected
        self._windows: list[Window] = []
        self._spans: list[judge.Span] = []
        self._failovers: list[Failover] = []
        self._wanted: list[judge.WantedMail] = []
        self._tables: dict[str, str] = {}
        self._trouble: list[str] = []
        self._quiet_since: float | None = None

    def run(self) -> DemoReport:
        """Play every act; returns what came of it."""
        started = time.time()
        acts: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Real servers: nginx, the VIP on lo, quiet ARP", self._servers_start),
            ("Directors: `bascule run` on each file", self._directors_start),
            ("Traffic", self._traffic_starts),
            ("The table and persistence", self._look),
            ("A server leaves and returns", self._server_leaves_and_returns),
            ("The active director is killed", self._active_is_killed),
            ("The killed director returns", self._killed_returns),
            ("The active director's link is cut", self._active_is_cut_off),
            ("Mail", self._mail_is_there),
        )
        for title, act in acts:
            self.progress.step(title)
            try:
                act()
            except WaitedTooLongError as error:
                self._deviates(str(error).splitlines()[0])
                self._unsettle()
        self._unsettle()
        return self._report(started)

    # The acts, in their order.

    def _servers_start(self) -> None:
        for nginx in self.stage.servers.values():
            nginx.start()
            status, text = self.stage.realserver(nginx.host, "start")
            if status != 0:
                self._deviates(f"`bascule realserver start` on {nginx.host.name}: {text}")
            self.progress.say(f"{nginx.host.name}: nginx answers, {'; '.join(text.splitlines())}")

    def _directors_start(self) -> None:
        if Fault.SINK in self.injected:
            self.progress.say("injected fault: no mail relay listens")
        else:
            for sink in self.stage.sinks:
                sink.start()
        for director in self.stage.directors.values():
            director.launch()
        for director in self.stage.directors.values():
            director.wait_started()
        self._wait_for_owner("d1", after=0.0, seconds=self._takeover_seconds("d1"))
        self.progress.say(f"d1 owns {self.stage.virtual}")

    def _traffic_starts(self) -> None:
        self.stage.start_traffic()
        wanted = STEADY_CLIENTS * WARM_UP_REQUESTS
        self.stage.wait(lambda: len(self._answered()) >= wanted, START_SECONDS, f"{wanted} answered requests")
        self._settle()
        if Fault.VIP in self.injected:
            host = self.stage.host_of(self._leaving)
            self.progress.say(f"injected fault: {self.stage.virtual} taken off lo on {host.name}")
            faults.take_address_off(host, self.stage.virtual)
        if Fault.XDP in self.injected:
            self.progress.say("injected fault: another XDP program takes eth0 of d1")
            faults.take_interface(self.stage.directors["d1"])
            self.stage.wait_until(self.stage.now() + INTERFACE_TAKEN_SECONDS)
            faults.give_interface_back(self.stage.directors["d1"])

    def _look(self) -> None:
        for server in self.stage.service.real_servers:
            self._expect_in_table("d1", "with both servers", server, there=True)
        self._show_table("d1", "with both servers")
        visitor = self.stage.visitor()
        answers = [self.stage.visit(visitor).server or "nobody" for _ in range(PERSISTENCE_REQUESTS)]
        self.progress.say(f"persistence: {visitor} asked {len(answers)} times, answered by {_tally(answers)}")

    def _server_leaves_and_returns(self) -> None:
        server = self._leaving
        nginx = self.stage.servers[server.address]
        self._unsettle()
        nginx.stop()
        begin = self.stage.now()
        allowed = windows.removal(server)
        check = server.checks[0]
        why = f"delay_loop {check.delay_loop:g} + retry {check.retry} x {check.delay_before_retry:g} s"
        end = self._window(
            f"{nginx.host.name} stopped", f"{why} = {allowed:g} s", begin, begin + allowed + REMOVAL_GRACE
        )
        self.progress.say(f"nginx on {nginx.host.name} stopped; it must leave within {allowed:g} s ({why})")
        self._want_mails(server, "DOWN", begin, end)
        self._after_window(end)
        self._expect_in_table("d1", "with one server", server, there=False)
        self._show_table("d1", "with one server")
        nginx.start()
        begin = self.stage.now()
        allowed = windows.recovery(server)
        self._want_mails(server, "UP", begin, begin + allowed + REMOVAL_GRACE)
        self.progress.say(f"nginx on {nginx.host.name} runs again; it must return within {allowed:g} s (delay_loop)")
        answer = self._visits_until(nginx.host.name, begin + allowed + REMOVAL_GRACE)
        self.progress.say(f"{answer.client}, a new client, was answered by {nginx.host.name}")
        self._expect_in_table("d1", "with both servers again", server, there=True)

    def _active_is_killed(self) -> None:
        self._unsettle()
        fault = self.stage.now()
        killed = self.stage.directors["d1"].kill()
        self.progress.say(f"kill -9 to all {len(killed)} processes of d1")
        self._fail_over("d1 killed", fault)

    def _killed_returns(self) -> None:
        self._unsettle()
        begin = self.stage.now()
        director = self.stage.directors["d1"]
        director.launch()
        director.wait_started()
        announced = self._wait_for_owner("d1", after=begin, seconds=self._takeover_seconds("d1"))
        why = "a planned change resets the connections that are open at that moment"
        end = self._window("d1 returned", why, announced, announced + HANDOVER_SECONDS)
        self.progress.say(f"d1 owns {self.stage.virtual} again, {announced - begin:.1f} s after its start")
        self._after_window(end)

    def _active_is_cut_off(self) -> None:
        self._unsettle()
        fault = self.stage.now()
        self.stage.network.cut("d1")
        self.progress.say("d1's cable is pulled")
        self._fail_over("d1 cut off", fault)
        self._show_table("d2", "after the last failover")

    def _mail_is_there(self) -> None:
        """Only the last mails may still be under way; whether all came is judged at the end."""
        last = max((wanted.before for wanted in self._wanted), default=0.0)
        self.stage.wait(
            lambda: not self._missing_mails() or self.stage.now() > last, MAIL_SECONDS * 2, "the last mails"
        )
        for mail in self.stage.mails():
            self.progress.say(f"{mail.at:7.2f} s  {mail.director}: {mail.subject}")

    # What the acts are made of.

    @property
    def _leaving(self) -> RealServerConfig:
        """The real server that is taken away and comes back."""
        return self.stage.service.real_servers[0]

    def _answered(self) -> list[Request]:
        return [request for request in self.stage.requests() if request.server is not None]

    def _takeover_seconds(self, director: str) -> float:
        """How long a director that starts may take to own the VIP: first verdicts, down timer, its processes' start."""
        plan = self.stage.plans[director]
        return windows.first_verdicts(plan.configuration) + windows.failover(plan.instance) + START_SECONDS

    def _wait_for_owner(self, director: str, *, after: float, seconds: float) -> float:
        """When the director announced the VIP; waits until it did, and until it alone has it."""
        others = [d for name, d in self.stage.directors.items() if name != director]
        self.stage.wait(
            lambda: (
                self.stage.announced(director, after) is not None
                and not any(other.holds(self.stage.virtual) for other in others)
            ),
            seconds,
            f"{director} alone to own {self.stage.virtual}",
        )
        announced = self.stage.announced(director, after)
        assert announced is not None
        return announced

    def _fail_over(self, name: str, fault: float) -> None:
        """d1 has just failed: d2 must own the VIP in time, counted from d1's last advert before that."""
        instance = self.stage.plans["d2"].instance
        figure = windows.failover(instance)
        allowed = figure + FAILOVER_GRACE
        last_advert = self.stage.last_advert("d1", fault)
        why = f"3 x {instance.advert_interval:g} + {windows.skew(instance):.3f} s from the last advert"
        end = self._window(
            name, f"{why} = {figure:.3f} s", fault, (fault if last_advert is None else last_advert) + allowed
        )
        try:
            self.stage.wait(
                lambda: self.stage.announced("d2", fault) is not None,
                allowed + START_SECONDS,
                f"d2 to own {self.stage.virtual} after: {name}",
            )
        finally:
            announced = self.stage.announced("d2", fault)
            failover = Failover(name=name, taken_by="d2", last_advert=last_advert, announced=announced, allowed=allowed)
            self._failovers.append(failover)
        took = "?" if failover.took is None else f"{failover.took:.3f}"
        self.progress.say(f"d2 owns {self.stage.virtual} {took} s after the last advert; allowed: {why} + 50 ms")
        self._after_window(end)

    def _window(self, name: str, why: str, begin: float, end: float) -> float:
        self._windows.append(Window(name=name, why=why, begin=begin, end=end))
        return end

    def _after_window(self, end: float) -> None:
        """Watch some quiet traffic behind a window: from here on every client keeps its server."""
        self.stage.wait_until(end)
        self._settle()
        self.stage.wait_until(end + QUIET_SECONDS)

    def _settle(self) -> None:
        self._quiet_since = self.stage.now()

    def _unsettle(self) -> None:
        """The quiet stretch ends."""
        if self._quiet_since is not None:
            now = self.stage.now()
            name = f"nothing changed ({self._quiet_since:.1f} to {now:.1f} s)"
            self._spans.append(judge.Span(name=name, begin=self._quiet_since, end=now))
            self._quiet_since = None

    def _visits_until(self, server: str, deadline: float) -> Request:
        """New clients, one after the other, until one is answered by `server`."""
        while True:
            visit = self.stage.visit(self.stage.visitor())
            if visit.server == server:
                return visit
            if self.stage.now() > deadline:
                raise WaitedTooLongError(
                    f"no new client was answered by {server}, which runs again, until {deadline:.1f} s"
                )
            self.stage.wait_until(self.stage.now() + VISIT_PAUSE)

    def _want_mails(self, server: RealServerConfig, what: str, begin: float, verdict: float) -> None:
        protocol = self.stage.service.protocol
        subject = f"Realserver {server.id.text(protocol)} of virtual server {self.stage.service.id} - {what}"
        for director in self.stage.directors:
            self._wanted.append(
                judge.WantedMail(director=director, subject=subject, after=begin, before=verdict + MAIL_SECONDS)
            )

    def _missing_mails(self) -> tuple[judge.WantedMail, ...]:
        return judge.missing_mails(self._wanted, self.stage.mails())

    def _show_table(self, director: str, moment: str) -> None:
        table = self.stage.directors[director].table()
        self._tables[f"{director}, {moment}"] = table
        self.progress.say(f"bascule ipvsadm -Ln on {director}, {moment}:")
        for line in table.splitlines():
            self.progress.say(f"  {line}")

    def _expect_in_table(self, director: str, moment: str, server: RealServerConfig, *, there: bool) -> None:
        table = self.stage.directors[director].table()
        if (f"{server.address}:{server.port} " in table) is not there:
            self._deviates(
                f"{server.address} is {'missing from' if there else 'still in'} the table of {director} {moment}"
            )

    def _deviates(self, text: str) -> None:
        self._trouble.append(text)
        self.progress.trouble(text)

    def _server_troubles(self) -> list[str]:
        """What `bascule realserver status` finds on the real servers at the end."""
        found = []
        for nginx in self.stage.servers.values():
            status, text = self.stage.realserver(nginx.host, "status")
            if status != 0:
                found += [f"{nginx.host.name}: {line}" for line in text.splitlines()]
        return found

    def _report(self, started: float) -> DemoReport:
        stage = self.stage
        found = [*self._trouble]
        try:
            found += self._server_troubles()
        except BasculeError as error:
            found.append(str(error))
        requests = stage.requests()
        counted, _ = judge.in_windows(requests, self._windows)
        names = tuple(nginx.host.name for nginx in stage.servers.values())
        evidence = judge.Evidence(
            requests=requests,
            windows=counted,
            spans=tuple(self._spans),
            failovers=tuple(self._failovers),
            passing=stage.captures.passing(),
            mails=stage.mails(),
            wanted_mails=tuple(self._wanted),
            servers=names,
            receivers=stage.plans["d1"].configuration.globals.mail.to,
        )
        found += judge.deviations(evidence)
        return DemoReport(
            version=__version__,
            files=tuple(str(plan.file) for plan in stage.plans.values()),
            started=started,
            seconds=stage.now(),
            topology={name: host.host.links[0].addresses for name, host in stage.network.hosts.items()},
            faults=tuple(fault.value for fault in self.injected),
            sent=len(requests),
            answered={name: sum(request.server == name for request in requests) for name in names},
            lost=tuple(request for request in requests if request.server is None),
            windows=counted,
            failovers=evidence.failovers,
            passing=evidence.passing,
            mails=evidence.mails,
            tables=self._tables,
            connections_carried_over=CARRIED_OVER,
            deviations=tuple(found),
            evidence={d.name: d.evidence() for d in stage.directors.values()} if found else {},
            passed=not found,
        )


def _tally(names: list[str]) -> str:
    return ", ".join(f"{name} ({names.count(name)})" for name in dict.fromkeys(names))


def counts(requests: tuple[Request, ...]) -> str:
    """The counting line of a run: sent, answered, lost."""
    lost = sum(request.server is None for request in requests)
    return f"requests: {len(requests)} sent, {len(requests) - lost} answered, {lost} lost"
