# SPDX-License-Identifier: Apache-2.0
"""The demonstration: the seed's two directors and two real servers, act by act, and a report that is judged.

An act that does not come out as it must is a deviation, and the next act follows: at the end all of them are named.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from bascule.errors import BasculeError
from bascule.lab import faults, windows
from bascule.lab.faults import Fault
from bascule.lab.notebook import MAIL_SECONDS, Notebook
from bascule.lab.progress import Progress
from bascule.lab.records import DemoReport, Failover, Request
from bascule.lab.stage import STEADY_CLIENTS, Stage
from bascule.lab.waiting import WaitedTooLongError
from bascule.model.configuration import RealServerConfig

FAILOVER_GRACE = 0.05
"""Seconds that a failover may take above the protocol's figure."""
REMOVAL_GRACE = 0.25
"""Seconds that a removal or a return may take above the checks' figure: the attempt itself, and the table's edit."""
HANDOVER_SECONDS = 0.05
"""How long a planned change of directors may reset connections that are open at that moment."""
WAKING_SECONDS = 0.05
"""Before a moment and after it: what else was due then and could not run."""
START_SECONDS = 15.0
QUIET_SECONDS = 1.5
"""How long traffic is watched after each window."""
INTERFACE_TAKEN_SECONDS = 2.0
WARM_UP_REQUESTS = 10
PERSISTENCE_REQUESTS = 10
VISIT_PAUSE = 0.25


