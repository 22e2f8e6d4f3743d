# SPDX-License-Identifier: Apache-2.0
"""Who runs a program, and whether it may: real users and files of this machine."""

from __future__ import annotations

import os
import pathlib
import pwd

import pytest

from bascule.linux import identities
from bascule.linux.identities import Identity, ScriptRefusedError, identity, program

NOBODY = pwd.getpwnam("nobody")
ROOT = Identity(name="root", uid=0, gid=0, groups=(0,))
SOMEBODY = Identity(name="somebody", uid=4242, gid=4243, groups=(4243, 4244))


@pytest.fixture
def script(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "check"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_user_has_its_own_group_and_is_in_it() -> None:
    found = identity("nobody")
    assert (found.uid, found.gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert NOBODY.pw_gid in found.groups
    assert identity(str(NOBODY.pw_uid)) == found


def test_a_group_may_be_named() -> None:
    assert identity("nobody", "daemon").gid == identity("nobody", "1").gid == 1


@pytest.mark.parametrize(
    ("user", "group", "words"),
    [
        ("no-such-user", None, "there is no user no-such-user"),
        ("99999999999999", None, "there is no user 99999999999999"),
        ("nobody", "no-such-group", "there is no group no-such-group"),
    ],
)
def test_whom_nobody_knows(user: str, group: str | None, words: str) -> None:
    with pytest.raises(ScriptRefusedError, match=words):
        identity(user, group)


def test_nobody_s_scripts_are_not_root_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "KEEPALIVED_USER", "no-such-user")
    assert identities.default_user() == "nobody"
    monkeypatch.setattr(identities, "KEEPALIVED_USER", "daemon")
    assert identities.default_user() == "daemon"


def test_a_program_that_may_run(script: pathlib.Path) -> None:
    assert program([str(script), "x"], SOMEBODY, security=True) == (str(script), None)
    path, remark = program(["sh"], SOMEBODY, security=True)
    assert path.endswith("/sh")
    assert remark is not None
    assert "better give the whole path" in remark


def test_programs_that_cannot_run(script: pathlib.Path) -> None:
    for command, words in (
        ("no-such-program", "it is nowhere in "),
        (str(script / "x"), "Not a directory"),
        (str(script) + "x", "No such file"),
        (str(script.parent), "it is no ordinary file"),
    ):
        with pytest.raises(ScriptRefusedError, match=words):
            program([command], SOMEBODY, security=False)


@pytest.mark.root
@pytest.mark.parametrize(
    ("owner", "mode", "who", "allowed"),
    [
        ((0, 0), 0o744, SOMEBODY, False),
        ((0, 0), 0o745, SOMEBODY, True),
        ((0, 4244), 0o754, SOMEBODY, True),
        ((0, 4244), 0o745, SOMEBODY, False),
        ((4242, 0), 0o744, SOMEBODY, True),
        ((4242, 0), 0o655, SOMEBODY, False),
        ((0, 0), 0o644, ROOT, False),
        ((0, 0), 0o645, ROOT, True),
    ],
)
def test_the_mode_decides(
    script: pathlib.Path, owner: tuple[int, int], mode: int, who: Identity, allowed: bool
) -> None:
    os.chown(script, *owner)
    script.chmod(mode)
    if allowed:
        assert program([str(script)], who, security=False)[0] == str(script)
        return
    with pytest.raises(ScriptRefusedError, match=f"not executable for user {who.name}"):
        program([str(script)], who, security=False)


def test_root_does_not_run_what_others_can_change(script: pathlib.Path) -> None:
    script.chmod(0o757)
    with pytest.raises(ScriptRefusedError, match=r"would run as root, and .* \(enable_script_security\)"):
        program([str(script)], ROOT, security=True)
    path, remark = program([str(script)], ROOT, security=False)
    assert path == str(script)
    assert remark is not None
    assert "others can change it" in remark
    assert program([str(script)], SOMEBODY, security=True) == (str(script), None)
