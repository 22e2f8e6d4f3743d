# SPDX-License-Identifier: Apache-2.0
"""The demonstration passes on a system that works, and names what is wrong with one that does not."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bascule.lab.directors import program
from bascule.lab.records import DemoReport, Request
from bascule.model.base import from_json

pytestmark = [
    pytest.mark.root,
    pytest.mark.lab,
    pytest.mark.few,
    pytest.mark.xdist_group("demo"),
    pytest.mark.timeout(240),
]

DEMO_SECONDS = 180
FAULTS = {
    "sink": ["mail missing: d1 sent none", "mail missing: d2 sent none", "DOWN`", "UP`"],
    "vip": ["rs1: 192.168.2.240 is not on lo", "requests lost outside the windows"],
    "xdp": ["d1: XDP detached from eth0", "requests lost outside the windows"],
}
"""Fault: what the deviations must say."""
ERRORS: dict[str, set[str]] = {"sink": set(), "vip": {"no answer within 0.9 s"}, "xdp": {"refused"}}
"""Fault: what some of the lost requests must have met."""


def shown(report: DemoReport, progress: str) -> str:
    """Everything that somebody needs who has to find out why the demonstration failed."""
    return "\n".join([*report.deviations, progress, *report.evidence.values()])


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [program(), "lab", "demo", "--fast", "--json", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, DemoReport, str]:
    output, progress = process.communicate(timeout=DEMO_SECONDS)
    assert output, progress
    return process.returncode, from_json(output.encode(), DemoReport), progress


def test_the_seeds_system_passes(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "requests.jsonl"
    status, report, progress = finish(start("--requests", str(log)))
    assert (status, report.deviations) == (0, ()), shown(report, progress)
    assert report.passed
    assert report.evidence == {}
    assert report.faults == ()
    assert set(report.answered) == {"rs1", "rs2"}
    assert sum(report.answered.values()) + len(report.lost) == report.sent > 1000
    assert [window.name for window in report.windows] == ["rs1 stopped", "d1 killed", "d1 returned", "d1 cut off"]
    assert sum(window.lost for window in report.windows) == len(report.lost)
    # A server that is stopped and a cable that is cut do lose requests: the clients do not hide it.
    assert report.windows[0].lost > 0
    assert report.windows[3].lost > 0
    for failover in report.failovers:
        assert failover.took is not None
        # Not before the protocol allows it either: three intervals and the skew time of priority 99.
        assert 3.61 < failover.took < failover.allowed == pytest.approx(3 + 157 / 256 + 0.05)
    assert [seen.answers for seen in report.passing] == [0, 0]
    assert "-> 192.168.2.212:80             Route   3 " in report.tables["d1, with both servers"]
    assert "192.168.2.212:80" not in report.tables["d1, with one server"]
    assert report.connections_carried_over.startswith("no:")
    requests = [from_json(line.encode(), Request) for line in log.read_text().splitlines()]
    assert len(requests) == report.sent
    assert len({request.client for request in requests}) > 8


@pytest.fixture(scope="module")
def faulty() -> Iterator[dict[str, tuple[int, DemoReport, str]]]:
    """The demonstration with each fault, side by side: what is asked of these is not how fast they are."""
    running = {fault: start("--fault", fault) for fault in FAULTS}
    try:
        yield {fault: finish(process) for fault, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
            process.communicate()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_deviation_that_is_named(faulty: dict[str, tuple[int, DemoReport, str]], fault: str) -> None:
    status, report, progress = faulty[fault]
    assert status == 1, shown(report, progress)
    assert not report.passed
    assert report.faults == (fault,)
    deviations = "\n".join(report.deviations)
    for words in FAULTS[fault]:
        assert words in deviations, shown(report, progress)
    assert ERRORS[fault] <= {request.error for request in report.lost}
    # The evidence is there: logs and tables of both directors.
    assert set(report.evidence) == {"d1", "d2"}
    assert "event=table_changed" in report.evidence["d2"]
    assert "IP Virtual Server" in report.evidence["d2"]


def test_ctrl_c_takes_everything_down() -> None:
    code = "import os, signal, sys, threading; threading.Timer(4, os.kill, (os.getpid(), signal.SIGTERM)).start();"
    code += "from bascule.cli import main; sys.argv[1:] = ['lab', 'demo', '--fast']; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 130, done.stdout + done.stderr
    assert "interrupted; everything is taken down" in done.stderr
    assert "Traceback" not in done.stderr
    listed = subprocess.run(["ip", "-json", "netns", "list"], capture_output=True, text=True, timeout=10, check=True)
    names = [entry["name"] for entry in json.loads(listed.stdout or "[]")]
    owner = next(line for line in done.stdout.splitlines() if "d1 runs" in line).split("/")[3]
    assert not [name for name in names if owner in name]
    assert not (pathlib.Path("/run/bascule-lab") / owner).exists()