class Demo:
    """One demonstration on a stage that is set up."""

    def __init__(self, stage: Stage, progress: Progress, injected: tuple[Fault, ...]) -> None:
        """`injected` faults are put in on purpose."""
        self.stage = stage
        self.progress = progress
        self.injected = injected
        self.notes = Notebook(stage, progress)

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
            except (BasculeError, subprocess.TimeoutExpired) as error:
                self.notes.deviates(str(error).splitlines()[0])
                self.notes.unsettle()
        self.stage.stop_traffic()
        return self.notes.report(started, tuple(fault.value for fault in self.injected))

    # The acts, in their order.

    def _servers_start(self) -> None:
        for nginx in self.stage.servers.values():
            nginx.start()
            status, text = self.stage.realserver(nginx.host, "start")
            if status != 0:
                self.notes.deviates(f"`bascule realserver start` on {nginx.host.name}: {text}")
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
        self.notes.settle()
        if Fault.VIP in self.injected:
            host = self.stage.host_of(self._leaving)
            self.progress.say(f"injected fault: {self.stage.virtual} taken off lo on {host.name}")
            faults.take_address_off(host, self.stage.virtual)
        if Fault.XDP in self.injected:
            self.progress.say("injected fault: another XDP program takes eth0 of d1")
            faults.take_interface(self.stage.directors["d1"])
            self.stage.wait_until(self.stage.now() + INTERFACE_TAKEN_SECONDS)
            self.notes.expect_attached("d1")
            faults.give_interface_back(self.stage.directors["d1"])

    def _look(self) -> None:
        self.notes.expect_attached("d1")
        for server in self.stage.service.real_servers:
            self.notes.expect_in_table("d1", "with both servers", server, there=True)
        self.notes.show_table("d1", "with both servers")
        visitor = self.stage.visitor()
        answers = [self.stage.visit(visitor).server or "nobody" for _ in range(PERSISTENCE_REQUESTS)]
        self.progress.say(f"persistence: {visitor} asked {len(answers)} times, answered by {_tally(answers)}")

    def _server_leaves_and_returns(self) -> None:
        server = self._leaving
        nginx = self.stage.servers[server.address]
        self.notes.unsettle()
        begin = self.stage.now()
        nginx.stop()
        allowed = windows.removal(server)
        check = server.checks[0]
        why = f"delay_loop {check.delay_loop:g} + retry {check.retry} x {check.delay_before_retry:g} s = {allowed:g} s"
        end = self.notes.window(f"{nginx.host.name} stopped", why, begin, self.stage.now() + allowed + REMOVAL_GRACE)
        self.progress.say(f"nginx on {nginx.host.name} stopped; it must leave within {why}")
        self.notes.want_mails(server, "DOWN", begin, end)
        self._after_window(end)
        self.notes.expect_in_table("d1", "with one server", server, there=False)
        self.notes.show_table("d1", "with one server")
        begin = self.stage.now()
        nginx.start()
        # A check may have found it before we know that it answers.
        answers = self.stage.now()
        allowed = windows.recovery(server)
        self.notes.want_mails(server, "UP", begin, answers + allowed + REMOVAL_GRACE)
        self.progress.say(f"nginx on {nginx.host.name} runs again; it must return within {allowed:g} s (delay_loop)")
        answer = self._visits_until(nginx.host.name, answers + allowed + REMOVAL_GRACE)
        self.progress.say(f"{answer.client}, a new client, was answered by {nginx.host.name}")
        self.notes.expect_in_table("d1", "with both servers again", server, there=True)

    def _active_is_killed(self) -> None:
        self.notes.unsettle()
        fault = self.stage.now()
        killed = self.stage.directors["d1"].kill()
        self.progress.say(f"kill -9 to all {len(killed)} processes of d1")
        self._fail_over("d1 killed", fault)

    def _killed_returns(self) -> None:
        self.notes.unsettle()
        begin = self.stage.now()
        director = self.stage.directors["d1"]
        director.launch()
        director.wait_started()
        announced = self._wait_for_owner("d1", after=begin, seconds=self._takeover_seconds("d1"))
        why = "a planned change resets the connections that are open at that moment"
        end = self.notes.window("d1 returned", why, announced, announced + HANDOVER_SECONDS)
        self.progress.say(f"d1 owns {self.stage.virtual} again, {announced - begin:.1f} s after its start")
        self._after_window(end)

    def _active_is_cut_off(self) -> None:
        self.notes.unsettle()
        fault = self.stage.now()
        self.stage.network.cut("d1")
        self.progress.say("d1's cable is pulled")
        self._fail_over("d1 cut off", fault)
        self.notes.show_table("d2", "after the last failover")

    def _mail_is_there(self) -> None:
        """Only the last mails may still be under way; whether all came is judged at the end."""
        self.stage.wait(self.notes.mails_settled, MAIL_SECONDS * 2, "the last mails")
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
        end = self.notes.window(
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
            late = self._machine_late(fault if last_advert is None else last_advert, figure, announced)
            failover = Failover(
                name=name,
                taken_by="d2",
                last_advert=last_advert,
                announced=announced,
                allowed=allowed + late,
                machine_late=late,
                lateness=self._lateness("d2"),
            )
            self.notes.failover(failover)
        took = "?" if failover.took is None else f"{failover.took:.3f}"
        slack = f" + {late * 1000:.0f} ms, for which the machine stood still" if late else ""
        self.progress.say(f"d2 owns {self.stage.virtual} {took} s after the last advert; allowed: {why} + 50 ms{slack}")
        self._after_window(end)

    def _machine_late(self, counted_from: float, figure: float, announced: float | None) -> float:
        """What of a late take-over was the machine's: the lateness of others that were due at that moment."""
        if announced is None:
            return 0.0
        self.stage.wait_until(announced + WAKING_SECONDS)
        return self.stage.machine_late(counted_from + figure - WAKING_SECONDS, announced)

    def _lateness(self, director: str) -> float | None:
        status = self.stage.directors[director].status()
        return None if status is None or status.vrrp is None else status.vrrp.lateness_max

    def _after_window(self, end: float) -> None:
        """Watch some quiet traffic behind a window: from here on every client keeps its server."""
        self.stage.wait_until(end)
        self.notes.settle()
        self.stage.wait_until(end + QUIET_SECONDS)

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


def _tally(names: list[str]) -> str:
    return ", ".join(f"{name} ({names.count(name)})" for name in dict.fromkeys(names))


def counts(requests: tuple[Request, ...]) -> str:
    """The counting line of a run: sent, answered, lost."""
    lost = sum(request.server is None for request in requests)
    return f"requests: {len(requests)} sent, {len(requests) - lost} answered, {lost} lost"
