# SPDX-License-Identifier: Apache-2.0
"""A configuration's scripts: whose they are, and what is said of them once."""

from __future__ import annotations

import pathlib

import pytest

from bascule.linux import identities
from bascule.linux.identities import ScriptRefusedError
from bascule.model.scripts import Fifo, Script, ScriptSettings
from bascule.notify.programs import Programs


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    made = tmp_path / "check"
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    return str(made)


def users(script: Script, settings: ScriptSettings) -> tuple[str, int]:
    who = Programs(settings, print).prepared(script).who
    return who.name, who.gid


def test_whose_a_script_is(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "KEEPALIVED_USER", "no-such-user")
    plain, own = Script(command=(path,)), Script(command=(path,), user="nobody")
    nobodys = identities.identity("nobody").gid
    assert users(plain, ScriptSettings()) == ("nobody", nobodys)
    assert users(plain, ScriptSettings(user="daemon", group="bin")) == ("daemon", 2)
    assert users(own, ScriptSettings(user="daemon", group="bin")) == ("nobody", nobodys)
    assert users(Script(command=(path,), user="nobody", group="1"), ScriptSettings()) == ("nobody", 1)


def test_whose_a_fifo_is() -> None:
    programs = Programs(ScriptSettings(user="daemon"), print)
    assert programs.owner(Fifo(path="/f")).name == "daemon"
    assert programs.owner(Fifo(path="/f", user="nobody")).name == "nobody"


def test_what_cannot_run_says_so_each_time(path: str) -> None:
    programs = Programs(ScriptSettings(user="no-such-user"), print)
    for _ in range(2):
        with pytest.raises(ScriptRefusedError, match="there is no user no-such-user"):
            programs.prepared(Script(command=(path,)))


def test_remarks_are_made_once() -> None:
    said: list[str] = []
    programs = Programs(ScriptSettings(user="nobody"), said.append)
    for arguments in ((), ("a",), ("b",)):
        ready = programs.prepared(Script(command=("true", *arguments)))
        assert ready.command[0].startswith("/")
        assert ready.command[1:] == arguments
    assert len(said) == 1


def test_with_script_security_root_runs_nothing_that_others_can_change(path: str) -> None:
    pathlib.Path(path).chmod(0o777)
    said: list[str] = []
    script = Script(command=(path,), user="root")
    with pytest.raises(ScriptRefusedError, match="enable_script_security"):
        Programs(ScriptSettings(security=True), said.append).prepared(script)
    assert Programs(ScriptSettings(), said.append).prepared(script).command == (path,)
    assert len(said) == 1
    assert "others can change it" in said[0]
