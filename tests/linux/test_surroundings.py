# SPDX-License-Identifier: Apache-2.0
"""What this machine has, and who can change its programs: real files, real interfaces."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest

from bascule.linux.surroundings import ThisMachine


@pytest.fixture
def script(tmp_path: pathlib.Path) -> pathlib.Path:
    """A program."""
    path = tmp_path / "check"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_every_machine_has_a_loopback() -> None:
    assert "lo" in ThisMachine().interfaces()


def test_programs_that_cannot_be_run(script: pathlib.Path) -> None:
    machine = ThisMachine()
    assert machine.missing(str(script)) is None
    assert machine.missing("sh") is None
    assert machine.missing("no-such-program") == "there is no such file"
    assert machine.missing(str(script / "below")) == "there is no such file"
    assert machine.missing(str(script.parent)) == "it is a directory"
    script.chmod(0o644)
    assert machine.missing(str(script)) == "it is not executable"


def test_programs_of_the_system_are_root_s_alone() -> None:
    assert ThisMachine().insecure("sh") is None
    assert ThisMachine().insecure(os.path.realpath("/bin/sh")) is None


@pytest.mark.root
@pytest.mark.parametrize(
    ("mode", "owner", "group", "why"),
    [
        (0o755, 0, 0, None),
        (0o775, 0, 0, None),
        (0o755, 65534, 0, "belongs to user 65534"),
        (0o775, 0, 65534, "is writable by group 65534"),
        (0o757, 0, 0, "is writable by everybody"),
    ],
)
def test_who_can_change_a_program(mode: int, owner: int, group: int, why: str | None) -> None:
    """Below /run, whose folders are root's; a home or a temporary folder may be anybody's."""
    folder = pathlib.Path("/run/bascule-test-surroundings")
    folder.mkdir(mode=0o755)
    path = folder / "check"
    try:
        path.write_text("#!/bin/sh\n")
        path.chmod(mode)
        os.chown(path, owner, group)
        assert ThisMachine().insecure(str(path)) == (f"{path} {why}" if why else None)
        link = folder / "link"
        link.symlink_to(path)
        assert ThisMachine().insecure(str(link)) == (f"{link} {why}" if why else None)
        os.chown(path, 0, 0)
        path.chmod(0o755)
        folder.chmod(0o777)
        assert ThisMachine().insecure(str(path)) == f"{folder} is writable by everybody"
        folder.chmod(0o777 | stat.S_ISVTX)
        assert ThisMachine().insecure(str(path)) is None
    finally:
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()
