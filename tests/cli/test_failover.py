# SPDX-License-Identifier: Apache-2.0
"""`bascule failover` asks for what it was told, and exits by the answer."""

from __future__ import annotations

import pathlib

import pytest
from click.testing import CliRunner

from bascule.cli.failover import failover
from bascule.daemon import client
from bascule.daemon.client import NotRunningError
from bascule.errors import UsageError
from bascule.model.control import ControlReply, ControlRequest, Verb


def answer(monkeypatch: pytest.MonkeyPatch, reply: ControlReply) -> list[ControlRequest]:
    asked: list[ControlRequest] = []

    def send(_run_dir: pathlib.Path, request: ControlRequest) -> ControlReply:
        asked.append(request)
        return reply

    monkeypatch.setattr(client, "send", send)
    return asked


def test_it_asks_for_what_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, ControlReply(ok=True, text="VI_1: handed over\nVI_2: handed over"))
    assert CliRunner().invoke(failover, []).output == "bascule: VI_1: handed over\nbascule: VI_2: handed over\n"
    CliRunner().invoke(failover, ["VI_1", "--to", "d2"])
    CliRunner().invoke(failover, ["--release"])
    assert asked == [
        ControlRequest(verb=Verb.FAILOVER),
        ControlRequest(verb=Verb.FAILOVER, instance="VI_1", peer="d2"),
        ControlRequest(verb=Verb.FAILOVER, release=True),
    ]


def test_what_was_not_done_is_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, ControlReply(ok=False, text="VI_1: nothing is changed"))
    result = CliRunner().invoke(failover, [])
    assert (result.exit_code, result.output) == (1, "bascule: VI_1: nothing is changed\n")


def test_two_requests_at_once_are_none(tmp_path: pathlib.Path) -> None:
    result = CliRunner().invoke(failover, ["--release", "--to", "d2"])
    assert isinstance(result.exception, UsageError)
    assert isinstance(CliRunner().invoke(failover, ["--run-dir", str(tmp_path)]).exception, NotRunningError)
