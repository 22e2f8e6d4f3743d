# SPDX-License-Identifier: Apache-2.0
"""`bascule events`: lines as they come, for people and for programs."""

from __future__ import annotations

import ipaddress
import json
import pathlib
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from bascule.cli.events import events, shown
from bascule.daemon import client
from bascule.daemon.client import NotRunningError
from bascule.model.base import Priority, to_json
from bascule.model.configuration import VrrpState
from bascule.model.control import Dropped
from bascule.model.messages import InstanceChanged, QuorumChanged, ScriptVerdict, ServerChanged, TrackerChanged
from bascule.model.service import Protocol, ServerId, ServiceId
from bascule.model.tracking import TrackerKind

SERVICE = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.168.2.240"), port=80)
SERVER = ServerId(address=ipaddress.ip_address("fd02::2"), port=80)
AT = 1795332277.25
CHANGED = InstanceChanged(instance="VI_1", state=VrrpState.MASTER, priority=Priority(100), why="alone", at=AT)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (CHANGED, "instance_changed VI_1 state=MASTER priority=100 (alone)"),
        (
            ServerChanged(service=SERVICE, server=SERVER, up=False, why="refused", at=AT),
            "server_changed [fd02::2]:80 [192.168.2.240]:tcp:80 up=false (refused)",
        ),
        (
            QuorumChanged(service=SERVICE, up=True, why="", at=AT),
            "quorum_changed [192.168.2.240]:tcp:80 up=true",
        ),
        (
            ScriptVerdict(script="chk", up=False, status=3, runs=2, why="exited with status 3", at=AT),
            "script_verdict chk up=false status=3 runs=2 (exited with status 3)",
        ),
        (
            TrackerChanged(kind=TrackerKind.FILE, name="f", value=None, why="gone", at=AT),
            "tracker_changed file f (gone)",
        ),
    ],
)
def test_a_line_for_people(event: object, text: str) -> None:
    assert shown(to_json(event)) == f"2026-11-22 07:24:37.250 {text}"


def test_a_reader_that_was_sent_away_is_told() -> None:
    assert shown(to_json(Dropped(why="too slow"))) == "dropped (too slow)"


def stream(monkeypatch: pytest.MonkeyPatch, lines: list[bytes]) -> None:
    def told(run_dir: pathlib.Path) -> Iterator[bytes]:  # noqa: ARG001
        yield from lines

    monkeypatch.setattr(client, "events", told)


def test_json_goes_through_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    line = to_json(CHANGED) + b"\n"
    stream(monkeypatch, [line, line])
    result = CliRunner().invoke(events, ["--json"])
    assert result.exit_code == 0
    assert [json.loads(each)["type"] for each in result.output.splitlines()] == ["instance_changed"] * 2


def test_text_is_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    stream(monkeypatch, [to_json(CHANGED) + b"\n"])
    result = CliRunner().invoke(events, [])
    assert result.output.endswith("instance_changed VI_1 state=MASTER priority=100 (alone)\n")


def test_nobody_there_is_the_client_s_error(tmp_path: pathlib.Path) -> None:
    result = CliRunner().invoke(events, ["--run-dir", str(tmp_path)])
    assert isinstance(result.exception, NotRunningError)
