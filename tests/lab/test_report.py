# SPDX-License-Identifier: Apache-2.0
"""The final tables say everything that the report knows, in words that a reader finds."""

from __future__ import annotations

import io
import ipaddress

import msgspec
import pytest
from rich.console import Console

from bascule.lab import report
from bascule.lab.records import DemoReport, Failover, Mail, Passing, Request, Window
from bascule.lab.topologies import TOPOLOGIES, Topology

LOST = tuple(
    Request(client=ipaddress.ip_address("192.168.2.20"), begin=20.0 + n, end=20.9 + n, server=None, error="refused")
    for n in range(20)
)
GOOD = DemoReport(
    version="0.1.0",
    files=("keepalived.conf", "keepalived.backup.conf"),
    started=1_700_000_000.0,
    seconds=99.5,
    topology={"d1": ("192.168.2.210/24",)},
    faults=(),
    sent=1820,
    answered={"rs1": 900, "rs2": 900},
    lost=LOST,
    windows=(Window(name="d1 cut off", why="3 x 5 + 0.613 s", begin=19.9, end=40.0, lost=20),),
    failovers=(Failover(name="d1 cut off", taken_by="d2", last_advert=18.0, announced=33.614, allowed=15.663),),
    passing=(Passing(director="d1", requests=4442, refusals=3), Passing(director="d2", requests=3885)),
    mails=(Mail(director="d1", at=9.0, sender="a", to=("b",), subject="c", body="d"),),
    tables={"d1": "TCP  192.168.2.240:80 wlc\n"},
    connections_carried_over="no: not yet",
    deviations=(),
    evidence={},
    passed=True,
)


def printed(what: DemoReport) -> str:
    output = io.StringIO()
    console = Console(file=output, width=140)
    for part in report.outcome(what):
        console.print(part)
    return output.getvalue()


def test_a_good_report_shows_every_figure() -> None:
    text = printed(GOOD)
    for figure in ("1820", "900", "4442", "3885", "15.614 s", "15.663 s", "3 x 5 + 0.613 s", "19.900 s", "no: not yet"):
        assert figure in text
    assert "All as it must be, in 99.5 s: 1 mails." in text
    assert "8 more" in text
    assert text.count("refused") == report.LOST_SHOWN


def test_deviations_and_evidence_are_shown_at_the_end() -> None:
    bad = msgspec.structs.replace(
        GOOD,
        lost=(),
        failovers=(msgspec.structs.replace(GOOD.failovers[0], announced=None),),
        deviations=("mail missing: d1", "server not used: rs2"),
        evidence={"d1": "log of d1: [notice] what happened"},
        passed=False,
    )
    text = printed(bad)
    assert "Lost requests" not in text
    assert "never" in text
    assert "log of d1: [notice] what happened" in text
    assert text.rstrip().endswith("2 deviations:\n  - mail missing: d1\n  - server not used: rs2")


@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_a_topology_names_every_host(topology: Topology) -> None:
    output = io.StringIO()
    Console(file=output, width=140).print(report.topology(topology))
    for host in topology.hosts:
        assert f"{host.name} " in output.getvalue()
        assert str(host.address) in output.getvalue()
