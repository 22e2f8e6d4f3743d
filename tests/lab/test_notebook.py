# SPDX-License-Identifier: Apache-2.0
"""Notes become deviations and a report. The stage is a stand-in: what a real one says is in test_demo."""

from __future__ import annotations

import io
import ipaddress
import pathlib
import types
from typing import Any, cast

import pytest
from rich.console import Console

from bascule.errors import KernelRefusedError
from bascule.lab.notebook import MAIL_SECONDS, Notebook
from bascule.lab.progress import Progress
from bascule.lab.records import Mail, Passing, Request
from bascule.lab.stage import Plan, Stage
from bascule.model.status import AttachmentStatus, DirectorStatus, PlaneStatus

TABLE = "TCP  192.168.2.240:80 wlc\n  -> 192.168.2.212:80             Route   3      0          1\n"


class Director:
    """A director that says what it is told to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.note: str | None = None
        self.attached = True
        self.answers = True

    def table(self) -> str:
        return TABLE

    def evidence(self) -> str:
        return f"evidence of {self.name}"

    def status(self) -> DirectorStatus | None:
        if not self.answers:
            return None
        attachments = (AttachmentStatus(interface="eth0", mode="native", note=self.note),) if self.attached else ()
        plane = PlaneStatus(kind="xdp", ready=True, ready_reason="", attachments=attachments)
        return DirectorStatus(version="0", files=(), generation=1, started=0.0, roles=(), plane=plane)


class Acts:
    """A stage with a clock that the test sets."""

    def __init__(self, root: pathlib.Path) -> None:
        self.clock = 0.0
        plan = Plan.read(root / "examples" / "keepalived.conf")
        self.plans = {"d1": plan}
        self.service = plan.service
        self.directors = {"d1": Director("d1")}
        host = types.SimpleNamespace(name="rs1")
        self.servers = {ipaddress.ip_address("192.168.2.212"): types.SimpleNamespace(host=host)}
        self.network = types.SimpleNamespace(hosts={})
        self.captures = types.SimpleNamespace(passing=lambda: (Passing(director="d1", requests=3),))
        self.log: list[Request] = []
        self.post: list[Mail] = []
        self.prepared: tuple[int, str] | Exception = (0, "")

    def now(self) -> float:
        return self.clock

    def requests(self) -> tuple[Request, ...]:
        return tuple(self.log)

    def mails(self) -> tuple[Mail, ...]:
        return tuple(self.post)

    def realserver(self, *_: Any) -> tuple[int, str]:
        if isinstance(self.prepared, Exception):
            raise self.prepared
        return self.prepared

    def asked(self, begin: float, server: str | None = "rs1") -> None:
        client = ipaddress.ip_address("192.168.2.20")
        self.log.append(Request(client=client, begin=begin, end=begin + 0.1, server=server, error=None))


@pytest.fixture
def acts(root: pathlib.Path) -> Acts:
    return Acts(root)


@pytest.fixture
def notes(acts: Acts) -> Notebook:
    progress = Progress(Console(file=io.StringIO(), width=100), lambda: "")
    return Notebook(cast(Stage, acts), progress)


def test_nothing_wrong_is_passed_and_needs_no_evidence(acts: Acts, notes: Notebook) -> None:
    acts.asked(1.0)
    report = notes.report(1_700_000_000.0, ("sink",))
    assert (report.passed, report.deviations, report.evidence) == (True, (), {})
    assert (report.sent, report.answered, report.faults) == (1, {"rs1": 1}, ("sink",))


def test_windows_excuse_losses_and_others_are_evidence(acts: Acts, notes: Notebook) -> None:
    assert notes.window("rs1 stopped", "because", 2.0, 4.0) == 4.0
    acts.asked(1.0)
    acts.asked(3.0, None)
    assert notes.report(0.0, ()).windows[0].lost == 1
    acts.asked(5.0, None)
    report = notes.report(0.0, ())
    assert not report.passed
    assert "requests lost outside the windows: 1" in report.deviations[0]
    assert report.evidence == {"d1": "evidence of d1"}


def test_a_quiet_stretch_watches_persistence(acts: Acts, notes: Notebook) -> None:
    acts.servers[ipaddress.ip_address("192.168.2.213")] = types.SimpleNamespace(host=types.SimpleNamespace(name="rs2"))
    for moment, server in ((1.0, "rs1"), (3.0, "rs2")):
        acts.asked(moment, server)
    notes.settle()
    acts.clock = 2.0
    notes.unsettle()
    notes.unsettle()
    assert notes.report(0.0, ()).passed
    acts.clock = 0.5
    notes.settle()
    acts.clock = 9.0
    (deviation,) = notes.report(0.0, ()).deviations
    assert deviation.startswith("persistence broken while nothing changed (0.5 to 9.0 s)")


def test_wanted_mails_settle_when_they_come_or_are_too_late(acts: Acts, notes: Notebook) -> None:
    acts.asked(1.0)
    assert notes.mails_settled()
    notes.want_mails(acts.service.real_servers[0], "DOWN", 10.0, 12.0)
    assert not notes.mails_settled()
    acts.clock = 12.0 + MAIL_SECONDS + 0.1
    assert notes.mails_settled()
    (deviation,) = notes.report(0.0, ()).deviations
    assert deviation.startswith("mail missing: d1 sent none")
    acts.clock = 11.0
    subject = "[LVS_DEVEL] Realserver [192.168.2.212]:tcp:80 of virtual server [192.168.2.240]:tcp:80 - DOWN"
    acts.post.append(
        Mail(director="d1", at=10.5, sender="lvs@example.com", to=("admin@example.com",), subject=subject, body="")
    )
    assert notes.mails_settled()
    assert notes.report(0.0, ()).passed


def test_tables_are_kept_and_compared(acts: Acts, notes: Notebook) -> None:
    acts.asked(1.0)
    here, gone = acts.service.real_servers
    notes.show_table("d1", "at noon")
    notes.expect_in_table("d1", "at noon", here, there=True)
    notes.expect_in_table("d1", "at noon", gone, there=False)
    assert notes.report(0.0, ()).passed
    notes.expect_in_table("d1", "at noon", here, there=False)
    notes.expect_in_table("d1", "at noon", gone, there=True)
    report = notes.report(0.0, ())
    assert report.tables == {"d1, at noon": TABLE}
    assert report.deviations == (
        "192.168.2.212 is still in the table of d1 at noon",
        "192.168.2.213 is missing from the table of d1 at noon",
    )


def test_a_director_that_sits_nowhere_is_named(acts: Acts, notes: Notebook) -> None:
    acts.asked(1.0)
    director = acts.directors["d1"]
    notes.expect_attached("d1")
    assert notes.report(0.0, ()).passed
    director.note = "another XDP program sits there"
    notes.expect_attached("d1")
    director.attached = False
    notes.expect_attached("d1")
    director.answers = False
    notes.expect_attached("d1")
    assert notes.report(0.0, ()).deviations == (
        "d1: XDP detached from eth0, or not native: another XDP program sits there",
        "d1: the XDP director sits on no interface",
        "d1 does not answer `bascule status`",
    )


@pytest.mark.parametrize(
    ("prepared", "named"),
    [
        ((1, "192.168.2.240 is not on lo"), "rs1: 192.168.2.240 is not on lo"),
        (KernelRefusedError("no ip"), "rs1: no ip"),
    ],
)
def test_real_servers_are_asked_at_the_end(
    acts: Acts, notes: Notebook, prepared: tuple[int, str] | Exception, named: str
) -> None:
    acts.asked(1.0)
    acts.prepared = prepared
    assert notes.report(0.0, ()).deviations == (named,)
